// SPDX-License-Identifier: Apache-2.0
/*
 * numbered RATE THREADS: calls that can be told apart, lseek(-1, NUMBER, 0), counted from 0 on each thread.
 *
 * RATE calls a second in all, in turns of a millisecond; 0 is as fast as it goes. SIGTERM ends it, and it prints
 * TID COUNT for each thread.
 */
#include "../capture/bench/workloads/threads.h"
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define TURN 1000000L

static volatile sig_atomic_t ended;
static long each_turn;
static pthread_mutex_t printing = PTHREAD_MUTEX_INITIALIZER;

static void end(int number)
{
	(void)number;
	ended = 1;
}

static void *loop(void *unused)
{
	long number = 0, turn = each_turn ? each_turn : 1000;
	struct timespec next;

	clock_gettime(CLOCK_MONOTONIC, &next);
	while (!ended) {
		for (long i = 0; i < turn; i++)
			syscall(SYS_lseek, -1, number++, 0);
		if (!each_turn)
			continue;
		next.tv_nsec += TURN;
		if (next.tv_nsec >= 1000 * TURN) {
			next.tv_nsec -= 1000 * TURN;
			next.tv_sec++;
		}
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
	}
	pthread_mutex_lock(&printing);
	printf("%ld %ld\n", syscall(SYS_gettid), number);
	pthread_mutex_unlock(&printing);
	return unused;
}

int main(int count, char **words)
{
	if (count != 3)
		return 2;

	int threads = atoi(words[2]);

	each_turn = (atol(words[1]) + 999L * threads) / (1000L * threads);
	signal(SIGTERM, end);
	return on_threads(threads, loop) ? 3 : 0;
}
