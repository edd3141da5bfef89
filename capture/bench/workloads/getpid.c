// SPDX-License-Identifier: Apache-2.0
/* getpid COUNT THREADS: the shortest system call, COUNT times on each thread. */
#include "threads.h"
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
	return on_threads(atoi(words[2]), loop) ? 3 : 0;
}
