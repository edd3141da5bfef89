"""What a call's raw arguments mean, printed as strace prints them.

`format_args` takes what one row of a capture knows of a call. Most calls need no code: the table says the kind of
each argument, fields.py prints each kind. Calls whose arguments depend on each other have a decoder in the module of
their topic, a few lines each, registered under the call's name.

What strace reads from the program's memory and a capture does not hold (structures, the environment) is printed as
its address.
"""

from collections.abc import Sequence
from functools import cache

from schemas.decode import file, ipc, memory, net, process, ptrace, system
from schemas.decode.fields import MASK64, STRINGS, Field, Row, field_of
from schemas.decode.registry import DECODERS
from schemas.decode.result import format_result
from schemas.flags import hexadecimal
from schemas.record import Abi
from schemas.syscalls import X32_BIT, Call, table

__all__ = ["Row", "call_of", "format_args", "format_result", "list_args"]

TOPICS = (file, ipc, memory, net, process, ptrace, system)
"""Importing them registers their decoders."""


def call_of(nr: int, abi: Abi) -> Call | None:
    """The call of a number as the program gave it; None if the table does not have it."""
    return table(abi).by_number.get(nr & ~X32_BIT if abi is Abi.X32 else nr)


def format_args(call: Call | None, row: Row) -> str:
    """The text between a call's parentheses."""
    return ", ".join(list_args(call, row))


def list_args(call: Call | None, row: Row) -> list[str]:
    """Each argument's text. A call that nobody has described gets its raw arguments."""
    if call is None:
        return [hexadecimal(value & MASK64) for value in row.args]
    decode = DECODERS.get(call.name)
    if decode is not None and (call.kinds or call.name == "clone"):
        return decode(call, row)
    fields = _fields(call.kinds or ("hex",) * len(call.args))
    return [print_field(row, value) for print_field, value in zip(fields, row.args, strict=False)]


@cache
def _fields(kinds: tuple[str, ...]) -> Sequence[Field]:
    """How to print arguments of these kinds."""
    before = [sum(kind in STRINGS for kind in kinds[:position]) for position in range(len(kinds))]
    return [field_of(kind, position, before[position]) for position, kind in enumerate(kinds)]
