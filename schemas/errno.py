"""Error numbers by name, the kernel's own ones included (a tracer sees ERESTARTSYS, a program never does).

The numbers, from tables/errno.csv, are those of x86 and ARM (asm-generic/errno.h, and linux/errno.h from 512 on),
whatever the machine that reads a capture.
"""

import csv
from functools import cache
from pathlib import Path

ERRNO_NAMES = 4096
"""How many results, -4095 to -1, are errors; index 0 is no error."""


@cache
def _table() -> dict[int, tuple[str, str]]:
    with (Path(__file__).parent / "tables" / "errno.csv").open(newline="") as file:
        return {int(row["number"]): (row["name"], row["text"]) for row in csv.DictReader(file)}


def errno_name(number: int) -> str:
    """`ENOENT` for 2; `errno_N` for a number without a name."""
    known = _table().get(number)
    return known[0] if known else f"errno_{number}"


def errno_text(number: int) -> str:
    """`No such file or directory` for 2, as strace puts it behind the name; '' for a number without a name."""
    known = _table().get(number)
    return known[1] if known else ""


def errno_names() -> list[str]:
    """All names, ERRNO_NAMES of them, by number."""
    return [errno_name(number) for number in range(ERRNO_NAMES)]
