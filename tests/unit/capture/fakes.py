"""Rings and sinks in memory: what stands in for the kernel and the disk around the draining loop."""

import os
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from capture.columns import Columns
from capture.errors import SinkError
from capture.ledger import blank
from capture.loaders.base import Settings
from capture.ring import Rings, as_words
from schemas.record import NOT_MEASURED, Flag, Kind

Records = npt.NDArray[Any]
NO_BYTES = np.zeros(0, np.uint8)


def calls(count: int, **members: Any) -> Records:
    """So many records of read(3, ...) = 1 by a thread `cat`, which began at 1000, 1001, ... ns; members as given."""
    records = blank(count, Kind.SYSCALL, 0)
    records["ts"] = 1000 + np.arange(count)
    records["dur"], records["runq"] = 50, 5
    records["pid"] = records["tid"] = 7
    records["comm"], records["ret"] = b"cat", 1
    records["args"][:, 0] = 3
    for name, values in members.items():
        records[name] = values
    return records


def states(kind: Kind, **members: Any) -> Records:
    """One record of a kind that is no call."""
    plain = {"ret": 0, "flags": Flag.STATE_ONLY, "kind": kind, "dur": NOT_MEASURED, "runq": NOT_MEASURED}
    return calls(1, **{**plain, **members})


def columns() -> Columns:
    """No group has a name."""
    return Columns(0, lambda _: None)


def batch_of(records: Records, cpu: int = 0) -> pa.RecordBatch:
    """The batch that the records make."""
    words = np.ascontiguousarray(as_words(records).T)
    return columns().batch(words, np.full(len(records), cpu, np.int16), NO_BYTES)


class FakeRings(Rings):
    """Rings in memory of our own; `produce` does what the kernel program does."""

    def __init__(self, cpus: int = 2, records: int = 64) -> None:
        made = Settings(cpus=cpus, ring_records=records, ring_bytes=4096, own_pid=1, pids=8)
        fd = os.memfd_create("rings")
        try:
            os.ftruncate(fd, made.ring_stride * cpus)
            super().__init__(fd, made)
        finally:
            os.close(fd)

    def produce(self, cpu: int, records: Records) -> None:
        """Count the calls as seen, publish the records for which there is room, count the others as dropped."""
        header = self.headers[cpu]
        for number, one in enumerate(as_words(records)):
            if records["kind"][number] == Kind.SYSCALL and not records["flags"][number] & Flag.STATE_ONLY:
                header["seen"][records["nr"][number]] += 1
            if int(header["head"] - header["tail"]) >= self.records - 1:
                header["dropped"][0][records["nr"][number]] += 1
                continue
            self._words[cpu][int(header["head"]) & (self.records - 1)] = one
            header["head"] += 1


class FakeSink:
    """Keeps the entry times of what it is given; `failing` makes it refuse."""

    def __init__(self, batch_rows: int = 4096, *, streaming: bool = False) -> None:
        self.batch_rows, self.streaming = batch_rows, streaming
        self.written: list[list[int]] = []
        self.flushed: list[list[int]] = []
        self.failing = False
        self.bytes_written = 0

    def write(self, batch: pa.RecordBatch) -> None:
        """Keep for good."""
        self.written.append(self._take(batch))

    def flush(self, batch: pa.RecordBatch) -> None:
        """Secure."""
        self.flushed.append(self._take(batch))

    def close(self, _: object) -> None:
        """Nothing to finish."""

    def _take(self, batch: pa.RecordBatch) -> list[int]:
        if self.failing:
            raise SinkError("the disk is full")
        return list(batch.column("ts").cast(pa.int64()).to_pylist())
