"""Rings and their bytes against a model: what the kernel program publishes is what comes out, once and in order."""

from itertools import chain
from unittest import mock

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from capture import ring
from capture.pipeline import Buffer, Payload
from schemas.record import Flag
from tests.unit.capture.records import Producer, columns, padded, pieces, record

MOST = 256
RECORDS, SIZE = 8, 1024
STARTS = [0, 5, 2**32 - 3, 2**40]
BYTE_STARTS = [0, 1000, 2**32 - 512, 2**32 - 8, 2**33 + 768]
PUT = st.tuples(st.integers(0, 1), st.none() | st.integers(0, MOST - 8))
"""CPU, and the length of the path if there is a payload."""
STEPS = st.lists(PUT | st.integers(0, 9), max_size=60)
"""A record is published, or so many blocks are drained."""


class Drain:
    """The consumer: blocks into a buffer, as the recorder and the pipeline do."""

    def __init__(self, producer: Producer) -> None:
        self.producer = producer
        self.buffer = Buffer(4096)

    def some(self, blocks: int) -> None:
        """Take at most so many blocks; what is left over comes again."""
        rings = self.producer.rings
        for taken, (cpu, words) in enumerate(rings.blocks()):
            payload = Payload(*rings.payload(cpu, words))
            if taken == blocks:
                return
            self.buffer.append(cpu, words, payload)
            rings.release(cpu, len(words), payload.size)

    def rows(self) -> dict[int, list[tuple[int, str | None, bool]]]:
        """Time, path, and whether bytes were lost, of each row by CPU."""
        count = self.buffer.count
        found: dict[int, list[tuple[int, str | None, bool]]] = {0: [], 1: []}
        if count:
            batch = columns().batch(self.buffer.words[:, :count], self.buffer.cpus[:count], self.buffer.bytes)
            batch.validate(full=True)
            for row, dur in zip(batch.to_pylist(), batch.column("dur_ns").cast(pa.int64()).to_pylist(), strict=True):
                found[row["cpu"]].append((dur, row["path"], bool(row["flags"] & Flag.PAYLOAD_LOST)))
        return found


@pytest.mark.parametrize("block", [1, 3, 2048])
@settings(deadline=None, max_examples=30)
@given(steps=STEPS, start=st.sampled_from(STARTS), bytes_start=st.sampled_from(BYTE_STARTS))
def test_what_goes_in_comes_out(
    block: int, steps: list[tuple[int, int | None] | int], start: int, bytes_start: int
) -> None:
    """Round both rings, over the skip at the end of the bytes and over 2^32: each record, with its own path."""
    producer = Producer(cpus=2, records=RECORDS, size=SIZE, most=MOST, start=start, bytes_start=bytes_start)
    drain = Drain(producer)
    model: dict[int, list[tuple[int, str | None, bool]]] = {0: [], 1: []}
    with mock.patch.object(ring, "BLOCK", block):
        for number, step in enumerate(steps):
            if isinstance(step, int):
                drain.some(step)
                continue
            cpu, length = step
            path = None if length is None else f"{number}-".ljust(length, "x")[:length]
            payload = None if path is None else pieces(path.encode())
            outcome = producer.put(record("openat", dur=number), payload, cpu)
            if outcome != "dropped":
                model[cpu].append((number, path if outcome == "whole" else None, outcome == "bare"))
        drain.some(1000)
    assert drain.rows() == model
    headers = producer.headers
    assert (headers["tail"] == headers["head"]).all() and (headers["bytes_tail"] == headers["bytes_head"]).all()
    assert int(headers["seen"].sum()) == sum(map(len, model.values())) + int(headers["dropped"].sum())


def test_bytes_come_with_the_records_of_their_block() -> None:
    """A block's bytes end where its last payload ends, so the next block's are untouched."""
    producer = Producer()
    first, second = pieces(b"/first"), pieces(b"/second")
    for payload in (first, None, second):
        producer.put(record("openat"), payload)
    with mock.patch.object(ring, "BLOCK", 2):
        cpu, words = next(producer.rings.blocks())
        position, parts = producer.rings.payload(cpu, words)
    assert (position, b"".join(map(bytes, parts))) == (0, padded(first)[:-2] + bytes(2))


def test_no_bytes_where_there_are_none() -> None:
    """Records without payloads take none of those that wait."""
    producer = Producer()
    producer.put(record("read"))
    cpu, words = next(producer.rings.blocks())
    assert producer.rings.payload(cpu, words) == (0, [])
    producer.put(record("openat"), pieces(b"/x"))
    assert producer.rings.payload(cpu, words[:1]) == (0, [])


@settings(deadline=None, max_examples=50)
@given(st.binary(min_size=128, max_size=128 * 7), st.binary(max_size=SIZE), st.sampled_from(BYTE_STARTS))
@example(bytes(120) + (SIZE - 1).to_bytes(8, "little"), b"", 0)
def test_arbitrary_memory_in_a_ring(raw: bytes, content: bytes, bytes_start: int) -> None:
    """Whatever stands in the records and the bytes: views of the ring, no more than is there, and no exception."""
    producer = Producer(size=SIZE, bytes_start=bytes_start)
    count = len(raw) // 128
    producer.rings._words[0][:count] = np.frombuffer(raw[: 128 * count], np.uint64).reshape(count, 16)
    producer.rings._bytes[0][: len(content)] = np.frombuffer(content, np.uint8)
    producer.headers["head"] += count
    producer.headers["bytes_head"] += 64
    for cpu, words in producer.rings.blocks():
        _, parts = producer.rings.payload(cpu, words)
        assert all(len(part) <= SIZE for part in parts)
        producer.rings.release(cpu, len(words), sum(map(len, parts)))
    assert producer.rings.pending() == 0


def test_a_buffer_counts_its_room_in_rows_and_bytes() -> None:
    """Records find room only together with their bytes."""
    buffer = Buffer(10)
    assert buffer.room(Payload(0, [])) == 10
    assert buffer.room(Payload(0, [buffer.bytes])) == 10
    assert buffer.room(Payload(0, [buffer.bytes, buffer.bytes[:1]])) == 0
    words = ring.as_words(np.concatenate([record("read")] * 4))
    buffer.append(0, words, Payload(0, [buffer.bytes[:8].copy()]))
    assert buffer.room(Payload(0, [])) == 6
    assert buffer.room(Payload(0, [buffer.bytes])) == 0
    buffer.empty()
    assert buffer.room(Payload(0, [buffer.bytes])) == 10


def test_positions_become_offsets() -> None:
    """Payloads of several blocks, whose positions are far apart and over 2^32, lie one after the other."""
    buffer = Buffer(10)
    payloads = [pieces(b"/one"), pieces(b"/three"), pieces(b"/2")]
    for position, payload in zip((2**32 - 8, 80, 2**33), payloads, strict=True):
        one = record("openat", payload=position & 0xFFFF_FFFF)
        parts = [np.frombuffer(part, np.uint8) for part in (padded(payload)[:8], padded(payload)[8:])]
        buffer.append(1, ring.as_words(np.concatenate([one, record("read")])), Payload(position, parts))
    batch = columns().batch(buffer.words[:, :6], buffer.cpus[:6], buffer.bytes)
    assert batch.column("path").to_pylist() == list(chain(*((path, None) for path in ("/one", "/three", "/2"))))
