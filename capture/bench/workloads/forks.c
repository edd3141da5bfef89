// SPDX-License-Identifier: Apache-2.0
/* forks COUNT: a storm of short processes, eight alive at a time. */
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define ALIVE 8

int main(int count, char **words)
{
	if (count != 2)
		return 2;

	long left = atol(words[1]);
	int alive = 0;

	while (left > 0 || alive > 0) {
		if (left > 0 && alive < ALIVE) {
			pid_t pid = fork();

			if (pid == 0)
				_exit(0);
			if (pid < 0)
				return 3;
			left--;
			alive++;
		} else if (wait(NULL) > 0) {
			alive--;
		}
	}
	return 0;
}
