"""What is more than noise: statistics of counts and of latencies."""

import math
from collections.abc import Iterable, Mapping
from statistics import median
from typing import NamedTuple, TypeVar

K = TypeVar("K")
EIGHTHS = 8
"""Bins to a power of two."""
QUARTILE, CHI_SQUARED = 0.75, 1.323
"""The upper quartile of squared deviations says how counts vary, whatever the rest does; of a Poisson process it is
that of chi-squared with one degree of freedom."""


class Shift(NamedTuple):
    """How two sets of latencies differ."""

    ratio: float
    """Median of the second over median of the first."""
    greater: float
    """Probability that one of the second is greater than one of the first (ties count half)."""
    p: float
    """Two-sided, of the rank-sum test."""


def rank_sum(first: Mapping[int, int], second: Mapping[int, int], drift: int = 0) -> Shift:
    """The rank-sum test of Mann and Whitney on two histograms, by the normal approximation corrected for ties.

    `drift` (in bins) is added to the first: what all latencies have moved by. Both must hold something.
    """
    first = {bin_ + drift: count for bin_, count in first.items()}
    n, m = sum(first.values()), sum(second.values())
    below, greater, ties = 0, 0.0, 0.0
    for bin_ in sorted({*first, *second}):
        a, b = first.get(bin_, 0), second.get(bin_, 0)
        greater += b * (below + a / 2)
        below += a
        ties += (a + b) ** 3 - (a + b)
    total = n + m
    variance = n * m / 12 * (total + 1 - ties / (total * (total - 1))) if total > 1 else 0.0
    z = (greater - n * m / 2) / math.sqrt(variance) if variance > 0 else 0.0
    return Shift(middle(second) / middle(first), greater / (n * m), math.erfc(abs(z) / math.sqrt(2)))


def middle(bins: Mapping[int, int]) -> float:
    """The median of a histogram, ns; within a bin values are taken as spread evenly."""
    half, below = sum(bins.values()) / 2, 0
    for bin_ in sorted(bins):
        if below + bins[bin_] >= half:
            return float(2 ** ((bin_ + (half - below) / bins[bin_]) / EIGHTHS))
        below += bins[bin_]
    raise ValueError("an empty histogram has no median")


def drift(pairs: Iterable[tuple[Mapping[int, int], Mapping[int, int]]]) -> int:
    """By how much latencies moved throughout, in bins: the median over pairs of histograms; 0 for fewer than five."""
    shifts = [math.log2(middle(second) / middle(first)) * EIGHTHS for first, second in pairs]
    return round(median(shifts)) if len(shifts) >= 5 else 0


def pace(first: Mapping[K, int], second: Mapping[K, int]) -> float:
    """How many times as often things happened in the second throughout: the median over what both have."""
    ratios = [second[key] / first[key] for key in first if key in second]
    return median(ratios) if ratios else 1.0


def dispersion(first: Mapping[K, int], second: Mapping[K, int], ratio: float, least: float) -> float:
    """How much counts vary by themselves, as a multiple of what a Poisson process would: 0 if a program always does
    the same, 1 if its calls are independent.

    Told by the upper quartile of what both have, so that what really changed does not count; at least `least`.
    """
    both = [key for key in first if key in second]
    squares = sorted((second[key] - ratio * first[key]) ** 2 / (second[key] + ratio * first[key]) for key in both)
    return max(least, squares[int(QUARTILE * (len(squares) - 1))] / CHI_SQUARED) if squares else 1.0


def z_of_counts(first: int, second: int, ratio: float, variation: float) -> float:
    """By how many standard deviations a count differs from what the other one lets expect."""
    expected = first * ratio
    return abs(second - expected) / math.sqrt(max(second + expected, 1) * variation)
