/* Processes that end, or are stopped, interrupted and go on, in every state that there is. Prints what their parent saw
 * of each: a tracer must not change any of it. */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char *self;
static int ready[2], nothing[2];

static void say_ready(void)
{
	if (write(ready[1], "", 1) != 1)
		_exit(99);
}

static void hang(void)
{
	char byte;

	_exit(read(nothing[0], &byte, 1) < 0 ? errno : 98);
}

static void *hang_in_thread(void *unused)
{
	hang();
	return unused;
}

static void *end_in_thread(void *unused)
{
	usleep(2000);
	exit(7);
	return unused;
}

static void *execute_in_thread(void *unused)
{
	usleep(2000);
	execl(self, self, "8", (char *)0);
	return unused;
}

static void in_thread(void *(*run)(void *))
{
	pthread_t thread;

	pthread_create(&thread, 0, run, 0);
}

static void note(int number)
{
	(void)number;
}

static void handle(int number, int flags)
{
	struct sigaction action = {.sa_handler = note, .sa_flags = flags};

	sigaction(number, &action, 0);
}

static void loop(void)
{
	say_ready();
	for (;;)
		getppid();
}

static void spin(void)
{
	say_ready();
	for (;;)
		;
}

static void wait_in_read(void)
{
	say_ready();
	hang();
}

static void stop_itself(void)
{
	raise(SIGSTOP);
	_exit(5);
}

static void fault(void)
{
	say_ready();
	*(volatile int *)8 = 1;
}

static void trap(void)
{
	say_ready();
	raise(SIGTRAP);
}

static void run_abort(void)
{
	say_ready();
	abort();
}

static void kill_in_vfork(void)
{
	int status;
	pid_t child;

	say_ready();
	child = vfork();
	if (!child) {
		kill(getpid(), SIGKILL);
		_exit(1);
	}
	waitpid(child, &status, 0);
	_exit(WTERMSIG(status));
}

static void wait_in_vfork(void)
{
	if (!vfork()) {
		say_ready();
		usleep(700000);
		_exit(1);
	}
	_exit(2);
}

static void hang_with_threads(void)
{
	in_thread(hang_in_thread);
	in_thread(hang_in_thread);
	say_ready();
	hang();
}

static void end_with_threads(void)
{
	in_thread(hang_in_thread);
	say_ready();
	in_thread(end_in_thread);
	hang();
}

static void end_without_leader(void)
{
	say_ready();
	in_thread(end_in_thread);
	syscall(SYS_exit, 3); /* of this thread alone */
}

static void execute_without_leader(void)
{
	say_ready();
	in_thread(hang_in_thread);
	in_thread(execute_in_thread);
	syscall(SYS_exit, 3);
}

static void execute_for_ever(void)
{
	say_ready();
	execl(self, self, "again", (char *)0);
}

static void leave_orphans(void)
{
	if (!fork()) {
		say_ready();
		usleep(20000);
		_exit(4);
	}
	_exit(6);
}

static void go_on_after_a_handler(void)
{
	handle(SIGUSR1, SA_RESTART);
	say_ready();
	hang();
}

static void end_by_a_handler(void)
{
	struct pollfd end = {nothing[0], POLLIN, 0};
	sigset_t set, old;

	handle(SIGUSR1, 0);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, &old);
	say_ready();
	_exit(ppoll(&end, 1, 0, &old) < 0 ? errno : 98);
}

static void sleep_over_a_stop(void)
{
	struct timespec before, after, time = {0, 400000000};

	clock_gettime(CLOCK_MONOTONIC, &before);
	say_ready();
	if (clock_nanosleep(CLOCK_MONOTONIC, 0, &time, 0))
		_exit(1);
	clock_gettime(CLOCK_MONOTONIC, &after);
	_exit((after.tv_sec - before.tv_sec) * 1000 + (after.tv_nsec - before.tv_nsec) / 1000000 < 400);
}

static void wait_for_signals(void)
{
	sigset_t set, old;
	siginfo_t info;
	struct timespec time = {5, 0};

	handle(SIGUSR1, 0);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, &old);
	say_ready();
	if (sigtimedwait(&set, &info, &time) != SIGUSR1 || info.si_pid != getppid() || info.si_code != SI_USER)
		_exit(1);
	kill(getpid(), SIGUSR1);
	_exit(sigsuspend(&old) == -1 && errno == EINTR ? 9 : 1);
}

static const struct {
	const char *name;
	void (*run)(void);
	int signals[4]; /* ends with 0 */
} cases[] = {
	{"kill in calls", loop, {SIGKILL}},
	{"kill in user space", spin, {SIGKILL}},
	{"term in user space", spin, {SIGTERM}},
	{"kill in a call that hangs", wait_in_read, {SIGKILL}},
	{"term in a call that hangs", wait_in_read, {SIGTERM}},
	{"kill while stopped", wait_in_read, {SIGSTOP, SIGKILL}},
	{"term while stopped", wait_in_read, {SIGSTOP, SIGTERM, SIGCONT}},
	{"stop by terminal", wait_in_read, {SIGTSTP, SIGCONT, SIGTERM}},
	{"stopped by itself", stop_itself, {SIGCONT}},
	{"fault", fault, {0}},
	{"trap", trap, {0}},
	{"abort", run_abort, {0}},
	{"kill of a vfork's child", kill_in_vfork, {0}},
	{"kill in vfork", wait_in_vfork, {SIGKILL}},
	{"exit_group with threads", end_with_threads, {0}},
	{"kill with threads", hang_with_threads, {SIGKILL}},
	{"end without leader", end_without_leader, {0}},
	{"execve without leader", execute_without_leader, {0}},
	{"kill in execve", execute_for_ever, {SIGKILL}},
	{"orphans", leave_orphans, {0}},
	{"restarted after a handler", go_on_after_a_handler, {SIGUSR1, SIGUSR1, SIGTERM}},
	{"ended by a handler", end_by_a_handler, {SIGUSR1}},
	{"sleep over a stop", sleep_over_a_stop, {SIGSTOP, SIGCONT}},
	{"signals waited for", wait_for_signals, {SIGUSR1}},
};

/* Waits for a stop or the end of the child, and prints it. */
static int next_status(pid_t child)
{
	int status;

	if (waitpid(child, &status, WUNTRACED) != child)
		exit(1);
	printf("%d, ", status);
	return status;
}

/* Prints what waitpid gives for each stop and for the end, and last the pid. */
static void run_case(unsigned number)
{
	const int *sent = cases[number].signals;
	char byte;
	pid_t child = fork();

	if (!child) {
		alarm(60);
		setpgid(0, 0); /* so that SIGTSTP stops: its group is no orphan */
		cases[number].run();
		_exit(97);
	}
	printf("%s\"%s\": [", number ? ", " : "", cases[number].name);
	if (cases[number].run == stop_itself)
		next_status(child);
	else if (read(ready[0], &byte, 1) != 1)
		exit(1);
	for (; *sent; sent++) {
		usleep(3000);
		kill(child, *sent);
		if (*sent == SIGSTOP || *sent == SIGTSTP)
			next_status(child);
	}
	while (WIFSTOPPED(next_status(child)))
		;
	printf("%d]", child);
	fflush(stdout);
}

int main(int count, char **words)
{
	struct rlimit none = {0, 0};
	unsigned number;

	self = words[0];
	if (count > 1 && !strcmp(words[1], "again"))
		execl(self, self, "again", (char *)0);
	if (count > 1)
		return atoi(words[1]);
	alarm(120);
	setrlimit(RLIMIT_CORE, &none);
	if (pipe(ready) || pipe(nothing))
		return 1;
	printf("{");
	for (number = 0; number < sizeof(cases) / sizeof(cases[0]); number++)
		run_case(number);
	printf("}\n");
	return 0;
}
