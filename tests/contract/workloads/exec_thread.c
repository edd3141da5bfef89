/* A thread that is not the leader executes a program, this one again, and so takes the leader's tid.
 *
 * usage: exec_thread
 *
 * Meanwhile the leader hangs in pause, from which it never returns. Printed by the new program: its pid, and the tid
 * that the thread had. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

extern char **environ;

static void *execute(void *self)
{
	char tid[16];
	char *words[] = {self, tid, NULL};

	usleep(20000); /* until the leader hangs */
	sprintf(tid, "%ld", syscall(SYS_gettid));
	execve(self, words, environ);
	abort();
}

int main(int argc, char **argv)
{
	pthread_t made;

	if (argc > 1) {
		printf("{\"program\":\"exec_thread\",\"pid\":%d,\"old_tid\":%s}\n", getpid(), argv[1]);
		return 0;
	}
	if (pthread_create(&made, NULL, execute, argv[0]))
		return 1;
	for (;;)
		pause();
}
