"""The processes of a capture as a tree: each below the one that made it, in the order in which they began."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

    from analyze.session import Session

QUERY = """\
SELECT host, pid, ppid, epoch_ns(start), epoch_ns(finish), comm, cmdline, exit_code, exit_signal, calls, errors, time_ns
FROM processes
ORDER BY coalesce(epoch_ns(start), 0), pid"""

DEEPEST = 24
"""Cells of lines before a command; of more, the end is shown."""
BRANCH, LAST, TRUNK, EMPTY = "├─", "└─", "│ ", "  "


@dataclass
class Process:
    """One process; `start` and `finish` are ns since the epoch, None where they were not seen."""

    host: str
    pid: int
    ppid: int | None
    start: int | None
    finish: int | None
    comm: str | None
    cmdline: str | None
    exit_code: int | None
    exit_signal: str | None
    calls: int
    errors: int
    time_ns: int
    children: list["Process"] = field(default_factory=list)

    @property
    def command(self) -> str:
        """Its command line; the name of its main thread, in brackets as ps has it, where that is not known."""
        return self.cmdline or f"[{self.comm or '?'}]"

    @property
    def ended(self) -> str | None:
        """How it ended: exit 0, SIGKILL; None if it was not seen to."""
        return self.exit_signal if self.exit_code is None else f"exit {self.exit_code}"


def roots(session: "Session") -> list[Process]:
    """The processes whose parents are not in the capture, with all others below them."""
    processes = [Process(*row) for row in session.fetch(QUERY)]
    latest: dict[tuple[str, int], Process] = {}
    tops = []
    for process in processes:  # in order of start: a pid that was used again is found by its later children only
        parent = latest.get((process.host, process.ppid)) if process.ppid is not None else None
        latest[process.host, process.pid] = process
        if parent is None or parent is process:
            tops.append(process)
        else:
            parent.children.append(process)
    return tops


def walk(tops: list[Process]) -> Iterator[tuple[Process, int, str]]:
    """Each process before those below it: the process, its depth, and the lines that lead to it."""
    stack = [(process, 0, "", "") for process in reversed(tops)]  # not recursion: chains of forks may be long
    while stack:
        process, depth, lead, indent = stack.pop()
        yield process, depth, lead
        below = process.children
        for place in range(len(below) - 1, -1, -1):
            final = place == len(below) - 1
            stack.append(
                (below[place], depth + 1, indent + (LAST if final else BRANCH), indent + (EMPTY if final else TRUNK))
            )


def as_table(session: "Session", *, drawn: bool) -> "pa.Table":
    """The tree, one row a process. `drawn`: with lines before the commands, for people; else with depth and parent."""
    import pyarrow as pa

    began = session.span.start
    rows = []
    for process, depth, lead in walk(roots(session)):
        start, finish = process.start, process.finish
        rows.append(
            {
                "process": _cut(lead) + process.command if drawn else process.command,
                "pid": process.pid,
                "ppid": process.ppid,
                "depth": depth,
                "start": start,
                "finish": finish,
                "begins_ns": _between(began, start),
                "life_ns": _between(start, finish),
                "ended": process.ended,
                "calls": process.calls,
                "errors": process.errors,
                "time_ns": process.time_ns,
                "host": process.host,
            }
        )
    return pa.Table.from_pylist(rows, schema=_schema())


def _between(first: int | None, second: int | None) -> int | None:
    """The ns between two times; None where one is not known, or both are further apart than any clock shows."""
    if first is None or second is None or abs(second - first) >> 63:
        return None
    return second - first


def _cut(lead: str) -> str:
    return lead if len(lead) <= DEEPEST else "…" + lead[1 - DEEPEST :]


def _schema() -> "pa.Schema":
    import pyarrow as pa

    return pa.schema(
        [
            ("process", pa.string()),
            ("pid", pa.int32()),
            ("ppid", pa.int32()),
            ("depth", pa.int32()),
            ("start", pa.timestamp("ns")),
            ("finish", pa.timestamp("ns")),
            ("begins_ns", pa.int64()),
            ("life_ns", pa.int64()),
            ("ended", pa.string()),
            ("calls", pa.int64()),
            ("errors", pa.int64()),
            ("time_ns", pa.int64()),
            ("host", pa.string()),
        ]
    )
