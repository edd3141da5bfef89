"""The draining loop: what is in the rings gets into the pipeline, `-c N` exactly, and losses become rows."""

import threading
from itertools import chain

import numpy as np
import pytest

from capture.backends.base import Running
from capture.clock import Clock
from capture.ledger import Ledger, blank
from capture.pipeline import BUFFERS, Pipeline
from capture.recorder import Recorder
from capture.ring import BLOCK
from schemas.record import Flag, Kind
from tests.unit.capture.fakes import FakeRings, FakeSink, calls, columns, states


class Bench:
    """A recorder with fake rings and a fake sink."""

    def __init__(self, *, limit: int | None = None, records: int = 64, batch_rows: int = 4096) -> None:
        self.rings = FakeRings(records=records)
        self.ledger = Ledger(self.rings.headers)
        self.sink = FakeSink(batch_rows)
        self.pipeline = Pipeline(self.sink, columns(), self.ledger.wrote, self.ledger.lost)
        self.recorder = Recorder(self.rings, self.ledger, self.pipeline, Clock(), limit=limit, flush=100)

    def finish(self, unfinished: int = 0) -> list[int]:
        """End it; the times of all rows that were written."""
        return self.finish_with(Running(blank(unfinished, Kind.SYSCALL, 5), np.empty(0, np.uint8)))

    def finish_with(self, running: Running) -> list[int]:
        """The same, with these calls that run on."""
        self.recorder.finish(running)
        self.pipeline.close()
        return list(chain.from_iterable(self.sink.written))


def test_everything_is_drained_and_balances() -> None:
    """Of both rings; what had no room is in loss rows, at the latest at the end."""
    bench = Bench()
    bench.rings.produce(0, calls(40))
    bench.rings.produce(1, calls(100))
    bench.recorder.drain()
    bench.rings.produce(0, calls(10))
    rows = bench.finish()
    counters = bench.ledger.counters()
    assert counters.balance() == []
    assert (counters.seen, counters.written, counters.dropped) == (150, 40 + 63 + 10, {"ring_full": 37})
    assert len(rows) == counters.written + 1  # one loss row


@pytest.mark.parametrize("limit", [1, 5, 39, 40, 41, 49, 50])
def test_the_limit_is_exact(limit: int) -> None:
    """So many calls are written, whichever block the last one lies in; the others are left out and counted as such."""
    bench = Bench(limit=limit)
    bench.rings.produce(0, calls(40))
    bench.rings.produce(1, calls(10))
    bench.recorder.drain()
    assert bench.recorder.stopped_by == "limit"
    bench.rings.produce(0, calls(20))
    bench.finish(unfinished=3)
    counters = bench.ledger.counters()
    assert counters.written == limit
    assert counters.balance() == []
    assert counters.dropped == {"limit": 73 - limit}


def test_the_limit_counts_calls_alone() -> None:
    """State rows before the last call come along, and do not count."""
    bench = Bench(limit=2)
    flagged = calls(1, flags=Flag.STATE_ONLY)
    rows = [states(Kind.FORK), calls(1), flagged, states(Kind.EXIT), calls(1), states(Kind.EXIT), calls(1)]
    bench.rings.produce(0, np.concatenate(rows))
    bench.recorder.drain()
    assert len(bench.finish()) == 5 + 1  # and what the limit left out
    assert bench.ledger.counters().written == 2


def test_a_limit_that_is_not_reached_takes_unfinished_calls() -> None:
    """They are calls too."""
    bench = Bench(limit=10)
    bench.rings.produce(0, calls(8))
    bench.recorder.drain()
    assert bench.recorder.stopped_by is None
    bench.finish(unfinished=5)
    counters = bench.ledger.counters()
    assert (counters.written, counters.dropped, counters.balance()) == (10, {"limit": 3}, [])


def test_more_unfinished_calls_than_a_batch_holds() -> None:
    """A host with many threads that hang, and a sink with small batches."""
    bench = Bench(batch_rows=BLOCK)
    assert len(bench.finish(unfinished=5000)) == 5000
    assert bench.ledger.counters().balance() == []


def test_run_ends_with_a_stop_and_does_its_chores() -> None:
    """`each` is called, the chores are all done, and the first reason to stop stays."""
    bench = Bench()
    done: list[int] = []

    def each() -> None:
        bench.recorder.stop("enough")
        bench.recorder.stop("too late")

    bench.recorder.do_between(done.append(number) for number in range(100))
    bench.recorder.run(each)
    assert bench.recorder.stopped_by == "enough"
    assert done == list(range(100))
    bench.finish()


def test_run_ends_when_the_sink_fails() -> None:
    """Nobody can take the rows: what was drained is counted as lost by the writer."""
    bench = Bench(batch_rows=64)
    bench.sink.failing = True
    bench.rings.produce(0, calls(63))
    bench.rings.produce(1, calls(63))
    bench.recorder.run(lambda: None)
    assert bench.recorder.stopped_by == "sink"
    bench.finish()
    counters = bench.ledger.counters()
    assert (counters.written, counters.dropped, counters.balance()) == (0, {"writer": 126}, [])


def test_losses_wait_for_a_writer_that_is_behind() -> None:
    """Then the rings drop: a row that says so would wait for the writer too. It comes later, once, for all of them."""
    bench = Bench(batch_rows=64)
    gate = threading.Event()
    write = bench.sink.write
    bench.sink.write = lambda batch: gate.wait() and write(batch)  # type: ignore[method-assign]
    for _ in range(BUFFERS + 2):  # the writer has all buffers from the last but one on
        bench.rings.produce(0, calls(70))
        bench.recorder.drain()
        bench.recorder._keep_house()
    assert not bench.pipeline.has_room()
    gate.set()
    bench.finish()
    counters = bench.ledger.counters()
    assert counters.balance() == []
    assert (counters.written, counters.dropped) == (
        (BUFFERS + 1) * 63,
        {"ring_full": (BUFFERS + 1) * 7 + 70},
    )
    assert sum(map(len, bench.sink.written)) - counters.written == BUFFERS + 1  # the last one for two intervals
