"""The batch before the first one."""

import pyarrow as pa
import pytest

from capture.pipeline import BUFFERS, Pipeline
from capture.rehearsal import rehearse
from capture.ring import as_words
from schemas.arrow import EVENTS
from tests.unit.capture.fakes import FakeSink
from tests.unit.capture.records import columns, record


def test_it_leaves_nothing_behind_but_buffers() -> None:
    """What it makes up is a batch like any other, and reaches no sink."""
    seen: list[pa.RecordBatch] = []
    buffers = rehearse(64, seen.append)
    assert [buffer.rows for buffer in buffers] == [64] * BUFFERS
    assert seen[0].schema == EVENTS and seen[0].num_rows == 64
    sink = FakeSink(batch_rows=64)
    line = Pipeline(sink, columns(), lambda _: None, lambda *_: None, buffers)
    line.append(0, as_words(record("read", ts=5)))
    line.close()
    assert sum(map(len, sink.written)) == 1


def test_its_failure_is_told_to_who_waits() -> None:
    """Out of memory at the start is said at the start."""

    def fail(_: pa.RecordBatch) -> None:
        raise MemoryError("no room")

    with pytest.raises(MemoryError, match="no room"):
        rehearse(8, fail)
