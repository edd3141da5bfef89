"""Records and rings made by hand, as the kernel program makes them: what the tests of the capture's core start from."""

import os
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa

from capture.columns import Columns
from capture.loaders.base import Settings
from capture.ring import Rings, as_words
from schemas.record import (
    ABSENT,
    NO_PAYLOAD,
    NOT_MEASURED,
    PAYLOAD_ALIGN,
    PIECES,
    RECORD,
    Abi,
    Cause,
    Flag,
    Kind,
)
from schemas.syscalls import native_abi, table

WALL = 1_750_000_000_000_000_000
CPU = 3
NATIVE = native_abi()
GROUPS = {7: b"/system.slice/db.service", 8: b"/caf\xe9"}


@cache
def columns() -> Columns:
    """What makes rows of records; the groups that have a name are GROUPS."""
    return Columns(WALL, GROUPS.get)


def number(name: str, abi: Abi = NATIVE) -> int:
    """The number of a call."""
    return table(abi).number(name)


def record(name: str | None = None, **members: Any) -> np.ndarray:
    """One record: a call of thread 12 of process 11 named `cat`, or whatever `members` say."""
    one = np.zeros(1, RECORD)
    plain = {"ts": 1000, "dur": 50, "pid": 11, "tid": 12, "uid": 1000, "comm": b"cat", "cgroup": 7, "abi": NATIVE}
    for member, value in {**plain, "payload": NO_PAYLOAD, "runq": NOT_MEASURED, **members}.items():
        if member == "args":
            one[member][0, : len(value)] = [argument & 0xFFFF_FFFF_FFFF_FFFF for argument in value]
        else:
            one[member] = value
    if name is not None:
        one["nr"] = number(name)
    return one


def pieces(
    path: bytes | None = None, path2: bytes | None = None, addr: bytes | None = None, data: bytes | None = None
) -> bytes:
    """A payload: the lengths of its pieces, or ABSENT, and the pieces."""
    given = (path, path2, addr, data)
    lengths = np.array([ABSENT if piece is None else len(piece) for piece in given], np.uint16)
    return lengths.tobytes() + b"".join(piece or b"" for piece in given)


def padded(payload: bytes) -> bytes:
    """With what lies between it and the next one."""
    return payload + b"\xaa" * (-len(payload) % PAYLOAD_ALIGN)


def batch_of(records: Sequence[np.ndarray], payloads: Sequence[bytes | None] = ()) -> pa.RecordBatch:
    """The batch of the records, each with its payload if there is one."""
    content = b""
    together = np.concatenate(records)
    for row, payload in enumerate(payloads):
        if payload is not None:
            together["payload"][row] = len(content)
            content += padded(payload)
    words = np.ascontiguousarray(as_words(together).T)
    cpus = np.full(len(together), CPU, np.int16)
    return columns().batch(words, cpus, np.frombuffer(content + bytes(PIECES.itemsize), np.uint8))


def rows_of(records: Sequence[np.ndarray], payloads: Sequence[bytes | None] = ()) -> list[dict[str, Any]]:
    """The rows that the records become; the batch is checked, since Arrow trusts what it is built of."""
    batch = batch_of(records, payloads)
    batch.validate(full=True)
    return list(batch.to_pylist())


def row_of(one: np.ndarray, payload: bytes | None = None) -> dict[str, Any]:
    """The row that one record becomes."""
    return rows_of([one], [payload])[0]


class Producer:
    """The kernel program's side of the rings, as bpf/ring.bpf.h and bpf/payload.bpf.h; `most` is PAYLOAD_MOST.

    All positions begin at `start` records and `bytes_start` bytes, as if so many had gone through.
    """

    def __init__(
        self,
        *,
        cpus: int = 1,
        records: int = 8,
        size: int = 1024,
        most: int = 256,
        start: int = 0,
        bytes_start: int = 0,
    ) -> None:
        self.settings = Settings(cpus=cpus, ring_records=records, ring_bytes=size, own_pid=1, pids=8)
        self.most = most
        memory = os.memfd_create("rings")
        os.ftruncate(memory, self.settings.ring_stride * cpus)
        self.rings = Rings(memory, self.settings)
        os.close(memory)
        self.headers = self.rings.headers
        self.headers["head"] = self.headers["tail"] = start
        self.headers["bytes_head"] = self.headers["bytes_tail"] = bytes_start

    def put(self, one: np.ndarray, payload: bytes | None = None, cpu: int = 0) -> str:
        """Publish a record: `whole`, `bare` where its bytes found no room, or `dropped`. Seen is counted either way."""
        ring = self.headers[cpu]
        one = one.copy()
        outcome, end = "whole", int(ring["bytes_head"])
        if payload is not None:
            position = self._room(cpu)
            if position is None:
                ring["payload_dropped"] += 1
                one["flags"] |= np.uint16(Flag.PAYLOAD_LOST)
                outcome = "bare"
            else:
                end = self._write(cpu, position, payload)
                one["payload"] = position & 0xFFFF_FFFF
        call = int(one["kind"][0]) == Kind.SYSCALL
        cell = int(one["nr"][0])
        if call:
            ring["seen"][cell] += 1
        if int(ring["head"]) - int(ring["tail"]) >= self.settings.ring_records - 1:
            if call:
                ring["dropped"][Cause.RING_FULL, cell] += 1
            return "dropped"
        at = int(ring["head"]) & self.settings.ring_records - 1
        self.rings._words[cpu][at] = as_words(one)[0]
        ring["bytes_head"] = end
        ring["head"] += 1
        return outcome

    def _room(self, cpu: int) -> int | None:
        ring, size = self.headers[cpu], self.settings.ring_bytes
        position = int(ring["bytes_head"])
        at = position & size - 1
        if at > size - self.most:
            position += size - at
        return None if position + self.most - int(ring["bytes_tail"]) > size else position

    def _write(self, cpu: int, position: int, payload: bytes) -> int:
        assert len(payload) <= self.most
        at = position & self.settings.ring_bytes - 1
        self.rings._bytes[cpu][at : at + len(payload)] = np.frombuffer(payload, np.uint8)
        return position + len(padded(payload))
