"""How much memory an answer may take, and the kernel's help with what DuckDB does not count: long texts, Arrow."""

import os
import resource
import sys

MOST = 3 << 30
"""Bytes at most for DuckDB; what does not fit it writes to disk."""
BESIDE = 1 << 30
"""Bytes beside that, for all that DuckDB does not count."""
A_CPU = 16 << 20
"""Bytes of address space for the threads that libraries start on each: stacks, of which little is ever touched."""


def limit() -> int:
    """What DuckDB may take, in bytes."""
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return min(MOST, total * 6 // 10)


def bound() -> None:
    """Have the kernel refuse memory beyond `limit` and BESIDE to this process; what asks for it fails, in one line.

    Before libraries are loaded: Arrow's allocator would set 1 GB of address space aside, which counts.
    """
    if sys.platform != "linux":  # elsewhere the limit is not on what is mapped
        return
    os.environ.setdefault("MIMALLOC_ARENA_RESERVE", "64MiB")
    before, hard = resource.getrlimit(resource.RLIMIT_DATA)
    most = limit() + BESIDE + A_CPU * (os.cpu_count() or 1)
    if before == resource.RLIM_INFINITY or before > most:
        resource.setrlimit(resource.RLIMIT_DATA, (most, hard))


def lift() -> None:
    """As much as there was before `bound`, or more: for who sets DuckDB's limits as they like."""
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (hard, hard))


def too_much() -> str:
    """What to say of what does not fit."""
    room = f"{limit() >> 20:,} MB"
    return f"this needs more memory than there is for it ({room}): ask for less at once, or narrow it by -f"
