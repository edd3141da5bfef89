/* A fork storm: on each CPU a process that makes children as fast as it can, some hundreds at once.
 *
 * usage: swarm CHILDREN
 *
 * Each child makes one getppid call and ends. Prints how many were made. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define AT_ONCE 400

int main(int count, char **words)
{
	long children = count > 1 ? atol(words[1]) : 1, cpus = sysconf(_SC_NPROCESSORS_ONLN);

	for (long cpu = 0; cpu < cpus; cpu++)
		if (fork() == 0) {
			for (long i = 0, alive = 0; i < children; i++) {
				pid_t child = fork();

				if (child == 0) {
					syscall(SYS_getppid);
					_exit(0);
				}
				if (child < 0)
					_exit(1);
				if (++alive == AT_ONCE)
					while (alive && wait(NULL) > 0)
						alive--;
			}
			while (wait(NULL) > 0)
				;
			_exit(0);
		}
	for (long cpu = 0; cpu < cpus; cpu++) {
		int status;

		if (wait(&status) < 0 || status)
			return 1;
	}
	printf("{\"children\":%ld,\"parents\":%ld}\n", children * cpus, cpus);
	return 0;
}
