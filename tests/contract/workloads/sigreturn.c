/* Returns from signal handlers a known number of times.
 *
 * usage: sigreturn [TIMES] */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static volatile sig_atomic_t handled;

static void handle(int number)
{
	handled += number == SIGUSR1;
}

int main(int argc, char **argv)
{
	int times = argc > 1 ? atoi(argv[1]) : 101;

	signal(SIGUSR1, handle);
	for (int i = 0; i < times; i++)
		raise(SIGUSR1);
	printf("{\"program\":\"sigreturn\",\"pid\":%d,\"calls\":%d}\n", getpid(), handled);
	return 0;
}
