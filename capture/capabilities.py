"""The capabilities of the calling thread, and what else the kernel keeps per thread: it gives them to no process.

Source: capabilities(7), prctl(2), include/uapi/linux/capability.h.
"""

import ctypes
import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from capture.preflight import CAPABILITIES

_VERSION_3 = 0x2008_0522
_PR_SET_DUMPABLE, _PR_SET_KEEPCAPS, _PR_SET_NO_NEW_PRIVS = 4, 8, 38
_THIS_THREAD = Path("/proc/thread-self")
_ENDING = 0.5  # s
_libc = ctypes.CDLL(None, use_errno=True)


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Half(ctypes.Structure):
    """32 of the 64 bits of each set."""

    _fields_ = (("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32))


def bits(names: Iterable[str]) -> int:
    """A set of capabilities as the kernel writes it."""
    return sum(1 << CAPABILITIES[name] for name in set(names))


def holds(name: str) -> bool:
    """May this thread do what `name` (one of preflight.CAPABILITIES) is about?"""
    return bool(_permitted(_THIS_THREAD) & bits([name]))


def keep_only(names: Iterable[str]) -> None:
    """Give up, in this thread and those it will start, all but these, as far as they are held. Raises OSError."""
    kept = _permitted(_THIS_THREAD) & bits(names)
    halves = (_Half * 2)(*(_Half(part, part, 0) for part in (kept & 0xFFFF_FFFF, kept >> 32)))
    _check(_libc.capset(ctypes.byref(_Header(_VERSION_3, 0)), halves))


def survive_setuid() -> None:
    """Have the permitted set of this thread outlive its next change of user. Other threads lose theirs with it."""
    _check(_libc.prctl(_PR_SET_KEEPCAPS, 1, 0, 0, 0))


def gain_no_more() -> None:
    """No program that this thread executes gets more than it has (root's else would), and nobody without privileges
    may trace or dump this process, whose descriptors show what all others do."""
    _check(_libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    _check(_libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0))


def can(action: Callable[[], object]) -> bool:
    """Does `action` succeed, without an OSError and with true, in a child? It may give up or become what it likes.

    Not in a thread: glibc aborts if a change of user succeeds in some threads only.
    """
    child = os.fork()
    if child == 0:
        status = 1
        try:
            status = 0 if action() else 1
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def threads_with_more(names: Iterable[str]) -> list[int]:
    """Threads of this process that hold more than these capabilities; one that is ending is given time to."""
    most, end = bits(names), time.monotonic() + _ENDING
    while True:
        found = [int(folder.name) for folder in Path("/proc/self/task").iterdir() if _permitted(folder) & ~most]
        if not found or time.monotonic() > end:
            return found
        time.sleep(0.001)


def _permitted(thread: Path) -> int:
    """What it may make effective, by its folder in /proc; nothing if it is gone."""
    try:
        text = (thread / "status").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return next(int(line.split()[1], 16) for line in text.splitlines() if line.startswith("CapPrm:"))


def _check(result: int) -> None:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
