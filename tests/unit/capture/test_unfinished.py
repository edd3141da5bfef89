"""Calls that run on at the stop: from the table, and from a look at all threads for those that began before."""

import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from capture import procfs, unfinished
from capture.cgroups import Hierarchy
from capture.filters import Filter
from capture.loaders.running import InCall
from capture.pieces import Pieces
from capture.procfs import Thread
from capture.unfinished import hanging, in_table, laid_out, not_returned, point_to
from schemas.record import CELLS, ENTRY, NO_PAYLOAD, RUNNING, Abi, Flag, Kind
from tests.unit.capture.records import NATIVE, number

GROUP = "0::/\n"


def in_call(tid: int, payload: bytes = b"", **members: Any) -> InCall:
    """A thread that was seen in a call."""
    one = np.zeros((), RUNNING)
    for name, value in {"pid": 50, "tid": tid, "abi": NATIVE, "bytes": len(payload), **members}.items():
        one[name] = value
    return InCall(one[()], payload)


HUNG = [
    in_call(50, nr=number("read"), args=(3, 2**64 - 1, 5, 0, 0, 0)),
    in_call(51, nr=number("futex")),
    in_call(7, pid=os.getpid(), nr=number("read")),
]


def entry(tid: int, **members: Any) -> np.ndarray:
    """The entry of a thread in a call."""
    one = np.zeros(1, ENTRY)
    plain = {"owner": tid, "ts": 100, "pid": 50, "nr": number("read"), "abi": NATIVE, "on_path": 0}
    for name, value in {**plain, **members}.items():
        one[name] = value
    one["args"][:, 0] = 3
    return one


def table(*entries: np.ndarray) -> np.ndarray:
    """The kernel's table, with free places."""
    return np.concatenate([np.zeros(2, ENTRY), *entries, np.zeros(2, ENTRY)])


@pytest.fixture(autouse=True)
def host(monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads of one name, user and group."""
    monkeypatch.setattr(procfs, "thread", lambda pid, tid: Thread(pid, tid, b"db\xff", 33, tid, GROUP))


def test_the_table_gives_calls_in_progress() -> None:
    """Free places, and places whose thread is in no call, give none; the others all that was known at entry."""
    found = in_table(table(entry(50), entry(51, ts=0), entry(52, abi=Abi.I386)), Filter(), None, [])
    assert found["tid"].tolist() == [50, 52]
    assert found["abi"].tolist() == [NATIVE, Abi.I386]
    assert (found["ts"][0], found["args"][0][0], found["pid"][0], found["nr"][0]) == (100, 3, 50, number("read"))
    assert (found["comm"][0], found["uid"][0], found["cgroup"][0]) == (b"db\xff", 33, 0)
    assert set(found["flags"].tolist()) == {Flag.UNFINISHED}
    assert set(found["kind"].tolist()) == {Kind.SYSCALL}


def test_what_hangs_since_before() -> None:
    """Threads in a call that hold no place in the table, with the time of the start; never our own."""
    found = hanging(table(), Filter(), None, None, 777, HUNG)
    assert found["tid"].tolist() == [50, 51]
    assert found["nr"].tolist() == [number("read"), number("futex")]
    assert found["args"][0].tolist() == [3, 2**64 - 1, 5, 0, 0, 0]
    assert set(found["ts"].tolist()) == {777}
    assert set(found["flags"].tolist()) == {Flag.UNFINISHED | Flag.ENTRY_UNSEEN}
    assert hanging(table(entry(50)), Filter(), None, None, 777, HUNG)["tid"].tolist() == [51]


def test_only_processes_that_are_asked_for() -> None:
    """A mark of the command that has not begun yet is no target."""
    for mark, count in ((0, 0), (1, 2), (2, 0)):
        targets = np.zeros(1 << 16, np.uint8)
        targets[50] = mark
        assert len(hanging(table(), Filter(), None, targets, 777, HUNG)) == count


def test_a_call_is_of_the_abi_that_was_seen() -> None:
    """A 32-bit call's number is of the other table."""
    look = [in_call(50, nr=3, abi=Abi.I386)]
    assert hanging(table(), Filter(), None, None, 777, look)["abi"].tolist() == [Abi.I386]


def cells(*names: str) -> np.ndarray:
    """These calls alone."""
    chosen = np.zeros(CELLS, bool)
    chosen[[number(name) for name in names]] = True
    return chosen


@pytest.mark.parametrize(
    ("chosen", "tids"),
    [
        (Filter(), [50, 51]),
        (Filter(cells=cells("read")), [50]),
        (Filter(cells=cells("write")), []),
        (Filter(failed_only=True), []),
        (Filter(comms=("db\udcff",)), [50, 51]),
        (Filter(comms=("db",)), []),
        (Filter(uids=(33,)), [50, 51]),
        (Filter(uids=(0,)), []),
        (Filter(cgroups=(("/", 1),)), []),
    ],
)
def test_the_filter_is_applied(chosen: Filter, tids: list[int]) -> None:
    """To both kinds alike, on the values that the row would show."""
    both = table(entry(50), entry(51, nr=number("futex")))
    assert in_table(both, chosen, None, [])["tid"].tolist() == tids
    assert hanging(table(), chosen, None, None, 777, HUNG)["tid"].tolist() == tids


def test_paths() -> None:
    """On a descriptor of such a file, or given such a path; on which files others hang since before is not known."""
    chosen = Filter(paths=("/etc/passwd",))
    both = table(entry(50), entry(51, on_path=1), entry(52))
    given = [in_call(50, Pieces(b"/etc/group", b"/etc/passwd").payload() or b""), in_call(51), in_call(52)]
    assert in_table(both, chosen, None, given)["tid"].tolist() == [50, 51]
    assert hanging(table(), chosen, None, None, 777, given)["tid"].tolist() == [50]
    assert hanging(table(), chosen, None, None, 777, HUNG)["tid"].tolist() == []


def test_only_calls_that_have_lasted() -> None:
    """With --min-latency a call that has not run so long yet is none of those asked for."""
    now = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
    both = table(entry(50, ts=now), entry(51, ts=now - 10**12))
    assert in_table(both, Filter(min_latency=10**11), None, [])["tid"].tolist() == [51]


def test_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The number of the thread's group, and a filter that asks for it or one above it."""
    folder = tmp_path / "a" / "b"
    folder.mkdir(parents=True)
    groups = Hierarchy(tmp_path)
    monkeypatch.setattr(procfs, "thread", lambda pid, tid: Thread(pid, tid, b"db", 33, tid, "0::/a/b\n"))
    for path, count in (("/a/b", 1), ("/a", 1), ("/", 1)):
        chosen = Filter(cgroups=((path, groups.identity(path)),))
        assert in_table(table(entry(50)), chosen, groups, [])["cgroup"].tolist() == [folder.stat().st_ino] * count


def test_a_thread_that_is_gone_has_no_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """It ended after the stop: its call is a row all the same."""
    monkeypatch.setattr(procfs, "thread", lambda *_: None)
    found = in_table(table(entry(50)), Filter(), None, [])
    assert (found["tid"].tolist(), found["comm"].tolist()) == ([50], [b""])


def test_a_call_that_has_returned_is_none() -> None:
    """A return or another call before the stop takes a place in the table; one that began after it says nothing."""
    hung = hanging(table(), Filter(), None, None, 777, HUNG)
    assert not_returned(hung, table(), 1000)["tid"].tolist() == [50, 51]
    assert not_returned(hung, table(entry(50, ts=0)), 1000)["tid"].tolist() == [51]
    assert not_returned(hung, table(entry(50, ts=999)), 1000)["tid"].tolist() == [51]
    assert not_returned(hung, table(entry(50, ts=1001)), 1000)["tid"].tolist() == [50, 51]


def opens(*tids: int) -> np.ndarray:
    """Records of threads that open a file."""
    found = table(*(entry(tid, nr=number("openat")) for tid in tids))
    found["args"][:, 1] = 4096
    return in_table(found, Filter(), None, [])


def test_what_calls_point_to() -> None:
    """By thread, number and arguments; the path of one that is in another call by now is unreadable, and flagged."""
    plain = {"nr": number("openat"), "args": (3, 4096, 0, 0, 0, 0)}
    path = Pieces(b"/tmp/fifo").payload() or b""
    look = [
        in_call(50, path, **plain),
        in_call(51, path, **{**plain, "args": (3, 4097, 0, 0, 0, 0)}),
        in_call(52, path, **{**plain, "nr": number("read")}),
        in_call(53, path + b"more", flags=Flag.TRUNCATED, **plain),
        in_call(54, flags=Flag.PATH_UNREADABLE, **plain),
    ]
    records = opens(50, 51, 52, 53, 54, 55)
    content = point_to(records, look)
    assert records["payload"].tolist() == [0, NO_PAYLOAD, NO_PAYLOAD, 24, NO_PAYLOAD, NO_PAYLOAD]
    assert content.tobytes() == path + bytes(7) + path + b"more" + bytes(3)
    unreadable, truncated = int(Flag.PATH_UNREADABLE), int(Flag.TRUNCATED)
    assert (records["flags"] & ~Flag.UNFINISHED).tolist() == [
        0,
        unreadable,
        unreadable,
        truncated,
        unreadable,
        unreadable,
    ]


def test_a_call_without_a_path_lacks_none() -> None:
    """What is not known of it is no path that could not be read; nor is a NULL pointer."""
    records = in_table(table(entry(50), entry(51, nr=number("openat"))), Filter(), None, [])
    point_to(records, [])
    assert set(records["flags"].tolist()) == {Flag.UNFINISHED}


def test_more_than_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """What calls point to is bounded: beyond, it is lost, and flagged."""
    monkeypatch.setattr(unfinished, "_CONTENT_MOST", 40)
    records = opens(50, 51, 52)
    assert laid_out(records, [bytes(24), bytes(24), bytes(16)]).tobytes() == bytes(40)
    assert records["payload"].tolist() == [0, NO_PAYLOAD, 24]
    assert (records["flags"] & Flag.PAYLOAD_LOST != 0).tolist() == [False, True, False]


def test_names_end_where_the_kernel_ends_them() -> None:
    """A record has room for 15 bytes and a NUL."""
    assert unfinished._judged(in_table(table(entry(50)), Filter(), None, []), Filter(), None)["comm"].tolist() == [
        b"db\xff"
    ]
