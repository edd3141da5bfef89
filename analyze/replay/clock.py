"""Numbers times in their order with so few bits that one lies beside the code of a key in 64."""

import numpy as np

from analyze.replay.rows import Integers
from analyze.replay.sorting import HALF
from analyze.replay.tables import ALWAYS


class Clock:
    """Turns times (ns) into ticks, which sort as they do, and back; 0 is before all that it was made of, but ALWAYS."""

    def __init__(self, times: Integers, room: int) -> None:
        """Made of times in order. Ticks are ns where these fit into `room` bits, at least 32, as those of hours do."""
        first = np.searchsorted(times, ALWAYS, side="right")
        self._base = int(times[first]) - 1 if first < len(times) else 0
        self._end = int(times[-1]) if first < len(times) else 1
        self.bits = (self._end - self._base).bit_length()
        """Bits of a tick."""
        self._distinct: Integers | None = None
        if self.bits > room:
            self.bits, self._distinct = HALF, times[np.diff(times, prepend=times[:1] - 1) != 0]

    def ticks(self, times: Integers) -> Integers:
        """The ticks of these times; of others, those of the last time before, or a later one that sorts alike."""
        if self._distinct is None:
            return np.clip(times, self._base, self._end) - self._base
        found: Integers = np.searchsorted(self._distinct, np.maximum(times, ALWAYS), side="right")
        return found

    def times(self, ticks: Integers) -> Integers:
        """The times of these ticks."""
        if self._distinct is not None:
            found: Integers = self._distinct[np.maximum(ticks - 1, 0)]
            return found
        return np.where(ticks == 0, ALWAYS, ticks + self._base)
