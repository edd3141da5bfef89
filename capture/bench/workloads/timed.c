// SPDX-License-Identifier: Apache-2.0
/* timed FD CMD ARGS: run a command when told to, and say what it took.
 *
 * On the socket FD:  > "ready\n"   < one byte   > "WALL_NS USER_US SYSTEM_US OWN_US STATUS\n"   < one byte, then the end.
 * The clock runs from the fork to the last wait, so a tracer's own start is left out, and its cost is not. The second
 * byte keeps a tracer that is this program's parent alive until somebody has looked at it.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long long nanoseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static long long microseconds(struct timeval time)
{
	return time.tv_sec * 1000000LL + time.tv_usec;
}

int main(int count, char **words)
{
	struct rusage command, own;
	int channel, status;
	long long begin, wall;
	char byte;
	pid_t pid;

	if (count < 3)
		return 2;
	channel = atoi(words[1]);
	fcntl(channel, F_SETFD, FD_CLOEXEC);
	if (dprintf(channel, "ready\n") < 0 || read(channel, &byte, 1) != 1)
		return 3;
	begin = nanoseconds();
	pid = fork();
	if (pid == 0) {
		execvp(words[2], words + 2);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return 4;
	wall = nanoseconds() - begin;
	getrusage(RUSAGE_CHILDREN, &command);
	getrusage(RUSAGE_SELF, &own);
	status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	dprintf(channel, "%lld %lld %lld %lld %d\n", wall, microseconds(command.ru_utime), microseconds(command.ru_stime),
		microseconds(own.ru_utime) + microseconds(own.ru_stime), status);
	return read(channel, &byte, 1) == 1 ? 0 : 3;
}
