/* SPDX-License-Identifier: Apache-2.0 */
/* One loop on several threads, the first of them the program's own. */
#include <pthread.h>
#include <stdlib.h>

/* Until all have ended: 0, or -1 where a thread could not be made; then those that were go on. */
static int on_threads(int threads, void *(*loop)(void *))
{
	pthread_t *all = calloc(threads, sizeof(*all));

	for (int i = 1; i < threads; i++)
		if (!all || pthread_create(&all[i], NULL, loop, NULL))
			return -1;
	loop(NULL);
	for (int i = 1; i < threads; i++)
		pthread_join(all[i], NULL);
	free(all);
	return 0;
}
