// SPDX-License-Identifier: Apache-2.0
/* tcp COUNT: a server and its client on the loopback interface: COUNT requests of 64 bytes, each answered with 1,024;
 * a new connection after every 100. The server waits with epoll, as servers do.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define REQUEST 64
#define RESPONSE 1024
#define PER_CONNECTION 100

static int receive(int fd, char *buffer, int size)
{
	int have = 0;

	while (have < size) {
		int got = read(fd, buffer + have, size - have);

		if (got <= 0)
			return 0;
		have += got;
	}
	return 1;
}

static void at_once(int fd)
{
	int one = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

static int serve(int listener, long connections)
{
	char buffer[RESPONSE] = { 0 };
	struct epoll_event event = { .events = EPOLLIN, .data.fd = listener };
	int poll = epoll_create1(0);

	epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event);
	while (connections > 0) {
		if (epoll_wait(poll, &event, 1, -1) != 1)
			continue;
		if (event.data.fd == listener) {
			int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
			struct epoll_event more = { .events = EPOLLIN, .data.fd = fd };

			at_once(fd);
			epoll_ctl(poll, EPOLL_CTL_ADD, fd, &more);
		} else if (!receive(event.data.fd, buffer, REQUEST) || write(event.data.fd, buffer, RESPONSE) != RESPONSE) {
			close(event.data.fd);
			connections--;
		}
	}
	return 0;
}

static int ask(const struct sockaddr_in *address, long requests)
{
	char buffer[RESPONSE] = { 0 };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (connect(fd, (const struct sockaddr *)address, sizeof(*address)))
		return 0;
	at_once(fd);
	for (long i = 0; i < requests; i++)
		if (write(fd, buffer, REQUEST) != REQUEST || !receive(fd, buffer, RESPONSE))
			return 0;
	return close(fd) == 0;
}

int main(int count, char **words)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int failed = 0, status;

	if (count != 2)
		return 2;

	long connections = (atol(words[1]) + PER_CONNECTION - 1) / PER_CONNECTION;

	if (bind(listener, (struct sockaddr *)&address, size) || listen(listener, 8) ||
	    getsockname(listener, (struct sockaddr *)&address, &size))
		return 3;

	pid_t server = fork();

	if (server == 0)
		_exit(serve(listener, connections));
	for (long i = 0; i < connections; i++)
		failed |= !ask(&address, PER_CONNECTION);
	waitpid(server, &status, 0);
	return failed || status ? 4 : 0;
}
