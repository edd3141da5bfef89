/* Make each call of a list, under a filter that refuses them all, so that any call with any arguments is harmless:
 * a tracer sees it, the kernel does nothing. The file given holds records of seven 64-bit words, number and arguments,
 * up to one whose number is -1; what follows is data that arguments may point to. It is mapped at 0x10000000. */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BASE ((void *)0x10000000)
#define LAST 89 /* the one exit_group that is let through */

int main(int argc, char **argv)
{
	struct sock_filter refuse[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, LAST, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
	};
	struct sock_fprog program = {sizeof refuse / sizeof *refuse, refuse};
	struct stat file;
	uint64_t(*call)[7];
	int fd = argc == 2 ? open(argv[1], O_RDONLY) : -1;

	if (fd < 0 || fstat(fd, &file))
		return 1;
	call = mmap(BASE, file.st_size, PROT_READ, MAP_PRIVATE | MAP_FIXED_NOREPLACE, fd, 0);
	if (call == MAP_FAILED || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return 1;
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
		return 1;
	for (; (*call)[0] != UINT64_MAX; call++)
		syscall((*call)[0], (*call)[1], (*call)[2], (*call)[3], (*call)[4], (*call)[5], (*call)[6]);
	syscall(SYS_exit_group, LAST);
}
