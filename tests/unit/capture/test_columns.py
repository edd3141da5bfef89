"""From records to rows: every kind, every NULL, as the contract of the columns says."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capture.errors import CaptureError
from capture.ring import WORDS
from schemas.arrow import EVENTS
from schemas.record import NOT_MEASURED, Abi, Flag, Kind
from tests.unit.capture.records import CPU, NATIVE, WALL, batch_of, columns, number, pieces, record, row_of, rows_of

NAMES = EVENTS.names


def said(row: dict[str, Any]) -> dict[str, Any]:
    """What a row says, NULLs and the time left out."""
    return {name: value for name, value in row.items() if value is not None and name != "ts"}


WHO = {"pid": 11, "tid": 12, "comm": "cat", "cpu": CPU, "uid": 1000, "cgroup": "/system.slice/db.service"}
PLAIN = {**WHO, "abi": NATIVE.name.lower(), "weight": 1, "flags": 0}


def test_a_call() -> None:
    """Every column of a plain call; arguments beyond those it has are NULL, whatever the registers held."""
    row = row_of(record("read", args=(5, 0x7FFF_0000_0000, 4096, 77, -1, 2**63), ret=12, runq=9))
    assert list(row) == NAMES
    call = {"kind": "syscall", "syscall": "read", "nr": number("read"), "dur_ns": 50, "ret": 12, "fd": 5, "runq_ns": 9}
    assert said(row) == {**PLAIN, **call, "arg0": 5, "arg1": 0x7FFF_0000_0000, "arg2": 4096}
    assert batch_of([record("read")]).column("ts").cast("int64").to_pylist() == [WALL + 1000]


def test_not_measured_is_null() -> None:
    """Duration and waiting time that nobody measured are NULL; zero is zero."""
    unknown, zero = rows_of(
        [record("read", dur=NOT_MEASURED, flags=Flag.ENTRY_UNSEEN), record("read", dur=0, runq=0)],
    )
    assert unknown["dur_ns"] is None and unknown["runq_ns"] is None
    assert unknown["ret"] == 0 and unknown["flags"] == Flag.ENTRY_UNSEEN and unknown["weight"] == 1
    assert zero["dur_ns"] == 0 and zero["runq_ns"] == 0


def test_an_unfinished_call_has_no_result() -> None:
    """No result, no error, no descriptor made; the arguments are known, and it counts as a call."""
    rows = rows_of(
        [
            record(name, args=(4, 5), dur=NOT_MEASURED, ret=-2, flags=Flag.UNFINISHED)
            for name in ("read", "openat", "socket")
        ]
    )
    assert [(row["ret"], row["errno"], row["dur_ns"], row["weight"]) for row in rows] == [(None, None, None, 1)] * 3
    assert [row["fd"] for row in rows] == [4, None, None]
    assert rows[0]["arg0"] == 4


def test_a_state_only_call_is_a_call_with_a_flag() -> None:
    """It has what any call has: views leave it out by its flag."""
    row = row_of(record("close", args=(3,), flags=Flag.STATE_ONLY))
    assert (row["kind"], row["syscall"], row["fd"], row["weight"]) == ("syscall", "close", 3, 1)
    assert row["flags"] == Flag.STATE_ONLY


@pytest.mark.parametrize(
    ("name", "args", "ret", "fd"),
    [
        ("openat", (-100, 1, 2, 3), 7, 7),
        ("openat", (-100, 1, 2, 3), -2, None),
        ("openat", (-100, 1, 2, 3), 0, 0),
        ("close", (9,), -9, 9),
        ("unlinkat", (-100, 1, 0), 0, -100),
        ("dup", (4,), 5, 5),
        ("mmap", (0, 4096, 1, 2, 6, 0), 2**46, 6),
        ("epoll_ctl", (8, 1, 9, 0), 0, 8),
        ("getpid", (), 11, None),
        ("close", (0xFFFF_FFFF,), -9, -1),
        ("close", (0x1234_0000_0003,), 0, 3),
    ],
)
def test_the_descriptor(name: str, args: tuple[int, ...], ret: int, fd: int | None) -> None:
    """Of a call that makes one, the one returned, if it succeeds; else the first descriptor argument, as an int."""
    alone = row_of(record(name, args=args, ret=ret))
    among = rows_of([record("getpid"), record("openat", ret=3), record(name, args=args, ret=ret)])[-1]
    assert alone["fd"] == among["fd"] == fd


@pytest.mark.parametrize(
    ("ret", "errno"),
    [
        (0, None),
        (-1, "EPERM"),
        (-2, "ENOENT"),
        (-133, "EHWPOISON"),
        (-512, "ERESTARTSYS"),
        (-516, "ERESTART_RESTARTBLOCK"),
        (-4095, "errno_4095"),
        (-4096, None),
        (-(2**63), None),
        (2**63 - 1, None),
        (7, None),
    ],
)
def test_errors(ret: int, errno: str | None) -> None:
    """-4095 to -1 are errors, the kernel's own too; any other result is one, however negative."""
    row = row_of(record("read", ret=ret))
    assert (row["ret"], row["errno"]) == (ret, errno)
    assert [one["errno"] for one in rows_of([record("read", ret=3), record("read", ret=ret)])] == [None, errno]


def test_calls_of_other_tables() -> None:
    """An i386 call has its own number, name, arguments and descriptor, among native calls of the same number."""
    i386 = record(nr=number("read", Abi.I386), abi=Abi.I386, args=(4, 5, 6, 7))
    same = record(nr=number("read", Abi.I386), args=(4, 5, 6, 7))
    first, second = rows_of([i386, same])
    assert (first["syscall"], first["abi"], first["fd"], first["arg2"], first["arg3"]) == ("read", "i386", 4, 6, None)
    assert second["nr"] == first["nr"] and second["abi"] == PLAIN["abi"] and second["syscall"] != "read"


@pytest.mark.parametrize(
    ("nr", "abi", "name", "shown"),
    [
        (0xFFFF_FFFF, NATIVE, "syscall_-1", -1),
        (100_000, NATIVE, "syscall_100000", 100_000),
        (511, NATIVE, "syscall_511", 511),
        (0x8000_0000, NATIVE, "syscall_-2147483648", -(2**31)),
        (9_999, Abi.I386, "syscall_9999", 9_999),
        (0x4000_0000, Abi.X32, "read", 0x4000_0000),
        (0x4000_0000 + 514, Abi.X32, "ioctl", 0x4000_0000 + 514),
        (0x4000_FFFF, Abi.X32, "syscall_1073807359", 0x4000_FFFF),
        (3, Abi.ARM, "syscall_3", 3),
    ],
)
def test_numbers_without_a_cell(nr: int, abi: Abi, name: str, shown: int) -> None:
    """x32, ARM, -1 and 100000 are named as what they are, never as another call; no argument is thought away."""
    row = rows_of([record("read"), record(nr=nr, abi=abi, args=range(1, 7)), record("write")])[1]
    assert (row["syscall"], row["nr"], row["abi"], row["weight"]) == (name, shown, abi.name.lower(), 1)
    assert [row[f"arg{index}"] for index in range(6)] == [1, 2, 3, 4, 5, 6]


def test_a_flood_of_unknown_numbers() -> None:
    """A program that calls 40,000 numbers that do not exist spoils no row: each keeps its number and a sound name."""
    records = np.repeat(record(), 40_001)
    records["nr"][:-1] = np.arange(1000, 41_000)
    records["nr"][-1] = number("read")
    batch = batch_of([records])
    batch.validate(full=True)
    names, numbers = (batch.column(name).to_pylist() for name in ("syscall", "nr"))
    assert numbers[:-1] == list(range(1000, 41_000))
    assert all(name in ("other", f"syscall_{nr}") for name, nr in zip(names[:-1], numbers, strict=False))
    assert names[0] == "syscall_1000" and names[-1] == "read"


STATE = {**WHO, "abi": NATIVE.name.lower(), "weight": 0, "flags": 0}
EMPTY = {"dur": NOT_MEASURED, "args": (21, 22, 23), "ret": -2}
KINDS = [
    (record(kind=Kind.FORK, nr=5, **EMPTY), None, {"ppid": 5, "arg0": 21, "arg1": 22}),
    (
        record(kind=Kind.EXEC, nr=5, **EMPTY),
        pieces(b"/bin/ls", data=b"ls\0-l\0a b\0"),
        {"ppid": 5, "arg0": 21, "path": "/bin/ls", "cmdline": "ls -l 'a b'"},
    ),
    (record(kind=Kind.EXIT, **{**EMPTY, "ret": 256}), None, {"arg0": 21, "ret": 256}),
    (record(kind=Kind.SIGNAL, **{**EMPTY, "ret": 15}), None, {"arg0": 21, "arg1": 22, "ret": 15}),
    (
        record(kind=Kind.PROCESS, nr=5, **EMPTY),
        pieces(b"/bin/cat", b"/tmp", data=b"cat\0"),
        {"ppid": 5, "arg0": 21, "arg1": 22, "path": "/bin/cat", "path2": "/tmp", "cmdline": "cat"},
    ),
    (record(kind=Kind.FD, nr=5, **EMPTY), pieces(b"/etc/passwd"), {"fd": 22, "arg0": 21, "path": "/etc/passwd"}),
]


@pytest.mark.parametrize(("one", "payload", "has"), KINDS, ids=["fork", "exec", "exit", "signal", "process", "fd"])
def test_rows_that_are_no_calls(one: np.ndarray, payload: bytes | None, has: dict[str, Any]) -> None:
    """Each kind has the columns that the contract gives it, stands for no call, and is no other in company."""
    wanted = {**STATE, **has, "kind": Kind(int(one["kind"][0])).name.lower()}
    assert said(row_of(one, payload)) == wanted
    company = rows_of([record("read"), one, record("openat", ret=3)], [None, payload, pieces(b"/x")])
    assert said(company[1]) == wanted
    assert [row["weight"] for row in company] == [1, 0, 1]
    assert [row["path"] for row in company] == [None, has.get("path"), "/x"]


def test_a_loss_stands_for_the_calls_lost() -> None:
    """Interval, call, number lost and cause; an unknown call is named by its number."""
    lost = record("openat", kind=Kind.LOSS, args=(1, 9), ret=300, dur=77, pid=0, tid=0, comm=b"", cgroup=0, uid=0)
    other = lost.copy()
    other["nr"] = 0xFFFF_FFFF
    row, second = rows_of([lost, other])
    wanted = {"kind": "loss", "syscall": "openat", "nr": number("openat"), "weight": 300, "arg0": 1, "dur_ns": 77}
    zeroes = {"pid": 0, "tid": 0, "comm": "", "uid": 0, "flags": 0, "cpu": CPU, "abi": PLAIN["abi"]}
    assert said(row) == {**zeroes, **wanted}
    assert (second["syscall"], second["nr"], second["weight"]) == ("syscall_-1", -1, 300)


@settings(deadline=None)
@given(
    st.lists(
        st.sampled_from([case[:2] for case in KINDS] + [(record("read", args=(3,)), None)]), min_size=1, max_size=8
    )
)
def test_rows_do_not_depend_on_their_company(cases: list[tuple[np.ndarray, bytes | None]]) -> None:
    """A record becomes the same row alone and in any batch, whichever kinds are mixed."""
    together = rows_of([one for one, _ in cases], [payload for _, payload in cases])
    assert together == [row_of(one, payload) for one, payload in cases]


@settings(deadline=None)
@given(st.lists(st.binary(min_size=128, max_size=128), min_size=1, max_size=20), st.binary(max_size=200))
def test_arbitrary_memory_is_a_batch_or_an_error(raw: list[bytes], content: bytes) -> None:
    """Whatever stands in a ring, nothing outside of it is read: sound rows, or one line says what is wrong."""
    words = np.ascontiguousarray(np.frombuffer(b"".join(raw), np.uint64).reshape(-1, WORDS).T)
    room = np.frombuffer(content + bytes(-len(content) % 8), np.uint8)
    try:
        batch = columns().batch(words, np.zeros(len(raw), np.int16), room)
    except CaptureError as error:
        assert "please report" in str(error)
    else:
        batch.validate(full=True)
        assert batch.num_rows == len(raw)


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.binary(min_size=124, max_size=124), st.integers(0, 260), st.sampled_from(Kind))),
    st.binary(min_size=16, max_size=256),
)
def test_arbitrary_payloads_are_a_batch(raw: list[tuple[bytes, int, Kind]], content: bytes) -> None:
    """Records of known kinds, anything else in them, that point anywhere into anything: sound rows."""
    records = [b"".join([one[:120], at.to_bytes(4, "little"), one[120:122], bytes([kind, 0])]) for one, at, kind in raw]
    if records:
        words = np.ascontiguousarray(np.frombuffer(b"".join(records), np.uint64).reshape(-1, WORDS).T)
        room = np.frombuffer(content + bytes(-len(content) % 8), np.uint8)
        batch = columns().batch(words, np.zeros(len(raw), np.int16), room)
        batch.validate(full=True)
        assert batch.num_rows == len(raw)
