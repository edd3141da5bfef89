"""strace, in three ways: a line a call, a table of counts, and with a seccomp filter that stops at one call only."""

import re
from functools import partial
from pathlib import Path

from capture.bench.process import Process
from capture.bench.tracers.base import Count
from capture.bench.tracers.external import External
from capture.bench.tracers.lines import line_count
from capture.bench.tracers.privileges import why_not

_CALLS = 3  # the column, counted from 0


def _argv(options: tuple[str, ...], output: Path, target: int | None) -> list[str]:
    chosen = [] if target is None else ["-p", str(target)]
    return ["strace", "-f", *options, "-o", str(output), *chosen]


def _attached(process: Process, scratch: Path) -> bool:
    return "attached" in process.said()


def _lines(output: Path, said: str) -> Count:
    return Count(line_count(output), 0, output.stat().st_size)


def _table(output: Path, said: str) -> Count:
    return total(output.read_text())


def total(table: str) -> Count:
    """The calls in the last row of what `strace -c` writes, which is nothing if there were none. Raises ValueError.

    Older versions leave cells of that row empty, so the columns are known by the line that rules them off.
    """
    lines = table.splitlines()
    if not lines:
        return Count(0, 0)
    columns = [match.span() for match in re.finditer("-+", lines[1] if len(lines) > 1 else "")]
    if len(columns) < _CALLS + 1 or not lines[-1].endswith("total"):
        raise ValueError("no total")
    return Count(int(lines[-1][slice(*columns[_CALLS])]), 0)


_why_not = partial(why_not, "strace", root=False)

TRACERS = (
    External("strace", "strace -f -o FILE CMD", partial(_argv, ()), _attached, _lines, _why_not, around=True, every=4),
    External(
        "strace-c",
        "strace -f -c -o FILE CMD",
        partial(_argv, ("-c",)),
        _attached,
        _table,
        _why_not,
        around=True,
        every=4,
    ),
    External(
        "strace-seccomp",
        "strace -f --seccomp-bpf -e trace=accept -o FILE CMD",
        partial(_argv, ("--seccomp-bpf", "-e", "trace=accept")),
        _attached,
        _lines,
        _why_not,
        around=True,
        complete=False,
        follows=False,
    ),
)
