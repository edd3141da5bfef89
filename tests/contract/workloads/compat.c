/* A 64-bit program that makes 32-bit calls, by int $0x80, between 64-bit ones.
 *
 * usage: compat
 *
 * Printed: number, six arguments as the kernel takes them (32 bits each) and result of each call. */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

struct call {
	const char *name;
	uint32_t args[7]; /* the number, then the arguments: the order of eax, ebx, ecx, edx, esi, edi, ebp */
};

static const struct call calls[] = {
	{"lseek", {19, (uint32_t)-703, 0xfffffff5, 2}},
	{"mmap2", {192, 0x701000, 0, 0x703, 0x704, (uint32_t)-705, 0x706}},
	{"getppid", {64}},
	{"close", {6, (uint32_t)-707}},
	{"syscall_511", {511, 1, 2, 3, 4, 5, 6}},
};

static int32_t call_32(const uint32_t *args)
{
	int64_t result;
	register const uint32_t *all asm("r12") = args;

	asm volatile("sub $128, %%rsp\n" /* the red zone */
		     "push %%rbp\n"
		     "mov 24(%%r12), %%ebp\n"
		     "int $0x80\n"
		     "pop %%rbp\n"
		     "add $128, %%rsp\n"
		     : "=a"(result)
		     : "a"(args[0]), "b"(args[1]), "c"(args[2]), "d"(args[3]), "S"(args[4]), "D"(args[5]), "r"(all)
		     : "memory", "cc", "r8", "r9", "r10", "r11");
	return result;
}

int main(void)
{
	printf("{\"program\":\"compat\",\"pid\":%d,\"calls\":[", getpid());
	for (unsigned i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
		const uint32_t *args = calls[i].args;
		int32_t result = call_32(args);

		syscall(SYS_getppid);
		printf("%s{\"syscall\":\"%s\",\"nr\":%u,\"args\":[%u,%u,%u,%u,%u,%u],\"ret\":%d}", i ? "," : "", calls[i].name,
		       args[0], args[1], args[2], args[3], args[4], args[5], args[6], result);
	}
	puts("]}");
	return 0;
}
