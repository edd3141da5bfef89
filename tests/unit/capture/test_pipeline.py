"""From the drain to the sink on two threads: each row once, in order, whatever the sink does; and memory is bounded."""

import threading
import time
from collections.abc import Callable
from itertools import chain

import numpy as np
import pyarrow as pa
import pytest

from capture import pipeline as pipeline_module
from capture.errors import SinkError
from capture.pipeline import BUFFERS, Pipeline
from capture.ring import Words, as_words
from schemas.record import Cause
from tests.unit.capture.fakes import FakeSink, calls, columns


class Counted:
    """What the pipeline reports of its batches."""

    def __init__(self) -> None:
        self.written = self.lost = 0

    def wrote(self, batch: pa.RecordBatch) -> None:
        """The sink has it."""
        self.written += batch.num_rows

    def lose(self, words: Words, cpus: np.ndarray, cause: Cause) -> None:
        """The sink has it not."""
        assert cause is Cause.WRITER
        assert words.shape[1] == len(cpus)
        self.lost += len(cpus)


def pipeline(sink: FakeSink) -> tuple[Pipeline, Counted]:
    """With a writer, running."""
    counted = Counted()
    return Pipeline(sink, columns(), counted.wrote, counted.lose), counted


def stamps(first: int, count: int) -> np.ndarray:
    """Records numbered by their time of entry."""
    return as_words(calls(count, ts=np.arange(first, first + count)))


def test_rows_come_in_order() -> None:
    """In full batches, and the rest at the close; nothing is written before a batch is full or the end has come."""
    sink = FakeSink(batch_rows=100)
    line, counted = pipeline(sink)
    for first in range(0, 250, 50):
        assert line.append(0, stamps(first, 50), wait=True)
    line.close()
    assert [len(batch) for batch in sink.written] == [100, 100, 50]
    assert list(chain.from_iterable(sink.written)) == list(range(250))
    assert (counted.written, counted.lost) == (250, 0)
    assert sink.flushed == []


def test_flushes_secure_each_row_once() -> None:
    """A flush brings what came since the last one; the rows come again, with all others, when the batch is full."""
    sink = FakeSink(batch_rows=100)
    line, counted = pipeline(sink)
    line.append(0, stamps(0, 30))
    until(line.flush)
    assert line.flush()  # nothing new
    line.append(0, stamps(30, 30))
    until(line.flush)
    line.append(0, stamps(60, 40))
    line.append(0, stamps(100, 5), wait=True)
    until(line.flush)
    line.close()
    assert sink.flushed == [list(range(30)), list(range(30, 60)), list(range(100, 105))]
    assert sink.written == [list(range(100)), list(range(100, 105))]
    assert counted.written == 105


def test_many_flushes_of_few_rows_make_a_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is larger than its rows: where next to nothing happens the journal would grow for days."""
    monkeypatch.setattr(pipeline_module, "FLUSHES", 3)
    sink = FakeSink(batch_rows=100)
    line, _ = pipeline(sink)
    for row in range(10):
        line.append(0, stamps(row, 1), wait=True)
        until(line.flush)
    line.close()
    assert sink.written == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]


def test_a_streaming_sink_is_written_to_at_each_flush() -> None:
    """Who reads along gets rows soon, each once."""
    sink = FakeSink(batch_rows=100, streaming=True)
    line, _ = pipeline(sink)
    line.append(0, stamps(0, 3))
    line.flush()
    line.append(0, stamps(3, 4), wait=True)
    line.flush()
    line.close()
    assert sink.written == [[0, 1, 2], [3, 4, 5, 6]]
    assert sink.flushed == []


def test_what_the_sink_refuses_is_lost_and_counted() -> None:
    """The first error stays; rows that a flush had secured count as written, the others as lost."""
    sink = FakeSink(batch_rows=100)
    line, counted = pipeline(sink)
    line.append(0, stamps(0, 60))
    line.flush()
    until(lambda: bool(sink.flushed))
    sink.failing = True
    line.append(0, stamps(60, 30))
    line.close()
    assert (counted.written, counted.lost) == (60, 30)
    assert str(line.error) == "the disk is full"


def test_a_writer_that_is_behind_bounds_memory() -> None:
    """When it holds all buffers nothing more is taken, and taken again when it has let one go."""
    gate = threading.Event()

    class Slow(FakeSink):
        def write(self, batch: pa.RecordBatch) -> None:
            """Hang until the gate opens."""
            gate.wait()
            super().write(batch)

    sink = Slow(batch_rows=10)
    line, counted = pipeline(sink)
    taken = 0
    while line.append(0, stamps(taken, 10)):
        taken += 10
    assert taken == 10 * BUFFERS
    assert not line.has_room()
    gate.set()
    assert line.append(0, stamps(taken, 10), wait=True)
    line.close()
    assert list(chain.from_iterable(sink.written)) == list(range(taken + 10))
    assert counted.written == taken + 10


def test_a_fault_on_the_writers_thread_is_raised_by_check() -> None:
    """Not the sink's own kind of error: its rows and all later ones are lost, and counted, and it is said."""

    class Broken(FakeSink):
        def write(self, batch: pa.RecordBatch) -> None:
            """A bug."""
            super().write(batch)
            if len(self.written) == 2:
                raise ZeroDivisionError("by nought")

    sink = Broken(batch_rows=10)
    line, counted = pipeline(sink)
    line.check()
    for first in range(0, 40, 10):
        line.append(0, stamps(first, 10), wait=True)
    line.close()
    with pytest.raises(SinkError, match=r"the writer failed \(ZeroDivisionError: by nought\); .* report this"):
        line.check()
    assert (counted.written, counted.lost) == (10, 30)
    assert len(sink.written) == 2


def test_the_buffers_are_used_again() -> None:
    """Rows of an earlier batch do not come through in a later, shorter one."""
    sink = FakeSink(batch_rows=10)
    line, _ = pipeline(sink)
    for first in range(0, 100, 7):
        line.append(0, stamps(first, 7), wait=True)
    line.close()
    assert list(chain.from_iterable(sink.written)) == list(range(105))


def until(true: Callable[[], bool], patience: float = 5) -> None:
    """Wait for the other thread."""
    end = time.monotonic() + patience
    while not true():
        assert time.monotonic() < end
        time.sleep(0.005)
