/* Brings children into the world in every way there is, and prints which.
 *
 * usage: births
 *
 * Each child makes 7 calls of getppid and ends with a status of its own. Printed: per child how it was made, by which
 * call, its pid and its status; how many threads were made; and this program's own pid. */
#define _GNU_SOURCE
#include <linux/sched.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define CALLS 7

extern char **environ;

static void child(int status)
{
	for (int i = 0; i < CALLS; i++)
		syscall(SYS_getppid);
	_exit(status);
}

static pid_t clone_3(void)
{
	struct clone_args args = {.exit_signal = SIGCHLD};

	return syscall(SYS_clone3, &args, sizeof(args));
}

static pid_t spawn(char *self)
{
	char *words[] = {self, "child", NULL};
	pid_t pid;

	return posix_spawn(&pid, self, NULL, NULL, words, environ) ? -1 : pid;
}

/* The program executes itself between vfork and exit, as shells and make do. */
static pid_t vfork_and_exec(char *self)
{
	char *words[] = {self, "child", NULL};
	pid_t pid = vfork();

	if (!pid) {
		execve(self, words, environ);
		_exit(99);
	}
	return pid;
}

static void *thread(void *unused)
{
	for (int i = 0; i < CALLS; i++)
		syscall(SYS_getppid);
	return unused;
}

static void report(const char *way, const char *call, pid_t pid)
{
	int status = 0;

	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		abort();
	printf("{\"way\":\"%s\",\"syscall\":\"%s\",\"pid\":%d,\"status\":%d},", way, call, pid, WEXITSTATUS(status));
}

int main(int argc, char **argv)
{
	pthread_t made;
	pid_t pid;

	if (argc > 1 && !strcmp(argv[1], "child"))
		child(11);
	printf("{\"program\":\"births\",\"children\":[");
	if (!(pid = syscall(SYS_fork)))
		child(3);
	report("fork", "fork", pid);
	if (!(pid = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0)))
		child(5);
	report("clone", "clone", pid);
	if (!(pid = clone_3()))
		child(7);
	report("clone3", "clone3", pid);
	report("vfork and exec", "vfork", vfork_and_exec(argv[0]));
	report("posix_spawn", "clone3", spawn(argv[0]));
	if (pthread_create(&made, NULL, thread, NULL) || pthread_join(made, NULL))
		abort();
	printf("null],\"threads\":1,\"calls\":%d,\"pid\":%d}\n", CALLS, getpid());
	return 0;
}
