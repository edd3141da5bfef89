"""Monotonic time, in which the kernel stamps, and wall clock time, in which people ask."""

import time
from dataclasses import dataclass, field

_TRIES = 16
_INTERVAL = 10 * 1_000_000_000
_KEPT = 4096


def sample() -> tuple[int, int]:
    """One instant as (monotonic, wall), ns: of some tries, the one in which least time passed between the readings."""
    best: tuple[int, int, int] | None = None
    for _ in range(_TRIES):
        before = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
        wall = time.clock_gettime_ns(time.CLOCK_REALTIME)
        after = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
        if best is None or after - before < best[0]:
            best = after - before, (before + after) // 2, wall
    assert best is not None
    return best[1], best[2]


@dataclass
class Clock:
    """One offset for a whole file, so that order never breaks; how the clocks drift or step is kept as samples."""

    samples: list[tuple[int, int]] = field(default_factory=lambda: [sample()])
    interval: int = _INTERVAL

    @property
    def offset(self) -> int:
        """What is added to a monotonic time of this file, ns."""
        monotonic, wall = self.samples[0]
        return wall - monotonic

    def end(self) -> None:
        """Take the last sample: it tells of a step since the last but one."""
        self.samples.append(sample())

    def now(self) -> int:
        """The time in the file's terms, ns since the epoch."""
        return self.offset + time.clock_gettime_ns(time.CLOCK_MONOTONIC)

    def begin_file(self) -> None:
        """Keep the first sample, which makes the offset, and add one of now: the others are in the file that ends."""
        self.samples = [self.samples[0], sample()]

    def tick(self) -> None:
        """Take a sample if one is due. A long capture keeps every other one and takes them half as often."""
        if time.clock_gettime_ns(time.CLOCK_MONOTONIC) - self.samples[-1][0] < self.interval:
            return
        self.samples.append(sample())
        if len(self.samples) > _KEPT:
            self.samples = self.samples[::2]
            self.interval *= 2
