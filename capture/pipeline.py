"""From the ring to the sink on two threads: one drains, one encodes, so that encoding never stops the draining.

Memory is bounded by the buffers: there are a few, each is filled by the drain and then belongs to the writer until it
is written. When the writer has them all, nothing is drained, the rings fill, and the kernel counts what it drops.
"""

import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from capture.columns import Columns
from capture.errors import CaptureError, SinkError
from capture.ring import WORDS, Bytes, Words
from capture.sink.base import Sink
from schemas.record import NO_PAYLOAD, Cause

BUFFERS = 4
FLUSHES = 4096
"""So many flushes of one buffer, and it is written: where next to nothing happens they would fill the journal."""
BYTES = 64 << 20
"""Most bytes of payloads in one buffer; memory is only touched as far as it is used."""


class Payload(NamedTuple):
    """Bytes of records: `position` is where they begin, in the count that the records' own positions are in."""

    position: int
    parts: Sequence[Bytes]

    @property
    def size(self) -> int:
        """Bytes in all."""
        return sum(map(len, self.parts))


NOTHING = Payload(0, ())


class Buffer:
    """Room for `rows` records: their words column by column, the CPU of each, and the bytes that belong to them."""

    def __init__(self, rows: int) -> None:
        self.words: Words = np.empty((WORDS, rows), np.uint64)
        self.cpus: npt.NDArray[np.int16] = np.zeros(rows, np.int16)
        self.bytes: Bytes = np.empty(BYTES, np.uint8)
        self.rows = rows
        self.empty()

    def empty(self) -> None:
        """Ready to be filled. `flushed` is what the drain has asked to secure, `secured` what the sink has."""
        self.count = self.used = self.flushed = self.flushes = self.secured = 0

    def room(self, payload: Payload) -> int:
        """For how many records with this payload there is room."""
        return self.rows - self.count if self.used + payload.size <= len(self.bytes) else 0

    def append(self, cpu: int, words: Words, payload: Payload) -> None:
        """Copy the records, shape (n, WORDS), for which there is room, and their bytes."""
        end = self.count + len(words)
        self.words[:, self.count : end] = words.T
        self.cpus[self.count : end] = cpu
        if payload.parts:
            self._append_bytes(self.words[-1, self.count : end], payload)
        self.count = end

    def _append_bytes(self, rest: Words, payload: Payload) -> None:
        """The positions in the last word of each record become offsets into our bytes."""
        positions = rest.view(np.uint32)[::2]
        moved = positions + np.uint32(self.used - payload.position & 0xFFFF_FFFF)
        np.copyto(positions, moved, where=positions != NO_PAYLOAD)
        for part in payload.parts:
            self.bytes[self.used : self.used + len(part)] = part
            self.used += len(part)


@dataclass(frozen=True)
class _Job:
    """What the writer is asked to do with the first `end` rows of a buffer: secure them, or write them for good."""

    buffer: Buffer
    end: int
    final: bool


class Pipeline:
    """The writer's thread and the buffers between it and the drain: those given, or new ones as the sink wants them.

    `begin` is called first on the writer's thread, then `wrote` with each batch that the sink has taken, and `lost`
    with the words (shape (WORDS, n)) and CPUs of records that it could not take.
    """

    def __init__(
        self,
        sink: Sink,
        columns: Columns,
        wrote: Callable[[pa.RecordBatch], None],
        lost: Callable[[Words, npt.NDArray[np.int16], Cause], None],
        buffers: Sequence[Buffer] | None = None,
        begin: Callable[[], None] = lambda: None,
    ) -> None:
        self.sink = sink
        self.error: SinkError | None = None
        self._columns, self._wrote, self._lost = columns, wrote, lost
        self._begin = begin
        self._free: queue.SimpleQueue[Buffer] = queue.SimpleQueue()
        for buffer in buffers or [Buffer(sink.batch_rows) for _ in range(BUFFERS)]:
            self._free.put(buffer)
        self._jobs: queue.SimpleQueue[_Job | Callable[[], None] | None] = queue.SimpleQueue()
        self.rows = 0
        """Rows taken so far."""
        self._current: Buffer | None = self._free.get()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._write, name="writer", daemon=True)
        self._thread.start()

    def append(self, cpu: int, words: Words, payload: Payload = NOTHING, *, wait: bool = False) -> bool:
        """Take records, shape (n, WORDS), n <= BLOCK, whose bytes are `payload`.

        False: none was taken, for the writer holds all buffers. With `wait`, for what must not be left behind, it is
        waited for.
        """
        if self._current is not None and self._current.room(payload) < len(words):
            self._hand_over()
        buffer = self._buffer(wait)
        if buffer is None:
            return False
        buffer.append(cpu, words, payload)
        self.rows += len(words)
        return True

    def has_room(self) -> bool:
        """Would `append` take a record without payload?"""
        if self._current is not None and not self._current.room(NOTHING):
            self._hand_over()
        return self._buffer(wait=False) is not None

    def flush(self) -> bool:
        """Have the sink secure, or pass on, what came since the last flush.

        False: the writer has not come to an earlier job yet; ask again.
        """
        buffer = self._current
        if buffer is None or buffer.flushed == buffer.count:
            return True
        if not self._jobs.empty():
            return False
        buffer.flushes += 1
        if self.sink.streaming or buffer.flushes > FLUSHES:
            self._hand_over()
        else:
            self._jobs.put(_Job(buffer, buffer.count, final=False))
            buffer.flushed = buffer.count
        return True

    def then(self, step: Callable[[], None]) -> None:
        """Have the writer's thread do `step` once all rows taken so far are written for good."""
        if self._current is not None and self._current.count:
            self._hand_over()
        self._jobs.put(step)

    def settle(self) -> None:
        """Wait until all rows taken so far are written, or lost."""
        done = threading.Event()
        self.then(done.set)
        done.wait()

    def close(self) -> None:
        """Write what is left and end the thread. The sink stays open, for the closing metadata."""
        if self._current is not None and self._current.count:
            self._hand_over()
        self._jobs.put(None)
        self._thread.join()

    def check(self) -> None:
        """Raise what went wrong on the writer's thread, unless it is the sink's own error, which is in `error`.

        A fault of ours becomes a SinkError: the file is finished all the same, without the rows of that batch.
        """
        if isinstance(self._failure, CaptureError):
            raise self._failure
        if self._failure is not None:
            fault = f"{type(self._failure).__name__}: {self._failure}".splitlines()[0]
            text = f"the writer failed ({fault}); the rows until then are kept. Please report this"
            raise SinkError(text) from self._failure

    def _buffer(self, wait: bool) -> Buffer | None:
        if self._current is None:
            try:
                self._current = self._free.get(block=wait)
            except queue.Empty:
                return None
        return self._current

    def _hand_over(self) -> None:
        buffer = self._current
        assert buffer is not None
        self._jobs.put(_Job(buffer, buffer.count, final=True))
        self._current = None

    def _write(self) -> None:
        self._begin()
        while (job := self._jobs.get()) is not None:
            try:
                if isinstance(job, _Job):
                    self._do(job)
                else:
                    job()
            except SinkError as error:
                self.error = self.error or error
            except BaseException as error:  # noqa: BLE001 - handed to the draining thread by check(): this one has nobody to tell
                self._failure = self._failure or error
            finally:
                if isinstance(job, _Job) and job.final:
                    job.buffer.empty()
                    self._free.put(job.buffer)

    def _do(self, job: _Job) -> None:
        """Make a batch of the rows and give it to the sink. Whatever goes wrong, each row is counted, once.

        After a failure that is no refusal of the sink's it gets nothing more, so that what it had secured stays.
        """
        buffer = job.buffer
        rows = slice(0 if job.final else buffer.secured, job.end)
        try:
            if self._failure is not None:
                raise SinkError("the writer has failed before")
            batch = self._columns.batch(buffer.words[:, rows], buffer.cpus[rows], buffer.bytes)
            if not job.final:
                self.sink.flush(batch)
                buffer.secured = job.end
                return
            self.sink.write(batch)
        except BaseException:
            if job.final:
                self._account_for_loss(buffer, job.end)
            raise
        self._wrote(batch)

    def _account_for_loss(self, buffer: Buffer, end: int) -> None:
        """The sink did not take the rows up to `end`; those that it had secured are in the file all the same."""
        kept = buffer.secured
        if kept:
            self._wrote(self._columns.batch(buffer.words[:, :kept], buffer.cpus[:kept], buffer.bytes))
        self._lost(buffer.words[:, kept:end], buffer.cpus[kept:end], Cause.WRITER)
