"""The pipeline against a model: whatever is appended, flushed and refused, each row is written once or lost."""

import threading
from collections.abc import Sequence
from itertools import chain

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capture import pipeline
from capture.errors import SinkError
from capture.pipeline import Payload, Pipeline
from capture.ring import as_words
from schemas.record import RECORD, Cause, Kind
from tests.unit.capture.records import columns, padded, pieces, record

ROWS = 16


class Sink:
    """Keeps the paths of what it is given; refuses the calls whose turn is in `refused`."""

    batch_rows = ROWS
    bytes_written = 0

    def __init__(self, refused: Sequence[int] = (), *, streaming: bool = False) -> None:
        self.streaming, self._refused = streaming, frozenset(refused)
        self.kept: list[str | None] = []
        self.secured: list[str | None] = []
        self._turn = -1

    def write(self, batch: pa.RecordBatch) -> None:
        """For good: the rows that a flush had secured come again."""
        paths = self._paths(batch)
        assert self.secured == paths[: len(self.secured)]
        secured, self.secured = self.secured, []
        if self._is_refused():
            self.kept += secured
            raise SinkError("no room")
        self.kept += paths

    def flush(self, batch: pa.RecordBatch) -> None:
        """Until the next write."""
        paths = self._paths(batch)
        if self._is_refused():
            raise SinkError("no room")
        self.secured += paths

    def close(self, _: object) -> None:
        """Nothing."""

    def _is_refused(self) -> bool:
        self._turn += 1
        return self._turn in self._refused

    @staticmethod
    def _paths(batch: pa.RecordBatch) -> list[str | None]:
        batch.validate(full=True)
        return list(batch.column("path").to_pylist())


class Account:
    """What was reported of the rows."""

    def __init__(self) -> None:
        self.written: list[str | None] = []
        self.ids: list[int] = []
        self.lost: list[int] = []

    def wrote(self, batch: pa.RecordBatch) -> None:
        """In the file."""
        self.ids += batch.column("pid").to_pylist()
        self.written += batch.column("path").to_pylist()

    def lose(self, words: np.ndarray, cpus: np.ndarray, cause: Cause) -> None:
        """Not in the file."""
        assert cause is Cause.WRITER
        assert len(cpus) == words.shape[1]
        self.lost += np.ascontiguousarray(words.T).view(RECORD).ravel()["pid"].tolist()


def block(paths: Sequence[str], first: int = 0) -> tuple[np.ndarray, Payload]:
    """Records by pid `first` and on that open these paths (an empty one has none); payloads begin at 4e9."""
    content, records = b"", []
    for pid, path in enumerate(paths, first):
        place = {"payload": 4_000_000_000 + len(content)} if path else {}
        records.append(record("openat", pid=pid, **place))
        content += padded(pieces(path.encode())) if path else b""
    return as_words(np.concatenate(records)), Payload(4_000_000_000, [np.frombuffer(content, np.uint8)])


STEPS = st.lists(st.lists(st.booleans(), min_size=1, max_size=ROWS) | st.none(), max_size=30)
"""Blocks of records, with a path or without, and flushes."""


@settings(deadline=None, max_examples=60)
@given(STEPS, st.sets(st.integers(0, 12)), st.booleans())
def test_each_row_is_written_once_or_lost(steps: list[list[bool] | None], refused: set[int], streaming: bool) -> None:
    """In order, with its own path; what is reported as written is what the file has, the rest is reported as lost."""
    sink, account = Sink(sorted(refused), streaming=streaming), Account()
    line = Pipeline(sink, columns(), account.wrote, account.lose)
    sent: list[str | None] = []
    for number, step in enumerate(steps):
        if step is None:
            line.flush()
            continue
        paths = [f"/{number}/{index}" if named else "" for index, named in enumerate(step)]
        assert line.append(0, *block(paths, len(sent)), wait=True)
        sent += [path or None for path in paths]
    line.close()
    assert account.written == sink.kept
    assert account.written == [sent[pid] for pid in account.ids]
    assert sorted(account.ids + account.lost) == list(range(len(sent)))
    assert [path for path in sent if path in set(account.written) - {None}] == [path for path in sink.kept if path]
    assert (line.error is None) <= (account.lost == [])
    if not refused:
        assert sink.kept == sent


def test_bytes_bound_a_buffer_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Records whose bytes find no room begin the next buffer."""
    monkeypatch.setattr(pipeline, "BYTES", 4096)
    sink, account = Sink(), Account()
    line = Pipeline(sink, columns(), account.wrote, account.lose)
    paths = ["/" + letter * 3000 for letter in "abc"]
    for path in paths:
        line.append(0, *block([path]), wait=True)
    line.close()
    assert sink.kept == paths


class Stuck(Sink):
    """Hangs in `write` until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = threading.Event()

    def write(self, batch: pa.RecordBatch) -> None:
        """Wait."""
        self.gate.wait()
        super().write(batch)


def test_room_is_what_append_finds() -> None:
    """A full buffer that cannot be exchanged has none: whoever asks first is not made to wait for the writer."""
    sink, account = Stuck(), Account()
    line = Pipeline(sink, columns(), account.wrote, account.lose)
    one = block(["/x"])
    taken = 0
    while line.has_room():
        assert line.append(0, *one)
        taken += 1
        assert taken <= ROWS * pipeline.BUFFERS
    assert taken == ROWS * pipeline.BUFFERS
    assert not line.append(0, *one)
    line.flush()
    sink.gate.set()
    line.close()
    assert sink.kept == account.written == ["/x"] * taken


def test_rows_of_all_kinds_go_through() -> None:
    """What is no call is written like any other row."""
    sink, account = Sink(), Account()
    line = Pipeline(sink, columns(), account.wrote, account.lose)
    rows = as_words(np.concatenate([record(kind=kind) for kind in Kind]))
    line.append(0, rows)
    line.close()
    assert list(chain(account.written)) == [None] * len(Kind)
