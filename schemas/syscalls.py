"""The system calls of each ABI: names, arguments, classes and where the descriptor is, from tables/*.csv.

scripts/make_tables.py makes the tables. A table is read when it is first asked for, in about a millisecond.
"""

import csv
import platform
from collections.abc import Iterable
from functools import cache, cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np

from schemas.counters import OTHER
from schemas.record import CELL_OTHER, CELLS, CELLS_PER_ABI, Abi

X32_BIT = 0x4000_0000
"""Set in the numbers of x32 calls; what is left is the number in the table."""

FD_NONE = -1
FD_RETURNED = 6

CLASSES = (
    *("clock", "creds", "desc", "file", "fstat", "fstatfs", "ipc", "lstat", "memory", "net", "process", "pure"),
    *("signal", "stat", "statfs", "%stat", "%statfs"),
)
"""strace's classes: `net` is selected as `%net`, `%stat` as `%%stat`."""


class Call(NamedTuple):
    """One row of a table."""

    nr: int
    name: str
    args: tuple[str, ...]
    classes: frozenset[str]
    fd: int
    """FD_NONE, the index of the first descriptor argument, or FD_RETURNED."""
    kinds: tuple[str, ...] = ()
    """What each argument is (schemas/decode/fields.py); empty where nobody has said."""


class Table:
    """The calls of one ABI. Numbers are as in the table: x32's come without X32_BIT."""

    def __init__(self, abi: Abi, calls: Iterable[Call]) -> None:
        """Keep the calls; use `table` to get the one table of an ABI."""
        self.abi = abi
        self.by_number = {call.nr: call for call in calls}

    @cached_property
    def by_name(self) -> dict[str, Call]:
        """The calls by name."""
        return {call.name: call for call in self.by_number.values()}

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The known names, by number."""
        return tuple(self.by_number[number].name for number in sorted(self.by_number))

    @cached_property
    def fd_source(self) -> np.ndarray:
        """Where the column `fd` comes from, by number: FD_NONE, 0 .. 5 an argument, FD_RETURNED.

        int8 of shape (CELLS_PER_ABI,), longer only for x32, whose numbers go further.
        """
        source = np.full(max([CELLS_PER_ABI, *(number + 1 for number in self.by_number)]), FD_NONE, np.int8)
        for call in self.by_number.values():
            source[call.nr] = call.fd
        return source

    def name(self, nr: int) -> str:
        """The name of a call; `syscall_N` for a number that is not in the table."""
        call = self.by_number.get(nr)
        return call.name if call else f"syscall_{nr}"

    def number(self, name: str) -> int:
        """The number of a call. Raises KeyError if the ABI has no such call."""
        return self.by_name[name].nr

    def by_class(self, tag: str) -> frozenset[int]:
        """The numbers of the calls of one of CLASSES. Raises KeyError if there is no such class."""
        if tag not in CLASSES:
            raise KeyError(tag)
        return frozenset(call.nr for call in self.by_number.values() if tag in call.classes)

    def args(self, nr: int) -> tuple[str, ...]:
        """The names of a call's arguments; arg0 .. arg5 for a number that is not in the table."""
        call = self.by_number.get(nr)
        return call.args if call else tuple(f"arg{index}" for index in range(6))

    def nargs(self, nr: int) -> int:
        """How many arguments a call has; 6 for a number that is not in the table."""
        return len(self.args(nr))


@cache
def table(abi: Abi) -> Table:
    """The table of an ABI; ARM's is empty, as its numbers are not collected yet."""
    if abi is Abi.X32:
        # x32 shares x86_64's numbers but for the calls that it numbers from 512 on.
        own = _read("x32")
        moved = {call.name for call in own}
        return Table(abi, [*(call for call in _read("x86_64") if call.name not in moved), *own])
    return Table(abi, [] if abi is Abi.ARM else _read(abi.name.lower()))


def native_abi() -> Abi:
    """The ABI of this machine's own calls. Raises ValueError on a machine that has no table."""
    machine = platform.machine()
    known = {"x86_64": Abi.X86_64, "AMD64": Abi.X86_64, "aarch64": Abi.AARCH64, "arm64": Abi.AARCH64}
    if machine not in known:
        raise ValueError(f"no table of system calls for {machine}: systape knows x86_64 and aarch64")
    return known[machine]


def names_by_cell(native: Abi | None = None) -> list[str]:
    """Names of all CELLS accounting cells (record.cell_of); `native` is this machine's ABI unless given."""
    first, second = table(native_abi() if native is None else native), table(Abi.I386)
    numbers = range(CELLS_PER_ABI)
    return [*map(first.name, numbers), *map(second.name, numbers), *[OTHER] * (CELLS - CELL_OTHER)]


def name_of(nr: int, abi: Abi) -> str:
    """The value of the column `syscall` for one call; `nr` is as the program gave it, signed or unsigned."""
    given = (nr & 0xFFFF_FFFF ^ 0x8000_0000) - 0x8000_0000
    number = given & ~X32_BIT if abi is Abi.X32 else given
    call = table(abi).by_number.get(number)
    return call.name if call else f"syscall_{given}"


def _read(name: str) -> list[Call]:
    with (Path(__file__).parent / "tables" / f"{name}.csv").open(newline="") as file:
        return [_call(row) for row in csv.DictReader(file)]


def _call(row: dict[str, str]) -> Call:
    source = {"": FD_NONE, "ret": FD_RETURNED}.get(row["fd"])
    return Call(
        int(row["nr"]),
        row["name"],
        tuple(row["args"].split()),
        frozenset(row["classes"].split()),
        int(row["fd"]) if source is None else source,
        tuple(row["kinds"].split()),
    )
