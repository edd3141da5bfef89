"""The parts of the ptrace backend, each alone: memory, pieces, rules, the ring's producer, the seccomp filter."""

import ctypes
import mmap
import os
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture import seccomp
from capture.backends.ptrace.requests import abi_of
from capture.backends.ptrace.ring import Ring
from capture.backends.ptrace.rules import Handling, Rules, cell_of
from capture.backends.ptrace.threads import Process, Thread
from capture.filters import Filter
from capture.loaders.base import Settings
from capture.memory import Memory
from capture.pieces import Pieces, Reader
from capture.plan import plans
from capture.ring import Rings
from schemas.record import CELL_OTHER, CELLS, NO_PAYLOAD, NOT_MEASURED, RECORD, Abi, Flag, Kind
from schemas.record import cell_of as cells_of
from schemas.syscalls import native_abi, table

ME = os.getpid()
NR = table(native_abi()).number


def at(view: mmap.mmap) -> int:
    """Where the memory lies."""
    return ctypes.addressof(ctypes.c_char.from_buffer(view))


@pytest.mark.parametrize("length", [0, 1, 255, 256, 300, 4094, 4095, 5000])
@pytest.mark.parametrize("before_the_end", [1, 100, 4000])
def test_a_string_is_read_to_its_end_or_its_limit(length: int, before_the_end: int) -> None:
    """Over the bounds of pages, whatever its length; never further than asked."""
    view = mmap.mmap(-1, 4 * mmap.PAGESIZE)
    start = mmap.PAGESIZE - before_the_end
    view[start : start + length] = b"x" * length
    assert Memory().string(ME, at(view) + start, 4095) == b"x" * min(length, 4095)


def test_a_string_ends_before_memory_that_is_not_there() -> None:
    """One that ends just before an unmapped page is read whole; one that does not end there is unreadable."""
    libc = ctypes.CDLL(None)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t, *(ctypes.c_int,) * 3, ctypes.c_long)
    address = libc.mmap(None, 2 * mmap.PAGESIZE, 3, 0x22, -1, 0)
    libc.mprotect(ctypes.c_void_p(address + mmap.PAGESIZE), mmap.PAGESIZE, 0)
    end = address + mmap.PAGESIZE
    ctypes.memmove(end - 4, b"abc\0", 4)
    assert Memory().string(ME, end - 4, 4095) == b"abc"
    ctypes.memmove(end - 4, b"abcd", 4)
    assert Memory().string(ME, end - 4, 4095) is None
    assert Memory().read(ME, end - 2, 4) is None
    libc.munmap(ctypes.c_void_p(address), 2 * mmap.PAGESIZE)


@pytest.mark.parametrize("address", [1, 2**47, 2**63, 2**64 - 1])
def test_what_cannot_be_read_is_none(address: int) -> None:
    """Whatever a program gives as a pointer."""
    assert Memory().string(ME, address, 4095) is None
    assert Memory().read(ME, address, 8) is None


def test_pieces_of_a_call() -> None:
    """Path and second path by the plan; a NULL pointer is no path, another that cannot be read is flagged."""
    old, new = ctypes.create_string_buffer(b"old"), ctypes.create_string_buffer(b"")
    plan = int(plans()[NR("rename")])
    given_ = (ctypes.addressof(old), ctypes.addressof(new), 0, 0, 0, 0)
    assert Reader(0).read(ME, plan, given_, 0) == Pieces(b"old", b"")
    assert Reader(0).read(ME, plan, (0, 1, 0, 0, 0, 0), 0) == Pieces(flags=Flag.PATH_UNREADABLE)
    assert Pieces(b"old", b"").payload() == struct.pack("=4H", 3, 0, 0xFFFF, 0xFFFF) + b"old"
    assert Pieces().payload() is None


@pytest.mark.parametrize(("keep", "result", "data"), [(0, 5, None), (3, 5, b"hel"), (9, 5, b"hello"), (9, -1, None)])
def test_buffers_are_kept_as_far_as_asked(keep: int, result: int, data: bytes | None) -> None:
    """Of a read at most N bytes, no more than it returned, and nothing if it failed."""
    buffer = ctypes.create_string_buffer(b"hello world")
    pieces = Reader(keep).read(ME, int(plans()[NR("read")]), (0, ctypes.addressof(buffer), 11, 0, 0, 0), result)
    assert pieces.data == data


def test_arguments_of_a_program() -> None:
    """Each with its NUL, from pointers of 8 or of 4 bytes; without a readable list there are none."""
    texts = [ctypes.create_string_buffer(text) for text in (b"ls", b"", b"-l")]
    vector = (ctypes.c_uint64 * 4)(*map(ctypes.addressof, texts), 0)
    found = Reader(0).program(ME, ctypes.addressof(texts[0]), ctypes.addressof(vector), 8)
    assert found == Pieces(b"ls", data=b"ls\0\0-l\0")
    assert Reader(0).program(ME, 0, 8, 8) == Pieces()
    assert Reader(0).program(ME, 1, 8, 8).flags == Flag.PATH_UNREADABLE


@given(st.integers(0, 2**32 - 1), st.sampled_from([Abi.X86_64, Abi.I386, Abi.X32]))
def test_cells_are_those_of_the_account(nr: int, abi: Abi) -> None:
    """The cell of one call is what the account says of it."""
    assert cell_of(nr, abi) == cells_of(np.array([nr], np.uint32), np.array([abi], np.uint8))[0]


@pytest.mark.parametrize(
    ("arch", "nr", "abi"),
    [
        (0xC000003E, 1, Abi.X86_64),
        (0xC000003E, 0x40000001, Abi.X32),
        (0xC000003E, 0xFFFFFFFF, Abi.X86_64),
        (0x40000003, 1, Abi.I386),
        (0xC00000B7, 1, Abi.AARCH64),
    ],
)
def test_abi_is_that_of_the_call(arch: int, nr: int, abi: Abi) -> None:
    """By its arch and its number; -1 has the x32 bit, and is no x32 call."""
    assert abi_of(arch << 32 | 1, nr) == abi


def chosen(*names: str) -> Filter:
    """A filter on these calls."""
    cells = np.zeros(CELLS, bool)
    cells[[NR(name) for name in names]] = True
    return Filter(expression=",".join(names), cells=cells)


def test_handling_follows_the_filter() -> None:
    """What a filter leaves out is counted only, but for calls that names depend on; what has a path is looked at."""
    everything, some = Rules(Filter(), Reader(0)), Rules(chosen("read"), Reader(0))
    assert (everything.handling[NR("read")], some.handling[NR("read")]) == (Handling.PLAIN, Handling.PLAIN)
    assert Rules(Filter(), Reader(64)).handling[NR("read")] == Handling.CLOSER
    assert Rules(Filter(failed_only=True), Reader(0)).handling[NR("read")] == Handling.CLOSER
    assert some.handling[NR("getpid")] == Handling.FILTERED
    assert some.handling[NR("openat")] == everything.handling[NR("openat")] == Handling.CLOSER
    assert some.keeps_state(NR("openat"), 3)
    assert not some.keeps_state(NR("openat"), -2)
    assert not everything.keeps_state(NR("openat"), 3)


def run(program: bytes, arch: int, nr: int) -> int:
    """What a filter answers: an interpreter of the instructions that it uses."""
    instructions = list(struct.iter_unpack("=HBBI", program))
    accumulator = place = 0
    while True:
        code, true, false, k = instructions[place]
        place += 1
        if code == 0x06:
            return k
        if code == 0x20:
            accumulator = {0: nr, 4: arch}[k]
        elif code == 0x05:
            place += k
        else:
            place += true if (accumulator == k if code == 0x15 else accumulator >= k) else false


@given(st.lists(st.booleans(), min_size=1, max_size=40), st.booleans(), st.integers(0, 1100))
def test_seccomp_stops_at_the_chosen_calls(pattern: list[bool], others: bool, number: int) -> None:
    """At those, native and 32-bit, and at no others; numbers without a cell are as the cell of others."""
    cells = np.resize(np.array(pattern), CELLS)
    cells[CELL_OTHER:] = others
    program = seccomp.program(cells)
    for arch, abi in ((0xC000003E, Abi.X86_64), (0x40000003, Abi.I386)):
        for nr in (number, number | 0x40000000, 0xFFFFFFFF):
            cell = cell_of(nr, abi if nr < 0x40000000 else Abi.X32)
            assert run(program, arch, nr) == (0x7FF00000 if cells[cell] else 0x7FFF0000)
    assert run(program, 0xC00000B7, number) == 0x7FFF0000


@pytest.fixture
def rings() -> tuple[Ring, Rings]:
    """Both ends of a ring of 16 records and 4,096 bytes."""
    settings = Settings(cpus=1, ring_records=16, ring_bytes=4096, own_pid=1, pids=8)
    fd = os.memfd_create("ring")
    os.ftruncate(fd, settings.ring_stride)
    ends = Ring(fd, settings), Rings(fd, settings)
    os.close(fd)
    ends[0].patience = 0.01
    return ends


def a_thread() -> Thread:
    """One that is in a call."""
    thread = Thread(12, Process(11, 1))
    thread.become(b"name", 7, 99)
    thread.since, thread.nr, thread.cell, thread.arguments = 5, 3, 3, struct.pack("=6Q", *range(6))
    return thread


def test_what_goes_into_the_ring_comes_out(rings: tuple[Ring, Rings]) -> None:
    """All members of a record, and its payload, round and round the ring."""
    producer, consumer = rings
    thread = a_thread()
    for round_ in range(100):
        content = bytes([round_]) * 300
        producer.call(thread, 8, -2, Flag.TRUNCATED, Pieces(content).payload())
        cpu, words = next(consumer.blocks())
        (record,) = words.view(RECORD).ravel()
        assert record.tolist()[:2] == (5, 8)
        assert record["args"].tolist() == list(range(6))
        members = ("ret", "pid", "tid", "nr", "uid", "comm", "cgroup", "runq", "flags", "kind", "abi")
        assert [record[name].item() for name in members] == [
            *(-2, 11, 12, 3, 7, b"name", 99, NOT_MEASURED, Flag.TRUNCATED, Kind.SYSCALL, native_abi())
        ]
        position, parts = consumer.payload(cpu, words)
        got = b"".join(part.tobytes() for part in parts)
        assert got[int(record["payload"]) - (position & 0xFFFFFFFF) :][8:308] == content
        consumer.release(cpu, 1, len(got))
    assert consumer.headers["seen"][0, 3] == 100


def taken(consumer: Rings) -> np.ndarray:
    """The records that wait, taken without their payloads."""
    blocks = []
    for cpu, words in consumer.blocks():
        blocks.append(words.copy().view(RECORD).ravel())
        consumer.release(cpu, len(words))
    return np.concatenate(blocks)


def test_a_full_ring_is_counted_not_overwritten(rings: tuple[Ring, Rings]) -> None:
    """After some waiting: calls as dropped, other rows as such, payloads as lost with a flag."""
    producer, consumer = rings
    thread = a_thread()
    for _ in range(20):
        producer.call(thread, 8, 0, 0, None)
    producer.state(Kind.EXIT, thread, parent=1)
    header = consumer.headers[0]
    assert (consumer.pending(), header["seen"][3], header["dropped"][0, 3], header["state_dropped"]) == (15, 20, 5, 1)
    consumer.release(0, 15)
    for _ in range(5):
        producer.call(thread, 8, 0, 0, Pieces(bytes(1000)).payload())
    records = taken(consumer)
    lost = records["payload"] == NO_PAYLOAD
    assert lost.tolist() == [False] * 4 + [True] or lost.tolist() == [False] * 3 + [True] * 2
    assert (records["flags"][lost] == Flag.PAYLOAD_LOST).all()
    assert header["payload_dropped"] == lost.sum()
