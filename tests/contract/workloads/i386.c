/* A 32-bit program, without a C library, so that no 32-bit one is needed.
 *
 * usage: i386
 *
 * Makes 101 calls of getppid and forks a child that makes 7 and ends with status 5; waits for it, prints the two
 * numbers, reads its standard input once and ends with status 3. */
#define CALLS 101
#define OF_CHILD 7

static long call(long nr, long a, long b, long c)
{
	long result;

	__asm__ volatile("int $0x80" : "=a"(result) : "a"(nr), "b"(a), "c"(b), "d"(c) : "memory");
	return result;
}

static void make_calls(int count)
{
	for (int i = 0; i < count; i++)
		call(64, 0, 0, 0);
}

void _start(void)
{
	static const char text[] = "{\"program\":\"i386\",\"calls\":101,\"of_child\":7}\n";
	char byte;

	make_calls(CALLS);
	if (!call(2, 0, 0, 0)) {
		make_calls(OF_CHILD);
		call(1, 5, 0, 0);
	}
	call(7, -1, 0, 0);
	call(4, 1, (long)text, sizeof(text) - 1);
	call(3, 0, (long)&byte, 1);
	call(252, 3, 0, 0);
	for (;;)
		;
}
