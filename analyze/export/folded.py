"""Folded stacks, `process;call;file 1234`, one a line: what flamegraph.pl, inferno and speedscope read.

Source of the format: the header of flamegraph.pl in Brendan Gregg's FlameGraph.
"""

from typing import TYPE_CHECKING, TextIO

from analyze.export import Weight
from analyze.render.text import printable

if TYPE_CHECKING:
    from analyze.session import Session

WEIGHTS = {Weight.TIME: "(sum(coalesce(dur_ns, 0)) + 500) // 1000", Weight.CALLS: "sum(weight)"}
"""Microseconds, or calls."""


def write_folded(session: "Session", out: TextIO, *, weight: Weight = Weight.TIME, limit: int = 0) -> int:
    """Write the stacks of the calls that the session's filters keep, the heaviest first; returns how many.

    A stack is the name of the thread, the call, and the file or peer that it was about, where that is known. `limit`
    is how many stacks at most (0: all). Stacks that weigh nothing, even rounded, are left out.
    """
    query = f"""
        SELECT comm, syscall, coalesce(file, peer) AS what, ({WEIGHTS[weight]})::BIGINT AS weight
        FROM selected
        GROUP BY ALL
        HAVING weight > 0
        ORDER BY weight DESC, comm, syscall, what"""
    count = 0
    for *frames, number in session.prepare(query + (f"\nLIMIT {limit}" if limit else "")).rows():
        out.write(f"{';'.join(_frame(frame) for frame in frames if frame is not None)} {number}\n")
        count += 1
    return count


def _frame(name: str) -> str:
    """A name as a frame: no semicolon, no control character, not empty."""
    return printable(name).replace(";", "\\x3b") or "?"
