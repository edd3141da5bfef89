/* As many calls as all CPUs can make: one thread bound to each, which counts what it has made.
 *
 * usage: flood SECONDS
 *
 * Begins when its standard input says something, or ends. Prints, by CPU, how many getppid calls were made there, and how long it all took. Linked statically, so that nothing
 * else in it makes such calls. */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define MOST 1024
#define AT_ONCE 1000

static long made[MOST];
static double seconds;

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec + time.tv_nsec / 1e9;
}

static void *flood(void *number)
{
	long cpu = (long)number;
	double end;
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		abort();
	for (end = now() + seconds; now() < end; made[cpu] += AT_ONCE)
		for (int i = 0; i < AT_ONCE; i++)
			syscall(SYS_getppid);
	return NULL;
}

int main(int count, char **words)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	pthread_t threads[MOST];
	double begin;

	getchar();
	begin = now();
	seconds = count > 1 ? atof(words[1]) : 1;
	for (long cpu = 0; cpu < cpus; cpu++)
		if (pthread_create(&threads[cpu], NULL, flood, (void *)cpu))
			return 1;
	for (long cpu = 0; cpu < cpus; cpu++)
		pthread_join(threads[cpu], NULL);
	printf("{\"seconds\":%f,\"made\":[", now() - begin);
	for (long cpu = 0; cpu < cpus; cpu++)
		printf("%s%ld", cpu ? "," : "", made[cpu]);
	printf("]}\n");
	return 0;
}
