/* Threads in number, that all hang in one call.
 *
 * usage: crowd THREADS
 *
 * Says `ready` when all hang; then waits for a byte on standard input, or its end, on which each thread makes three
 * getppid calls and ends. Prints how many there were. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

static int ends[2];
static long hanging;

static void *hang(void *nothing)
{
	char byte;

	__atomic_add_fetch(&hanging, 1, __ATOMIC_SEQ_CST);
	read(ends[0], &byte, 1);
	for (int i = 0; i < 3; i++)
		syscall(SYS_getppid);
	return nothing;
}

int main(int count, char **words)
{
	long many = count > 1 ? atol(words[1]) : 1;
	pthread_t *threads = calloc(many, sizeof(*threads));
	pthread_attr_t small;
	char byte;

	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, 32 << 10);
	if (!threads || pipe(ends))
		return 1;
	for (long i = 0; i < many; i++)
		if (pthread_create(&threads[i], &small, hang, NULL))
			return 1;
	while (__atomic_load_n(&hanging, __ATOMIC_SEQ_CST) < many)
		usleep(1000);
	usleep(100000); /* from there to the call it is not far */
	printf("ready\n");
	fflush(stdout);
	if (read(0, &byte, 1) < 0)
		return 1;
	close(ends[1]);
	for (long i = 0; i < many; i++)
		pthread_join(threads[i], NULL);
	printf("{\"threads\":%ld}\n", many);
	return 0;
}
