"""When a line's call began, and how long it took."""

from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np

from schemas.line.memo import Memo
from schemas.line.style import Style

SECOND = 10**9
NOT_KNOWN, NOT_OVER = -1, -2
"""For durations."""


class Clock:
    """Tells times in a style. It remembers the last one: use one for a whole capture."""

    def __init__(self, style: Style) -> None:
        """Start before the first line."""
        self._style = style
        self._seconds = Memo(_time_of_day)
        self._durations = Memo(_duration if style.durations else _nothing)
        self._before: int | None = None

    def stamps(self, times: np.ndarray) -> list[str]:
        """The time of each line, as the style wants it; `times` in ns since the epoch, shape (lines,)."""
        if not self._style.relative:
            return [f"{clock} " for clock in self._clocks(times)] if self._style.clock else [""] * len(times)
        since = np.diff(times, prepend=times[:1] if self._before is None else self._before)
        self._before = int(times[-1]) if len(times) else self._before
        steps = [f"{ns // SECOND:6d}.{ns // 1000 % 10**6:06d}" for ns in since.tolist()]
        if not self._style.clock:
            return [f"{step} " for step in steps]
        return [f"{clock} (+{step}) " for clock, step in zip(self._clocks(times), steps, strict=True)]

    def _clocks(self, times: np.ndarray) -> Sequence[str]:
        whole, rest = np.divmod(times, SECOND)
        seconds, micros = whole.tolist(), (rest // 1000).tolist()
        if self._style.clock == 3:
            return [f"{second}.{micro:06d}" for second, micro in zip(seconds, micros, strict=True)]
        known = self._seconds.trim()
        if self._style.clock == 1:
            return [known[second] for second in seconds]
        return [f"{known[second]}.{micro:06d}" for second, micro in zip(seconds, micros, strict=True)]

    def durations(self, micros: Sequence[int]) -> list[str]:
        """The end of a line, the line feed included, for each of the durations, in µs, NOT_KNOWN or NOT_OVER."""
        known = self._durations.trim()
        return [known[micro] for micro in micros]


def _time_of_day(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%H:%M:%S")


def _nothing(_: int) -> str:
    return "\n"


def _duration(micros: int) -> str:
    if micros < 0:
        return " <?>\n" if micros == NOT_KNOWN else "\n"
    return f" <{micros // 10**6}.{micros % 10**6:06d}>\n"
