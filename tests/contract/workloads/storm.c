/* Births, programs and ends as fast as can be: threads that fork, children that make threads or execute a program, and
 * some that are killed at whatever they do. Prints how many of each there were. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define THREADS 5
#define ROUNDS 23

static void *idle(void *nothing)
{
	getppid();
	return nothing;
}

static void work(int round, char *self)
{
	pthread_t thread;

	switch (round % 4) {
	case 0:
		execl(self, self, "end", (char *)0);
		_exit(9);
	case 1:
		pthread_create(&thread, 0, idle, 0);
		pthread_join(thread, 0);
		_exit(0);
	case 2:
		for (;;)
			getppid();
	default:
		_exit(0);
	}
}

static void *storm(void *self)
{
	int round, status;

	for (round = 0; round < ROUNDS; round++) {
		pid_t child = fork();

		if (!child)
			work(round, self);
		if (round % 4 == 2) {
			usleep(round * 100);
			kill(child, SIGKILL);
		}
		waitpid(child, &status, 0);
	}
	return 0;
}

int main(int count, char **words)
{
	pthread_t threads[THREADS];
	int i;

	if (count > 1)
		return 0;
	for (i = 0; i < THREADS; i++)
		pthread_create(&threads[i], 0, storm, words[0]);
	for (i = 0; i < THREADS; i++)
		pthread_join(threads[i], 0);
	printf("{\"program\":\"storm\",\"pid\":%d,\"forks\":%d,\"threads\":%d,\"programs\":%d,\"killed\":%d}\n", getpid(),
	       THREADS * ROUNDS, THREADS * (1 + (ROUNDS + 2) / 4), THREADS * ((ROUNDS + 3) / 4), THREADS * ((ROUNDS + 1) / 4));
	return 0;
}
