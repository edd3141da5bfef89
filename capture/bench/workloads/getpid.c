// SPDX-License-Identifier: Apache-2.0
/* getpid COUNT THREADS: the shortest system call, COUNT times on each thread. */
#include <pthread.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

static long calls;

static void *loop(void *unused)
{
	for (long i = 0; i < calls; i++)
		syscall(SYS_getpid);
	return unused;
}

int main(int count, char **words)
{
	if (count != 3)
		return 2;
	calls = atol(words[1]);

	int threads = atoi(words[2]);
	pthread_t *all = calloc(threads, sizeof(*all));

	for (int i = 1; i < threads; i++)
		if (pthread_create(&all[i], NULL, loop, NULL))
			return 3;
	loop(NULL);
	for (int i = 1; i < threads; i++)
		pthread_join(all[i], NULL);
	free(all);
	return 0;
}
