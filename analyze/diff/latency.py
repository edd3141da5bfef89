"""Calls that became slower or faster."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace

from analyze.diff.change import Change
from analyze.diff.noise import EIGHTHS, Shift, drift, rank_sum
from analyze.diff.profile import CallKey, Latencies, Profile, real

LEAST_CALLS = 8
"""On each side, for a test to say something."""
CERTAIN = 1e-3
"""A chance smaller than this, over all tests together, is none."""
LEAST_RATIO, LEAST_RATIO_WAITING = 1.7, 2.5
LEAST_OVERLAP, LEAST_OVERLAP_WAITING = 0.75, 0.9
"""How often a call of the slower side must be slower than one of the other."""
LEAST_SHARE, LEAST_NS = 0.005, 50_000
"""Of the time in calls that do not wait, and at all: what must have been won or lost by it."""
OUTLIER, OUTLIER_NS, OUTLIER_SHARE = 10, 1_000_000, 0.05
"""A single call counts that takes so many times as long as any before, so long, and so much of the whole capture."""
DRIFTED = 1.5


def latency_changes(first: Profile, second: Profile) -> Iterator[Change]:
    """Calls whose latency moved, against how latencies moved throughout; and that, if it is much."""
    both = {key: (one, second.latencies[key]) for key, one in first.latencies.items() if key in second.latencies}
    tested = {key: pair for key, pair in both.items() if min(pair[0].bins.total(), pair[1].bins.total()) >= LEAST_CALLS}
    moved = drift((one.bins, other.bins) for key, (one, other) in tested.items() if not key.waits)
    factor = 2 ** (moved / EIGHTHS)
    if not 1 / DRIFTED <= factor <= DRIFTED:
        change = "slower" if factor > 1 else "faster"
        yield Change("pace", change, what="all calls", before=1, after=factor, unit="times", score=30)
    total = max(second.time_ns, first.time_ns * factor)
    slower = dict(_tested(tested, moved, total))
    for key, (one, other) in both.items():
        found = [slower[key]] if key in slower else _outlier(key, one, other, factor, second.span_ns)
        yield from (replace(one, process=real(one.process, first, second)) for one in found)


def _tested(
    pairs: Mapping[CallKey, tuple[Latencies, Latencies]], moved: int, total: float
) -> Iterator[tuple[CallKey, Change]]:
    factor = 2 ** (moved / EIGHTHS)
    for key, (one, other) in pairs.items():
        shift = _least(rank_sum(one.bins, other.bins), rank_sum(one.bins, other.bins, moved))
        least, overlap = LEAST_RATIO, LEAST_OVERLAP
        if key.waits:
            least, overlap = LEAST_RATIO_WAITING, LEAST_OVERLAP_WAITING
        size = abs(math.log2(shift.ratio))
        before, after = (side.time_ns / side.bins.total() for side in (one, other))
        cost = min(abs(after - before), abs(after - before * factor)) * other.bins.total()
        weighs = cost >= max(LEAST_NS, 0 if key.waits else LEAST_SHARE * total)
        distinct = max(shift.greater, 1 - shift.greater) >= overlap and size >= math.log2(least)
        if shift.p * len(pairs) < CERTAIN and distinct and weighs:
            change = "slower" if shift.ratio > 1 else "faster"
            score = (70 if change == "slower" else 45) + 5 * min(size, 4) - 25 * key.waits
            yield key, _change(key, change, before, after, shift.p, score)


def _least(plain: Shift, drifted: Shift) -> Shift:
    """The smaller of two shifts; none at all if they point in different directions.

    What did not get slower with all else did not get faster: a timer takes as long on a slow machine.
    """
    if (plain.ratio > 1) != (drifted.ratio > 1):
        return Shift(1, 0.5, 1)
    return min(plain, drifted, key=lambda shift: abs(math.log2(shift.ratio)))


def _outlier(key: CallKey, one: Latencies, other: Latencies, factor: float, span: int) -> Iterator[Change]:
    """A call that took far longer than any before."""
    before, after = one.longest_ns * factor, other.longest_ns
    if not key.waits and after >= max(OUTLIER * before, OUTLIER_NS, OUTLIER_SHARE * span):
        score = 62 + min(math.log2(after / max(before, 1)), 10)
        yield _change(key, "slower", one.longest_ns, after, None, score)


def _change(key: CallKey, change: str, before: float, after: float, p: float | None, score: float) -> Change:
    what = "on average" if p is not None else "the slowest one"
    return Change("latency", change, key.process, key.call, what, round(before), round(after), "ns", p, score)
