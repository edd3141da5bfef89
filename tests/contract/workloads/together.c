/* Processes whose threads end all at once, by exit_group, while they run.
 *
 * usage: together PROCESSES
 *
 * Each has so many threads besides its first, which make calls until they are ended. Prints that number. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define THREADS 7

static _Noreturn void *spin(void *barrier)
{
	pthread_barrier_wait(barrier);
	for (;;)
		syscall(SYS_getppid);
}

int main(int count, char **words)
{
	long processes = count > 1 ? atol(words[1]) : 1;

	for (long i = 0; i < processes; i++) {
		if (fork() == 0) {
			pthread_barrier_t barrier;
			pthread_t thread;

			pthread_barrier_init(&barrier, NULL, THREADS + 1);
			for (int j = 0; j < THREADS; j++)
				if (pthread_create(&thread, NULL, spin, &barrier))
					abort();
			pthread_barrier_wait(&barrier);
			_exit(0);
		}
		wait(NULL);
	}
	printf("%d\n", THREADS);
	return 0;
}
