"""Two profiles held against each other."""

from analyze.diff.change import Change
from analyze.diff.counts import call_changes, error_changes, file_changes, peer_changes, process_changes
from analyze.diff.latency import latency_changes
from analyze.diff.noise import pace
from analyze.diff.profile import Profile

HASTE = 1.5
"""A pace is told if the second capture has so many times the calls throughout, or as many times fewer."""


def compare(first: Profile, second: Profile) -> list[Change]:
    """What changed from the first to the second, the most telling first; nothing that may be noise."""
    ratio = pace(first.calls, second.calls)
    changes = [
        *process_changes(first, second),
        *call_changes(first, second, ratio),
        *error_changes(first, second, ratio),
        *file_changes(first, second),
        *peer_changes(first, second),
        *latency_changes(first, second),
    ]
    if not 1 / HASTE <= ratio <= HASTE:
        word = "more" if ratio > 1 else "less"
        changes.append(Change("pace", word, what="all calls", before=1, after=ratio, unit="times", score=31))
    return sorted(changes, key=lambda one: (-one.score, one.kind, one.process, one.call, one.what))
