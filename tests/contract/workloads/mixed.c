/* Short and long calls, good and failing ones, by processes that differ in what filters look at.
 *
 * usage: mixed [UID [CGROUP_PROCS]]
 *
 * The program forks a child "plain", a child "renamed" (its threads carry that name) and, where they are given, a child
 * that runs as UID and a child that joins the group whose cgroup.procs file is named. Each makes: 5 getppid, 3 failing
 * close, 2 nanosleep of 3 ms, 7 lseek. A thread of the parent makes the same. Printed: who ran as which pid and tid. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int null;

static void make_calls(void)
{
	struct timespec pause = {0, 3000000};

	for (int i = 0; i < 5; i++)
		syscall(SYS_getppid);
	for (int i = 0; i < 3; i++)
		syscall(SYS_close, -703);
	for (int i = 0; i < 2; i++)
		syscall(SYS_nanosleep, &pause, NULL);
	for (int i = 0; i < 7; i++)
		syscall(SYS_lseek, null, 0, SEEK_SET);
}

static void join(const char *procs)
{
	int fd = open(procs, O_WRONLY);

	if (fd < 0 || write(fd, "0", 1) != 1)
		abort();
}

static void child(const char *who, const char *uid, const char *procs)
{
	pid_t pid = fork();

	if (pid < 0)
		abort();
	if (!pid) {
		if (!strcmp(who, "renamed"))
			prctl(PR_SET_NAME, "renamed thread");
		if (procs)
			join(procs);
		if (uid && syscall(SYS_setresuid, atoi(uid), atoi(uid), atoi(uid)))
			abort();
		make_calls();
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	printf("\"%s\":%d,", who, pid);
}

static void *thread(void *tid)
{
	*(long *)tid = syscall(SYS_gettid);
	make_calls();
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t made;
	long tid;

	null = open("/dev/null", O_RDONLY);
	printf("{");
	child("plain", NULL, NULL);
	child("renamed", NULL, NULL);
	if (argc > 1)
		child("user", argv[1], NULL);
	if (argc > 2)
		child("group", NULL, argv[2]);
	if (pthread_create(&made, NULL, thread, &tid) || pthread_join(made, NULL))
		return 1;
	printf("\"thread\":%ld,\"self\":%d}\n", tid, getpid());
	return 0;
}
