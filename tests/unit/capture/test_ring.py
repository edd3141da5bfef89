"""The consumer's side of the rings: every record once, in order, round the end too, and none not yet published."""

import time

import numpy as np
import pytest

from capture.ring import BLOCK, as_words
from schemas.record import RECORD
from tests.unit.capture.fakes import FakeRings, calls


def drained(rings: FakeRings) -> dict[int, list[int]]:
    """One pass: entry times by CPU."""
    found: dict[int, list[int]] = {}
    for cpu, words in rings.blocks():
        found.setdefault(cpu, []).extend(words.view(RECORD).ravel()["ts"].tolist())
        rings.release(cpu, len(words))
    return found


def test_records_come_once_and_in_order() -> None:
    """Round and round the ring, whatever the size of the steps; head and tail never go back."""
    rings = FakeRings(cpus=1, records=16)
    random = np.random.default_rng(0)
    sent = 0
    came: list[int] = []
    while sent < 1000:
        count = int(random.integers(0, 15))
        rings.produce(0, calls(count, ts=np.arange(sent, sent + count)))
        sent += count
        came += drained(rings).get(0, [])
    assert came == list(range(sent))
    assert int(rings.headers["tail"][0]) == sent
    assert rings.pending() == 0
    assert rings.total("head") == sent


def test_a_block_ends_at_the_end_of_the_ring() -> None:
    """Blocks are views: one that would go round comes in two, and is no copy."""
    rings = FakeRings(cpus=1, records=16)
    rings.produce(0, calls(12))
    drained(rings)
    rings.produce(0, calls(8))
    blocks = []
    for cpu, words in rings.blocks():
        blocks.append(len(words))
        assert words.base is not None
        rings.release(cpu, len(words))
    assert blocks == [4, 4]


def test_a_pass_ends_though_more_comes_in() -> None:
    """What is published while a pass goes on is left for the next, so a busy CPU does not starve the others."""
    rings = FakeRings(cpus=2, records=16)
    rings.produce(0, calls(3))
    seen = 0
    for cpu, words in rings.blocks():
        seen += len(words)
        rings.release(cpu, len(words))
        rings.produce(0, calls(3))
    assert seen == 3
    assert rings.pending() == 3


def test_what_is_not_released_comes_again() -> None:
    """A block that could not be taken stays where it is."""
    rings = FakeRings(cpus=1, records=16)
    rings.produce(0, calls(5))
    first = next(rings.blocks())[1].copy()
    second = next(rings.blocks())[1]
    assert (first == second).all()


def test_blocks_are_bounded() -> None:
    """A full ring comes in blocks that stay in a core's cache."""
    rings = FakeRings(cpus=1, records=8192)
    rings.headers["head"] = 8191
    lengths = []
    for cpu, words in rings.blocks():
        lengths.append(len(words))
        rings.release(cpu, len(words))
    assert max(lengths) == BLOCK
    assert sum(lengths) == 8191


def test_positions_beyond_32_bits() -> None:
    """Positions count on for years; only their low bits are places."""
    rings = FakeRings(cpus=1, records=16)
    rings.headers["head"] = rings.headers["tail"] = np.uint64(2**40 + 5)
    rings.produce(0, calls(3, ts=[1, 2, 3]))
    assert drained(rings) == {0: [1, 2, 3]}


def test_words_and_records_are_the_same_bytes() -> None:
    """as_words changes nothing but the shape."""
    records = calls(3, comm=b"name", cgroup=9)
    words = as_words(records)
    assert words.shape == (3, 16)
    assert (words.view(RECORD).ravel() == records).all()
    assert as_words(records[:0]).shape == (0, 16)


def test_stop_tells_the_program_when() -> None:
    """The flag is set on every CPU, and the time is of now, monotonic."""
    rings = FakeRings()
    assert rings.stop() == pytest.approx(time.monotonic_ns(), abs=10**9)
    assert rings.headers["stopping"].tolist() == [1, 1]
