/* Two processes whose tids agree in their low 16 bits, so that both want one place in the table of calls in progress.
 *
 * usage: collide     (as root; needs a pid_max above 65536 more than its own pid)
 *
 * Both make 101 calls of getppid while the other hangs in a call, taking turns over two pipes; then the child hangs in
 * pause until it is killed, and the parent reads its standard input to the end. Printed, once all hang: both pids. */
#define _GNU_SOURCE
#include <linux/sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define CALLS 101

static int to_child[2], to_parent[2];

static void take_turns(int from, int to)
{
	char byte = 'x';

	for (int i = 0; i < CALLS; i++) {
		if (read(from, &byte, 1) != 1)
			exit(1);
		syscall(SYS_getppid);
		if (write(to, &byte, 1) != 1)
			exit(1);
	}
}

int main(void)
{
	pid_t wanted = getpid() + 65536, child;
	struct clone_args args = {.exit_signal = SIGCHLD, .set_tid = (uint64_t)(uintptr_t)&wanted, .set_tid_size = 1};
	char byte = 'x';

	if (pipe(to_child) || pipe(to_parent))
		return 1;
	child = syscall(SYS_clone3, &args, sizeof(args));
	if (child < 0) {
		perror("clone3");
		return 1;
	}
	if (!child) {
		take_turns(to_child[0], to_parent[1]);
		for (;;)
			pause();
	}
	if (write(to_child[1], &byte, 1) != 1)
		return 1;
	take_turns(to_parent[0], to_child[1]);
	usleep(50000);
	printf("{\"pid\":%d,\"child\":%d,\"calls\":%d}\n", getpid(), child, CALLS);
	fflush(stdout);
	while (read(0, &byte, 1) == 1)
		;
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	return 0;
}
