/* Two processes, one after the other, with the same pid.
 *
 * usage: reuse PID
 *
 * Makes a child with that pid which makes five getppid calls, lets it end, and makes another, of another name, which
 * makes seven getpgrp calls. Needs clone3 with set_tid (Linux 5.5, CAP_CHECKPOINT_RESTORE). Prints both pids. */
#define _GNU_SOURCE
#include <linux/sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static pid_t child(pid_t wanted)
{
	struct clone_args how = {
	    .exit_signal = SIGCHLD, .set_tid = (uintptr_t)&wanted, .set_tid_size = 1};

	return syscall(SYS_clone3, &how, sizeof(how));
}

int main(int count, char **words)
{
	pid_t wanted = count > 1 ? atoi(words[1]) : 0;
	pid_t first, second;

	first = child(wanted);
	if (first == 0) {
		prctl(PR_SET_NAME, "first");
		for (int i = 0; i < 5; i++)
			syscall(SYS_getppid);
		_exit(0);
	}
	if (first < 0)
		return 1;
	waitpid(first, NULL, 0);
	second = child(wanted);
	if (second == 0) {
		prctl(PR_SET_NAME, "second");
		for (int i = 0; i < 7; i++)
			syscall(SYS_getpgrp);
		_exit(0);
	}
	if (second < 0)
		return 1;
	waitpid(second, NULL, 0);
	printf("[%d,%d]\n", first, second);
	return 0;
}
