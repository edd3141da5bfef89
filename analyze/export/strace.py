"""Text that parsers of `strace -f -ttt -T -o FILE` read: TID SECONDS CALL = RESULT <SECONDS>, in order of entry.

What `analyze show` prints and strace does not is left out: the thread's name (unless asked for, as strace -Y has it),
losses, and `<?>` for the duration of a call whose entry was not seen.
"""

import struct
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TextIO

import numpy as np
import pyarrow as pa

from analyze.show.order import Order
from analyze.show.people import people
from analyze.show.query import Asked
from analyze.show.stream import Namer, write_lines
from schemas.line import Printer, Style
from schemas.line.calls import Key, Parts
from schemas.line.clock import SECOND, Clock
from schemas.line.columns import ABSENT, integers, numbers, words
from schemas.line.printer import UNFINISHED

if TYPE_CHECKING:
    from analyze.session import Session

PID_WIDTH = 5
PAIR = struct.Struct("=ii")
PAIRS = {"pipe": 0, "pipe2": 0, "socketpair": 3}
"""Calls that give two descriptors, and the argument that says where."""
ENVIRONMENT = {"execve": 2, "execveat": 3}
UNCOUNTED = " /* 0 vars */"
"""A capture does not hold how many variables there were; parsers look for the remark to know where argv ends."""
SHARED = {4: "CLONE_VM", 2: "CLONE_FS", 1: "CLONE_FILES", 8: "CLONE_THREAD"}
"""What a fork row tells of clone's flags."""
MICROSECONDS, NANOSECONDS = 6, 9


def write_strace(
    session: "Session",
    out: TextIO,
    *,
    states: Sequence[str] = (),
    limit: int = 0,
    shown: int = 32,
    digits: int = MICROSECONDS,
    comms: bool = False,
    namer: Namer | None = None,
) -> None:
    """Write the calls that the session's filters keep, at most `limit` lines (0: all).

    `states` are filters for signals and exits, `shown` bytes of a buffer, `digits` those of times behind the point.
    """
    style = Style(clock=3, durations=True, names=namer is not None, shown=shown)
    printer = _Printer(style, session, digits, comms)
    write_lines(session, Asked(states, order=Order.ENTRY), printer, namer, out, limit=limit)


class _Printer(Printer):
    """Prints what strace prints, and nothing else."""

    def __init__(self, style: Style, session: "Session", digits: int, comms: bool) -> None:
        super().__init__(style, *people(session))
        self._digits, self._comms = digits, comms
        self.clock = _Clock(style, digits)
        self._shared: dict[int, int] = dict(session.fetch("SELECT tid, arg1 FROM events WHERE kind = 'fork'"))

    def threads(self, batch: pa.RecordBatch) -> list[str]:
        """The number of each row's thread."""
        tids = integers(batch.column("tid"))
        if self._comms:
            return [f"{tid}<{comm}> " for tid, comm in zip(tids, words(batch.column("comm")), strict=False)]
        return [f"{tid:<{PID_WIDTH}} " for tid in tids]

    def ends(self, batch: pa.RecordBatch) -> list[str]:
        """The duration of each call, where it is known."""
        lasted = numbers(batch.column("dur_ns"))
        lasted = np.where(numbers(batch.column("flags")) & UNFINISHED, ABSENT, lasted)
        return ["\n" if ns == ABSENT else f" <{_seconds(ns, self._digits)}>\n" for ns in lasted.tolist()]

    def parts(self, key: tuple[Any, ...]) -> Parts:
        """The pieces of a call, with what strace reads from memory and the capture knows from elsewhere."""
        call, parts = Key(*key), super().parts(key)
        if parts.name in PAIRS and call.data and len(call.data) == PAIR.size and not parts.failed:
            place = PAIRS[parts.name]
            parts.args[place] = f"[{', '.join(map(str, PAIR.unpack(call.data)))}]"
        elif parts.name == "clone3" and call.ret in self._shared:
            known = "|".join(name for bit, name in SHARED.items() if self._shared[call.ret] & bit)
            parts.args[0] = f"{{flags={known or 0}, ...}}"
        elif parts.name in ENVIRONMENT:
            place = ENVIRONMENT[parts.name]
            parts.args[place] += UNCOUNTED if parts.args[place] != "NULL" else ""
        return parts

    def belongs(self, row: Any) -> bool:  # noqa: ANN401 - the columns of a row
        """strace knows no losses."""
        return row["kind"] != "loss" and super().belongs(row)


class _Clock(Clock):
    """Tells times with as many digits as asked for."""

    def __init__(self, style: Style, digits: int) -> None:
        super().__init__(style)
        self._digits = digits

    def stamps(self, times: np.ndarray) -> list[str]:
        """Seconds since the epoch."""
        return [f"{_seconds(ns, self._digits)} " for ns in times.tolist()]


def _seconds(ns: int, digits: int) -> str:
    whole, rest = divmod(ns, SECOND)
    return f"{whole}.{rest // 10 ** (9 - digits):0{digits}d}"
