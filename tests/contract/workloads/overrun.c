/* Runs a program whose tracer, our parent, is stopped for its first tenth of a second: however fast the machine drains a
 * small ring, it is full by then. It makes no call that ends a process, which the program may want to count.
 *
 *     overrun PROGRAM [ARGS]
 */
#include <signal.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	pid_t tracer = getppid();

	if (argc < 2)
		return 2;
	if (!fork()) {
		usleep(100000);
		kill(tracer, SIGCONT);
		raise(SIGKILL);
	}
	kill(tracer, SIGSTOP);
	execv(argv[1], argv + 1);
	return 1;
}
