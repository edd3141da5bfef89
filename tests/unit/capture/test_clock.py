"""Monotonic and wall clock time side by side."""

import time

from capture import clock
from capture.clock import Clock, sample


def test_a_sample_is_one_instant() -> None:
    """Both readings are of now."""
    before = time.monotonic_ns(), time.time_ns()
    monotonic, wall = sample()
    after = time.monotonic_ns(), time.time_ns()
    assert before[0] <= monotonic <= after[0]
    assert before[1] - 10**6 <= wall <= after[1] + 10**6


def test_the_offset_never_changes() -> None:
    """One offset a file, however the clocks drift: it is the first sample's."""
    ours = Clock([(100, 1000)], interval=0)
    ours.tick()
    assert ours.offset == 900
    assert len(ours.samples) == 2


def test_samples_come_at_their_interval() -> None:
    """None before it is due."""
    ours = Clock()
    ours.tick()
    assert len(ours.samples) == 1


def test_a_long_capture_keeps_a_bounded_number() -> None:
    """The first stays, every other one goes, and they come half as often."""
    ours = Clock([(number, number + 5) for number in range(clock._KEPT)], interval=1)
    ours.tick()
    assert len(ours.samples) == clock._KEPT // 2 + 1
    assert ours.samples[0] == (0, 5)
    assert ours.interval == 2
