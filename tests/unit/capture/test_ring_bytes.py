"""Whatever stands in a ring becomes rows that are sound, or is refused: nothing beyond the ring is ever read."""

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from capture.errors import CaptureError
from capture.pipeline import Buffer, Payload
from capture.ring import WORDS
from schemas.record import ABSENT, NO_PAYLOAD, RECORD, Abi, Flag, Kind
from tests.unit.capture.records import Producer, columns

RECORDS, SIZE = 16, 1024
LENGTHS = np.array([0, 1, 2, 3, 7, 8, 9, 17, 100, SIZE - 8, SIZE, 0x7FFF, ABSENT - 1, ABSENT, ABSENT], np.uint16)
NEAR = np.array([0, 8, 16, 24, SIZE - 8, SIZE, -8, 1, 2**31], np.int64)


def rubbish(seed: int, *, sound: bool) -> Producer:
    """Rings full of any bytes. `sound`: with a kind and an abi that exist, so that the rest is looked at."""
    draw = np.random.default_rng(seed)
    start, bytes_start = int(draw.integers(40)), int(draw.choice([0, 1000, 2**32 - 512]))
    producer = Producer(cpus=2, records=RECORDS, size=SIZE, start=start, bytes_start=bytes_start)
    for cpu in range(2):
        words = np.frombuffer(draw.bytes(RECORDS * RECORD.itemsize), np.uint64).reshape(RECORDS, WORDS).copy()
        records = words.view(RECORD).ravel()
        if sound:
            records["kind"] = draw.choice([Kind.SYSCALL, Kind.SYSCALL, *Kind], RECORDS)
            records["abi"] = draw.choice([Abi.X86_64, Abi.X86_64, *Abi], RECORDS)
            records["nr"] = np.where(draw.random(RECORDS) < 0.8, draw.integers(0, 500, RECORDS), records["nr"])
            records["flags"] &= np.uint16(draw.choice([0, 0xFFFF, Flag.STATE_ONLY]))
        near = (bytes_start + np.sort(draw.integers(0, SIZE // 8, RECORDS)) * 8 + draw.choice(NEAR, RECORDS)) % 2**32
        records["payload"] = np.where(draw.random(RECORDS) < 0.3, NO_PAYLOAD, near)
        producer.rings._words[cpu][:] = words
        content = producer.rings._bytes[cpu]
        content[:] = np.frombuffer(draw.bytes(SIZE), np.uint8)
        lengths = content.view(np.uint16)
        hits = draw.random(len(lengths)) < 0.6
        lengths[hits] = draw.choice(LENGTHS, int(hits.sum()))
        content[draw.random(SIZE) < draw.choice([0, 0.2])] = draw.choice(np.frombuffer(b"fsp\0/", np.uint8))
        producer.headers["head"][cpu] += draw.integers(0, RECORDS + 1)
        producer.headers["bytes_head"][cpu] += draw.integers(0, SIZE // 8 + 1) * 8
    return producer


def decode(producer: Producer) -> pa.RecordBatch | None:
    """What the recorder and the pipeline make of the rings; None if they refuse."""
    rings, buffer = producer.rings, Buffer(4096)
    for cpu, words in rings.blocks():
        payload = Payload(*rings.payload(cpu, words))
        buffer.append(cpu, words, payload)
        rings.release(cpu, len(words), payload.size)
    if not buffer.count:
        return None
    taken = buffer.words[:, : buffer.count], buffer.cpus[: buffer.count]
    try:
        return columns().batch(*taken, buffer.bytes)
    except CaptureError:
        return None


@settings(deadline=None, max_examples=150)
@given(seed=st.integers(0, 2**32), sound=st.sampled_from([True, True, True, False]))
def test_any_bytes_become_sound_rows_or_are_refused(seed: int, sound: bool) -> None:
    """Records, the positions of their payloads and the lengths of the pieces at random."""
    batch = decode(rubbish(seed, sound=sound))
    if batch is not None:
        batch.validate(full=True)
        assert len(batch.to_pylist()) == batch.num_rows


def test_most_of_them_are_looked_at() -> None:
    """The rubbish is not so wild that nothing is tried: rows come out, with texts of every kind."""
    batches = [batch for seed in range(60) if (batch := decode(rubbish(seed, sound=True))) is not None]
    assert sum(batch.num_rows for batch in batches) > 300
    for name in ("path", "path2", "addr", "data", "cmdline"):
        assert any(batch.column(name).null_count < batch.num_rows for batch in batches), name
