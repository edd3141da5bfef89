"""Futexes and their operations."""

from collections.abc import Callable, Sequence

from schemas.decode.fields import MASK32, Row, pointer
from schemas.decode.registry import decodes
from schemas.flags import format_enum, hexadecimal
from schemas.syscalls import Call

COMMAND = 0x7F  # without FUTEX_PRIVATE_FLAG and FUTEX_CLOCK_REALTIME
MATCH_ANY = 0xFFFF_FFFF
OPERATIONS = ("FUTEX_OP_SET", "FUTEX_OP_ADD", "FUTEX_OP_OR", "FUTEX_OP_ANDN", "FUTEX_OP_XOR")
COMPARISONS = tuple(f"FUTEX_OP_CMP_{name}" for name in ("EQ", "NE", "LT", "LE", "GT", "GE"))


SHAPES = {
    0: "val timeout",  # FUTEX_WAIT
    1: "val",  # FUTEX_WAKE
    2: "val",  # FUTEX_FD
    3: "val val2 uaddr2",  # FUTEX_REQUEUE
    4: "val val2 uaddr2 val3",  # FUTEX_CMP_REQUEUE
    5: "val val2 uaddr2 operation",  # FUTEX_WAKE_OP
    6: "timeout",  # FUTEX_LOCK_PI
    7: "",  # FUTEX_UNLOCK_PI
    8: "",  # FUTEX_TRYLOCK_PI
    9: "val timeout bitset",  # FUTEX_WAIT_BITSET
    10: "val bitset",  # FUTEX_WAKE_BITSET
    11: "val timeout uaddr2",  # FUTEX_WAIT_REQUEUE_PI
    12: "val val2 uaddr2 val3",  # FUTEX_CMP_REQUEUE_PI
    13: "timeout",  # FUTEX_LOCK_PI2
}
"""Which arguments count, by operation."""

UNKNOWN_SHAPE = "val timeout uaddr2 hex"

PRINTERS: dict[str, Callable[[Sequence[int]], str]] = {
    "val": lambda args: str(args[2] & MASK32),
    "val2": lambda args: str(args[3] & MASK32),
    "val3": lambda args: str(args[5] & MASK32),
    "timeout": lambda args: pointer(args[3]),
    "uaddr2": lambda args: pointer(args[4]),
    "bitset": lambda args: bitset(args[5]),
    "operation": lambda args: wake_operation(args[5] & MASK32),
    "hex": lambda args: hexadecimal(args[5] & MASK32),
}


@decodes("futex")
def futex(_: Call, row: Row) -> list[str]:
    """The operation says which arguments count; the fourth is a time or a number."""
    operation = row.args[1]
    shape = SHAPES.get(operation & COMMAND, UNKNOWN_SHAPE)
    shown = [pointer(row.args[0]), format_enum("futex", operation)]
    return [*shown, *(PRINTERS[name](row.args) for name in shape.split())]


def bitset(value: int) -> str:
    """A mask of waiters."""
    word = value & MASK32
    return "FUTEX_BITSET_MATCH_ANY" if word == MATCH_ANY else hexadecimal(word)


def wake_operation(value: int) -> str:
    """The operation and the comparison that FUTEX_WAKE_OP packs into one word."""
    number, comparison = value >> 28 & 7, value >> 24 & 15
    shift = "FUTEX_OP_OPARG_SHIFT<<28|" if value >> 31 else ""
    name = f"{OPERATIONS[number]}<<28" if number < len(OPERATIONS) else f"{number:#x}<<28 /* FUTEX_OP_??? */"
    compared = f"{comparison:#x}<<24 /* FUTEX_OP_CMP_??? */"
    if comparison < len(COMPARISONS):
        compared = f"{COMPARISONS[comparison]}<<24"
    return f"{shift}{name}|{hexadecimal(value >> 12 & 0xFFF)}<<12|{compared}|{hexadecimal(value & 0xFFF)}"
