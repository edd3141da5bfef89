/* A 64-bit program that hangs in a 32-bit call, made by int $0x80: an open of a fifo that nobody writes to.
 *
 * usage: compat_open FIFO
 *
 * Prints its pid before. */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int main(int count, char **words)
{
	char *low = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	int64_t result = 5; /* open */

	if (count < 2 || low == MAP_FAILED)
		return 1;
	strncpy(low, words[1], 4095);
	printf("%d\n", getpid());
	fflush(stdout);
	asm volatile("int $0x80" : "+a"(result) : "b"(low), "c"(0), "d"(0) : "memory", "r8", "r9", "r10", "r11");
	return result < 0;
}
