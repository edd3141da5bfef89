/* Waits in a call that no restart hides: each end of it before its time is counted. A line on standard input, or its
 * end, ends the program. With an argument it ignores SIGTERM, and opens a file now and then. Prints the interruptions. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <unistd.h>

int main(int count, char **words)
{
	struct epoll_event event = {.events = EPOLLIN};
	int interruptions = 0, failures = 0, events = epoll_create1(0);

	(void)words;
	if (count > 1)
		signal(SIGTERM, SIG_IGN);
	epoll_ctl(events, EPOLL_CTL_ADD, 0, &event);
	for (;;) {
		int ready = epoll_wait(events, &event, 1, count > 1 ? 20 : -1);
		int file = count > 1 ? open("/dev/null", O_RDONLY) : -1;

		failures += count > 1 && file < 0;
		close(file);
		if (ready > 0)
			break;
		if (ready < 0 && errno == EINTR)
			interruptions++;
	}
	printf("{\"program\":\"waits\",\"pid\":%d,\"interruptions\":%d,\"failures\":%d}\n", getpid(), interruptions, failures);
	return 0;
}
