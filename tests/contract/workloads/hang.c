/* Threads that hang in calls, each in another; the leader reads its standard input byte by byte.
 *
 * usage: hang
 *
 * Printed once all hang: pid, and per thread its tid, the call, and the arguments that are known. It ends when its
 * standard input does. */
#define _GNU_SOURCE
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#define THREADS 4

static pid_t tids[THREADS];
static int epoll, ends[2], futex;

static void *hang(void *number)
{
	char byte;
	struct epoll_event event;
	long which = (long)number;

	__atomic_store_n(&tids[which], syscall(SYS_gettid), __ATOMIC_SEQ_CST);
	if (which == 0)
		syscall(SYS_pause);
	else if (which == 1)
		syscall(SYS_epoll_wait, epoll, &event, 1, -1);
	else if (which == 2)
		syscall(SYS_read, ends[0], &byte, 1);
	else
		syscall(SYS_futex, &futex, 0, 0, NULL);
	abort();
}

int main(void)
{
	pthread_t made;
	char byte;

	epoll = epoll_create1(0);
	if (epoll < 0 || pipe(ends))
		return 1;
	for (long i = 0; i < THREADS; i++)
		if (pthread_create(&made, NULL, hang, (void *)i))
			return 1;
	for (int i = 0; i < THREADS; i++)
		while (!__atomic_load_n(&tids[i], __ATOMIC_SEQ_CST))
			usleep(1000);
	usleep(50000); /* from the tid to the call it is not far */
	printf("{\"pid\":%d,\"threads\":[", getpid());
	printf("{\"tid\":%d,\"syscall\":\"pause\",\"args\":[]},", tids[0]);
	printf("{\"tid\":%d,\"syscall\":\"epoll_wait\",\"args\":[%d]},", tids[1], epoll);
	printf("{\"tid\":%d,\"syscall\":\"read\",\"args\":[%d]},", tids[2], ends[0]);
	printf("{\"tid\":%d,\"syscall\":\"futex\",\"args\":[%ld,0,0,0]}]}\n", tids[3], (long)&futex);
	fflush(stdout);
	while (read(0, &byte, 1) == 1)
		;
	return 0;
}
