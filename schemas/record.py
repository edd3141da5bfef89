"""The kernel's record and ring as numpy dtypes: record.h, said again for Python.

`RECORD`, `RING`, `ENTRY` and `RUNNING` have the layout of `struct systape_record`, `systape_ring` and so on;
tests/contract/test_record_layout.py compiles record.h and compares every size and offset.
"""

from enum import IntEnum, IntFlag

import numpy as np


class Kind(IntEnum):
    """What a row is; the names, in lower case, are the values of the column `kind`."""

    SYSCALL = 0
    FORK = 1
    EXEC = 2
    EXIT = 3
    SIGNAL = 4
    PROCESS = 5
    FD = 6
    LOSS = 7


class Abi(IntEnum):
    """By which table a call is numbered; the names, in lower case, are the values of the column `abi`."""

    X86_64 = 0
    I386 = 1
    X32 = 2
    AARCH64 = 3
    ARM = 4


class Flag(IntFlag):
    """Bits of the column `flags`."""

    ENTRY_UNSEEN = 1
    UNFINISHED = 2
    PATH_UNREADABLE = 4
    TRUNCATED = 8
    ESCAPED = 16
    STATE_ONLY = 32
    PAYLOAD_LOST = 64


class Found(IntEnum):
    """By what a call is known to have found a file (`enum systape_found`)."""

    NOTHING = 0
    BY_FD = 1
    BY_CWD = 2
    BY_PAIR = 3
    BY_SOCKETS = 4


class Addr(IntEnum):
    """Where a call's socket address is (`enum systape_addr`)."""

    NONE = 0
    GIVEN = 1
    GIVEN_LAST = 2
    BACK = 3
    BACK_LAST = 4
    MESSAGE = 5


class Data(IntEnum):
    """Where a call's buffer is (`enum systape_data`)."""

    NONE = 0
    GIVEN = 1
    BACK = 2
    GIVEN_VECTOR = 3
    BACK_VECTOR = 4
    GIVEN_MESSAGE = 5
    BACK_MESSAGE = 6
    PAIR = 7
    PAIR_LAST = 8
    BACK_FIRST = 9
    BACK_THIRD = 10
    GIVEN_THIRD = 11


class Cause(IntEnum):
    """Why a call that was seen is not in the file (`arg0` of a loss row)."""

    RING_FULL = 0
    TABLE_FULL = 1
    RECURSION = 2
    WRITER = 3
    LIMIT = 4
    DAMAGED = 5


KERNEL_CAUSES = 2
CELLS_PER_ABI = 512
CELL_OTHER = 2 * CELLS_PER_ABI
CELLS = 2 * CELLS_PER_ABI + 8
NOT_MEASURED = 0xFFFF_FFFF_FFFF_FFFF
NO_PAYLOAD = 0xFFFF_FFFF
RING_HEADER = 65536
ENTRIES = 65536
EXECS = 64
EXEC_PATH, EXEC_ARGV, EXEC_SLACK = 4096, 32768, 4096
ABSENT = 0xFFFF
PAYLOAD_ALIGN = 8
PLAN_EXEC = 0x8000
PLAN_FD_RETURNED = 7
PLAN_FILLED = 0x80000
PLAN_FOUND_SHIFT, PLAN_FOUND_MASK = 20, 7
FOUND_FILE, FOUND_SOCKET, FOUND_PIPE = b"fsp"
CACHE_LINE = 64

RECORD = np.dtype(
    [
        ("ts", "u8"),
        ("dur", "u8"),
        ("args", "u8", 6),
        ("ret", "i8"),
        ("pid", "u4"),
        ("tid", "u4"),
        ("nr", "u4"),
        ("uid", "u4"),
        ("comm", "S16"),
        ("cgroup", "u8"),
        ("runq", "u8"),
        ("payload", "u4"),
        ("flags", "u2"),
        ("kind", "u1"),
        ("abi", "u1"),
    ]
)

RING = np.dtype(
    [
        ("head", "u8"),
        ("bytes_head", "u8"),
        ("pad0", "u8", 6),
        ("tail", "u8"),
        ("bytes_tail", "u8"),
        ("pad1", "u8", 6),
        ("own_enters", "u8"),
        ("own_exits", "u8"),
        ("child_returns", "u8"),
        ("filtered", "u8"),
        ("state_dropped", "u8"),
        ("payload_dropped", "u8"),
        ("entries_lost", "u8"),
        ("used", "u8"),
        ("payload_flags", "u8"),
        ("stopping", "u8"),
        ("pad2", "u8", 6),
        ("seen", "u8", CELLS),
        ("dropped", "u8", (KERNEL_CAUSES, CELLS)),
        ("plan", "u4", CELLS),
    ]
)

ENTRY = np.dtype(
    [
        ("owner", "u8"),
        ("ts", "u8"),
        ("args", "u8", 6),
        ("run_delay", "u8"),
        ("nr", "u4"),
        ("pid", "u4"),
        ("abi", "u1"),
        ("on_path", "u1"),
        ("pad", "u1", 46),
    ]
)

PIECES = np.dtype([("path", "u2"), ("path2", "u2"), ("addr", "u2"), ("data", "u2")])

EXEC = np.dtype(
    [
        ("owner", "u8"),
        ("path", "u2"),
        ("argv", "u2"),
        ("flags", "u2"),
        ("pad", "u2"),
        ("bytes", "u1", EXEC_PATH + EXEC_ARGV + EXEC_SLACK),
    ]
)

RUNNING = np.dtype(
    [
        ("args", "u8", 6),
        ("pid", "u4"),
        ("tid", "u4"),
        ("nr", "u4"),
        ("bytes", "u4"),
        ("flags", "u2"),
        ("abi", "u1"),
        ("pad", "u1", 5),
    ]
)


def cell_of(nr: np.ndarray, abi: np.ndarray) -> np.ndarray:
    """The accounting cell of each call, as the kernel program counts it.

    `nr` (uint32 or int32) and `abi` (uint8) have one shape, which is the shape of the int64 result. A number beyond
    the table, and any abi but the native and the i386 one, falls into `CELL_OTHER`: never into another call's cell.
    """
    number = nr.astype(np.uint32)
    native = (abi == Abi.X86_64) | (abi == Abi.AARCH64)
    if bool(native.all()) and int(number.max(initial=0)) < CELLS_PER_ABI:
        return number.astype(np.int64)
    known = (number < CELLS_PER_ABI) & (native | (abi == Abi.I386))
    base = np.where(native, 0, CELLS_PER_ABI)
    return np.where(known, base + number, CELL_OTHER).astype(np.int64)
