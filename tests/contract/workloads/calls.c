/* Makes a known number of calls of each kind and prints that number: what a capture must say of it.
 *
 * usage: calls THREADS [ROUNDS]
 *
 * Each thread makes, in each round, a prime number of calls of each kind, a different one for each, so that no kind can
 * pass for another; the kinds take turns, so that kinds, CPUs and threads mix. So does each of two children that every
 * thread forks. All are made by instruction, without the C library. The program is linked
 * statically and prints with writev, so nothing else in it makes calls of the kinds for which `alone` is true: their
 * accounting cells hold these calls and no others. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHILDREN 2
#define ZERO 701
#define NULL_FILE 702
#define NO_FILE (-703)
#define X32_BIT 0x40000000

struct kind {
	const char *name;
	const char *abi;
	long nr, arg0, arg1, arg2;
	int alone, calls;
	const char *where; /* what tells these calls from others of their number */
};

static char byte;
static int futex;
static const struct kind kinds[] = {
	{"getppid", "x86_64", SYS_getppid, 0, 0, 0, 1, 31, ""},
	{"read", "x86_64", SYS_read, ZERO, (long)&byte, 1, 1, 37, "\"arg0\":701,\"arg2\":1"},
	{"write", "x86_64", SYS_write, NULL_FILE, (long)&byte, 1, 1, 41, "\"arg0\":702,\"arg2\":1"},
	{"openat", "x86_64", SYS_openat, NO_FILE, (long)"nowhere", O_RDONLY, 1, 43, "\"arg0\":-703"},
	{"close", "x86_64", SYS_close, NO_FILE, 0, 0, 0, 47, "\"arg0\":-703"},
	{"futex", "x86_64", SYS_futex, (long)&futex, FUTEX_WAKE, 703, 0, 53, "\"arg1\":1,\"arg2\":703"},
	{"sched_yield", "x86_64", SYS_sched_yield, 0, 0, 0, 1, 59, ""},
	{"lseek", "x86_64", SYS_lseek, NULL_FILE, -(1L << 40), SEEK_SET, 1, 61, "\"arg0\":702,\"arg1\":-1099511627776"},
	{"syscall_-1", "x86_64", -1, 0, 0, 0, 0, 67, ""},
	{"syscall_100000", "x86_64", 100000, 0, 0, 0, 0, 71, ""},
	{"getppid", "x32", X32_BIT | SYS_getppid, 0, 0, 0, 0, 73, ""},
	{"getppid", "i386", 64, 0, 0, 0, 1, 79, ""},
};
#define KINDS (sizeof(kinds) / sizeof(*kinds))

#define MOST 79 /* calls of a kind */

static long rounds = 1;

static long call(const struct kind *kind)
{
	long result;
	register long arg3 asm("r10") = 0;

	if (kind->abi[0] == 'i')
		asm volatile("int $0x80" : "=a"(result) : "a"(kind->nr), "b"(0), "c"(0), "d"(0) : "memory", "r8", "r9", "r10", "r11");
	else
		asm volatile("syscall"
			     : "=a"(result)
			     : "a"(kind->nr), "D"(kind->arg0), "S"(kind->arg1), "d"(kind->arg2), "r"(arg3)
			     : "rcx", "r11", "memory");
	return result;
}

static void make_calls(void)
{
	for (long i = 0; i < rounds * MOST; i++)
		for (size_t kind = 0; kind < KINDS; kind++)
			if (i % MOST < kinds[kind].calls)
				call(&kinds[kind]);
}

static void *work(void *unused)
{
	pid_t children[CHILDREN];

	for (int i = 0; i < CHILDREN; i++) {
		children[i] = fork();
		if (children[i] < 0)
			abort();
		if (!children[i]) {
			make_calls();
			_exit(0);
		}
	}
	make_calls();
	for (int i = 0; i < CHILDREN; i++)
		waitpid(children[i], NULL, 0);
	return unused;
}

static void print(long threads)
{
	static char text[4096];
	int length = sprintf(text, "[");

	for (size_t i = 0; i < KINDS; i++)
		length += sprintf(text + length,
				  "{\"syscall\":\"%s\",\"abi\":\"%s\",\"nr\":%d,\"alone\":%s,\"where\":{%s},\"calls\":%ld},",
				  kinds[i].name, kinds[i].abi, (int)kinds[i].nr, kinds[i].alone ? "true" : "false", kinds[i].where,
				  threads * (1 + CHILDREN) * rounds * kinds[i].calls);
	length += sprintf(text + length, "{\"syscall\":\"exit\",\"abi\":\"x86_64\",\"nr\":60,\"alone\":true,\"where\":{},\"calls\":%ld},",
			  threads);
	length += sprintf(text + length,
			  "{\"syscall\":\"exit_group\",\"abi\":\"x86_64\",\"nr\":231,\"alone\":true,\"where\":{},\"calls\":%ld}]\n",
			  1 + threads * CHILDREN);
	struct iovec piece = {text, length};

	if (writev(1, &piece, 1) != length)
		abort();
}

int main(int argc, char **argv)
{
	long threads = argc > 1 ? atol(argv[1]) : 1;
	pthread_t ids[64];
	int zero, null;

	if (threads < 1 || threads > 64)
		return 2;
	rounds = argc > 2 ? atol(argv[2]) : 1;
	zero = syscall(SYS_open, "/dev/zero", O_RDONLY);
	null = syscall(SYS_open, "/dev/null", O_WRONLY);
	if (dup2(zero, ZERO) < 0 || dup2(null, NULL_FILE) < 0)
		return 1;
	for (long i = 0; i < threads; i++)
		if (pthread_create(&ids[i], NULL, work, NULL))
			return 1;
	for (long i = 0; i < threads; i++)
		pthread_join(ids[i], NULL);
	print(threads);
	return 0;
}
