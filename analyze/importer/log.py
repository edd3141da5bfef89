"""The lines of a strace log, each taken apart: who, when, what, and for how long.

A line is `[pid N] TIME CALL <SECONDS>` or `N TIME CALL <SECONDS>`; each part but the call depends on strace's options:
-f (who), -t -tt -ttt -r (when), -T (how long), -Y (the thread's name), -i and -n (numbers in brackets, left out).
"""

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

CHUNK = 1 << 23
"""Characters read at once."""
SECOND, DAY = 10**9, 86_400 * 10**9
STEP = 1000
"""ns from line to line in a log without times."""
NOT_KNOWN, NOT_MEASURED = -1, -2
"""In place of a duration: `<?>`, and none printed."""
ATTACHED = re.compile(r"strace: Process \d+ (?:attached|detached)\n")
"""Written in between, into the middle of a line if need be, where the log goes to the terminal."""

_HEAD = (
    r"^ *(?:\[pid +(\d{1,9})(?:<([^>\n]*)>)?\] +|(\d{1,9})(?:<([^>\n]*)>)? +)?"
    r"(?:([0-8]?\d{1,9}\.\d+|\d\d:\d\d:\d\d(?:\.\d+)?) +)?(?:\(\+ *[\d.]+\) +)?(?:\[ *[0-9a-f]+\] +)*"
)
LINE = re.compile(_HEAD + r"(?:(.*) <(\d{1,9}\.\d+|\?)>|(.*))$", re.MULTILINE)
Numbers = npt.NDArray[np.int64]


@dataclass
class Lines:
    """Some lines. `who` is 0 where the line does not say; `when` in ns since the epoch; `lasted` in ns."""

    who: list[int]
    comms: list[str]
    when: list[int]
    texts: list[str]
    lasted: list[int]
    notices: int = 0
    """Lines that strace wrote about itself, left out."""


def read(path: Path | None, stream: TextIO) -> Iterator[Lines]:
    """The lines of a log. `path` is None for standard input; what it says is when the log was written."""
    times = _Times(time.time_ns() if path is None else path.stat().st_mtime_ns)
    rest = ""
    while piece := stream.read(CHUNK):
        text, rest = _whole(rest + piece)
        if text:
            yield _lines(text, times)
    if rest:
        yield _lines(rest, times)


def _whole(text: str) -> tuple[str, str]:
    """Up to the last line that is there to its end, and no notice after it; and the rest."""
    end = text.rfind("\n") + 1
    while ATTACHED.search(text, text.rfind("\n", 0, end - 1) + 1, end):  # the line goes on in the next one
        end = text.rfind("\n", 0, end - 1) + 1
    return text[:end], text[end:]


def _lines(text: str, times: "_Times") -> Lines:
    notices = 0
    if "strace: Process " in text:
        text, notices = ATTACHED.subn("", text)
    columns = list(zip(*LINE.findall(text.removesuffix("\n")), strict=True)) or [()] * 8
    bracketed, comms, plain, comms2, when, timed, lasted, untimed = columns
    return Lines(
        [int(one or other or 0) for one, other in zip(bracketed, plain, strict=True)],
        [one or other for one, other in zip(comms, comms2, strict=True)],
        times.absolute(when).tolist(),
        [one or other for one, other in zip(timed, untimed, strict=True)],
        _durations(lasted).tolist(),
        notices,
    )


def _durations(texts: tuple[str, ...]) -> Numbers:
    """`0.000123` and `?` in ns."""
    column = pa.array(texts, pa.string())
    known = pc.match_substring(column, ".")
    lasted = _nanoseconds(pc.if_else(known, column, None)).fill_null(NOT_MEASURED)
    found: Numbers = pc.if_else(pc.equal(column, "?"), NOT_KNOWN, lasted).to_numpy(zero_copy_only=False)
    return found


def _nanoseconds(column: pa.Array) -> pa.Array:
    """`12.000123` in ns, whatever the number of digits behind the point."""
    parts = pc.split_pattern(column, ".")
    whole, digits = pc.list_element(parts, 0), pc.list_element(parts, 1)
    rest = pc.utf8_slice_codeunits(pc.utf8_rpad(digits, 9, "0"), 0, 9)
    return pc.add(pc.multiply(whole.cast(pa.int64()), SECOND), rest.cast(pa.int64()))


class _Times:
    """Makes what strace prints of time into ns since the epoch, for one log from its first line on."""

    def __init__(self, written: int) -> None:
        """`written` is when the log was last written to: the day of a time of day, the end of relative times."""
        self._written = written
        self._last = -1

    def absolute(self, texts: tuple[str, ...]) -> Numbers:
        """The times of lines that follow those asked for before."""
        sample = next(filter(None, texts), "")
        if not sample:
            return self._counted(len(texts))
        column = pa.array(texts, pa.string())
        if ":" in sample:
            return self._of_day(column)
        if len(sample.partition(".")[0]) < 9:
            return self._relative(column)
        return self._filled(_nanoseconds(pc.if_else(pc.equal(column, ""), None, column)))

    def _filled(self, column: pa.Array) -> Numbers:
        """A line without a time has that of the line before."""
        found: Numbers = pc.fill_null_forward(column).fill_null(max(self._last, 0)).to_numpy(zero_copy_only=False)
        self._last = int(found[-1])
        return found

    def _counted(self, lines: int) -> Numbers:
        if self._last < 0:
            self._last = self._written
        found = self._last + STEP * np.arange(1, lines + 1)
        self._last = int(found[-1]) if lines else self._last
        return found

    def _relative(self, column: pa.Array) -> Numbers:
        """-r: the time since the line before."""
        steps = _nanoseconds(pc.if_else(pc.equal(column, ""), "0.0", column)).to_numpy(zero_copy_only=False)
        found: Numbers = (self._written if self._last < 0 else self._last) + np.cumsum(steps)
        self._last = int(found[-1])
        return found

    def _of_day(self, column: pa.Array) -> Numbers:
        """-t and -tt: local time, of the day on which the log was written; each midnight on the way is a day more."""
        column = pc.if_else(pc.equal(column, ""), None, column)
        point = pc.if_else(pc.match_substring(column, "."), column, pc.binary_join_element_wise(column, "0", "."))
        hours, minutes = (pc.utf8_slice_codeunits(point, at, at + 2).cast(pa.int64()) for at in (0, 3))
        seconds = _nanoseconds(pc.utf8_slice_codeunits(point, 6))
        within = pc.add(pc.multiply(pc.add(pc.multiply(hours, 60), minutes), 60 * SECOND), seconds)
        times = pc.fill_null_forward(within).fill_null(0).to_numpy(zero_copy_only=False)
        midnight = self._midnight()
        before = times[0] if self._last < 0 else self._last - midnight
        turns = np.cumsum(np.diff(times, prepend=before % DAY) < -DAY // 2)
        found: Numbers = midnight + times + (turns + before // DAY) * DAY
        self._last = int(found[-1])
        return found

    def _midnight(self) -> int:
        day = time.localtime(self._written / SECOND)
        return int(time.mktime((day.tm_year, day.tm_mon, day.tm_mday, 0, 0, 0, 0, 0, -1))) * SECOND
