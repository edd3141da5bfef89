"""What strace prints of time, as ns since the epoch."""

import time
from collections.abc import Mapping

import numpy as np

from analyze.importer.texts import Numbers

SECOND, DAY = 10**9, 86_400 * 10**9
NONE = -1
"""In place of a time: the line has none."""
STEP = 1000
"""ns from line to line in a log without times."""
EPOCH = 10**8 * SECOND
"""Times since the epoch are later, those since the line before are not."""


def spelled(text: str) -> int:
    """`12.000123` and `01:02:03.5` in ns, whatever the number of digits behind the point."""
    *clock, last = text.split(":")
    seconds, _, digits = last.partition(".")
    hours, minutes = map(int, clock) if clock else (0, 0)
    return ((hours * 60 + minutes) * 60 + int(seconds)) * SECOND + int(digits[:9].ljust(9, "0"))


class Times:
    """Makes what strace prints of time into ns since the epoch, for one log from its first line on."""

    def __init__(self, written: int) -> None:
        """`written` is when the log was last written to: the day of a time of day, the end of relative times."""
        self._written = written
        self._last = -1

    def absolute(self, times: Numbers, spellings: Mapping[int, str]) -> Numbers:
        """The times of lines that follow those asked for before: numbers (NONE: not told), others as spelled."""
        for index, text in spellings.items():
            times[index] = spelled(text)
        told = np.flatnonzero(times != NONE)
        if not len(told):
            return self._counted(len(times))
        if ":" in spellings.get(int(told[0]), ""):
            return self._of_day(times)
        return self._filled(times) if times[told[0]] >= EPOCH else self._relative(times)

    def _filled(self, times: Numbers) -> Numbers:
        """A line without a time has that of the line before."""
        found = _forward(times, max(self._last, 0))
        self._last = int(found[-1])
        return found

    def _counted(self, lines: int) -> Numbers:
        if self._last < 0:
            self._last = self._written
        found: Numbers = self._last + STEP * np.arange(1, lines + 1)
        self._last = int(found[-1]) if lines else self._last
        return found

    def _relative(self, times: Numbers) -> Numbers:
        """-r: the time since the line before."""
        steps = np.where(times == NONE, 0, times)
        found: Numbers = (self._written if self._last < 0 else self._last) + np.cumsum(steps)
        self._last = int(found[-1])
        return found

    def _of_day(self, times: Numbers) -> Numbers:
        """-t and -tt: local time, of the day on which the log was written; each midnight on the way is a day more."""
        times = _forward(times, 0)
        midnight = self._midnight()
        before = times[0] if self._last < 0 else self._last - midnight
        turns = np.cumsum(np.diff(times, prepend=before % DAY) < -DAY // 2)
        found: Numbers = midnight + times + (turns + before // DAY) * DAY
        self._last = int(found[-1])
        return found

    def _midnight(self) -> int:
        day = time.localtime(self._written / SECOND)
        return int(time.mktime((day.tm_year, day.tm_mon, day.tm_mday, 0, 0, 0, 0, 0, -1))) * SECOND


def _forward(times: Numbers, first: int) -> Numbers:
    """Each time, or the last one told before."""
    told = np.maximum.accumulate(np.where(times != NONE, np.arange(len(times)), NONE))
    return np.where(told == NONE, first, times[told])
