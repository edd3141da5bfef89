/* Signals that the program itself makes and handles: a tracer must pass on each, SIGTRAP above all. Prints how many its
 * handlers have seen, by number. */
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROUNDS 31

static volatile sig_atomic_t seen[65];

static void handle(int number)
{
	seen[number]++;
}

int main(void)
{
	struct sigaction action = {.sa_handler = handle, .sa_flags = SA_RESTART};
	int i, status;

	sigaction(SIGTRAP, &action, 0);
	sigaction(SIGUSR1, &action, 0);
	sigaction(SIGCHLD, &action, 0);
	for (i = 0; i < ROUNDS; i++) {
		raise(SIGTRAP);
#if defined(__x86_64__)
		__asm__ volatile("int3");
#else
		raise(SIGTRAP);
#endif
		kill(getpid(), SIGUSR1);
		if (!fork())
			_exit(7);
		if (wait(&status) < 0 || WEXITSTATUS(status) != 7)
			return 1;
	}
	printf("{\"program\":\"signals\",\"pid\":%d,\"rounds\":%d,\"seen\":{\"5\":%d,\"10\":%d,\"17\":%d}}\n", getpid(), ROUNDS,
	       seen[SIGTRAP], seen[SIGUSR1], seen[SIGCHLD]);
	return 0;
}
