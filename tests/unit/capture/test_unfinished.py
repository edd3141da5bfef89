"""Calls that run on at the stop: from the table, and from /proc for those that began before."""

import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from capture import procfs, unfinished
from capture.cgroups import Hierarchy
from capture.filters import Filter
from capture.procfs import Call, Thread
from capture.unfinished import Watch, hanging, in_table, not_returned
from schemas.record import CELLS, ENTRY, Abi, Flag, Kind
from tests.unit.capture.records import NATIVE, number

HUNG = {(50, 50): Call(number("read"), (3, 2**64 - 1, 5, 0, 0, 0)), (50, 51): Call(number("futex"), (0,) * 6)}
GROUP = "0::/\n"


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
    """Process 50 with threads 50, 51 and 52, of which 52 runs; and ourselves."""
    mine = os.getpid()
    monkeypatch.setattr(procfs, "processes", lambda: iter([50, mine]))
    monkeypatch.setattr(procfs, "threads", lambda pid: [50, 51, 52] if pid == 50 else [mine])
    monkeypatch.setattr(procfs, "call", lambda _, tid: HUNG.get((50, tid)))
    monkeypatch.setattr(procfs, "is_32bit", lambda _: False)
    monkeypatch.setattr(procfs, "thread", lambda pid, tid: Thread(pid, tid, b"db\xff", 33, tid, GROUP))


def test_the_table_gives_calls_in_progress() -> None:
    """Free places, and places whose thread is in no call, give none; the others all that was known at entry."""
    found = in_table(table(entry(50), entry(51, ts=0), entry(52, abi=Abi.I386)), Filter(), None)
    assert found["tid"].tolist() == [50, 52]
    assert found["abi"].tolist() == [NATIVE, Abi.I386]
    assert (found["ts"][0], found["args"][0][0], found["pid"][0], found["nr"][0]) == (100, 3, 50, number("read"))
    assert (found["comm"][0], found["uid"][0], found["cgroup"][0]) == (b"db\xff", 33, 0)
    assert set(found["flags"].tolist()) == {Flag.UNFINISHED}
    assert set(found["kind"].tolist()) == {Kind.SYSCALL}


def test_what_hangs_since_before() -> None:
    """Threads in a call that hold no place in the table, with the time of the start; never our own."""
    found = hanging(table(), Filter(), None, None, 777)
    assert found["tid"].tolist() == [50, 51]
    assert found["nr"].tolist() == [number("read"), number("futex")]
    assert found["args"][0].tolist() == [3, 2**64 - 1, 5, 0, 0, 0]
    assert set(found["ts"].tolist()) == {777}
    assert set(found["flags"].tolist()) == {Flag.UNFINISHED | Flag.ENTRY_UNSEEN}
    assert hanging(table(entry(50)), Filter(), None, None, 777)["tid"].tolist() == [51]


def test_only_processes_that_are_asked_for() -> None:
    """A mark of the command that has not begun yet is no target."""
    for mark, count in ((0, 0), (1, 2), (2, 0)):
        targets = np.zeros(1 << 16, np.uint8)
        targets[50] = mark
        assert len(hanging(table(), Filter(), None, targets, 777)) == count


def test_a_32_bit_program(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its number is of the other table."""
    monkeypatch.setattr(procfs, "is_32bit", lambda _: True)
    assert set(hanging(table(), Filter(), None, None, 777)["abi"].tolist()) == {Abi.I386}


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
    assert in_table(both, chosen, None)["tid"].tolist() == tids
    assert hanging(table(), chosen, None, None, 777)["tid"].tolist() == tids


def test_paths() -> None:
    """On a descriptor of such a file; what path was given is not known before the return."""
    chosen = Filter(paths=("/etc/passwd",))
    both = table(entry(50), entry(51, on_path=1))
    assert in_table(both, chosen, None)["tid"].tolist() == [51]
    assert hanging(table(), chosen, None, None, 777)["tid"].tolist() == []


def test_only_calls_that_have_lasted() -> None:
    """With --min-latency a call that has not run so long yet is none of those asked for."""
    now = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
    both = table(entry(50, ts=now), entry(51, ts=now - 10**12))
    assert in_table(both, Filter(min_latency=10**11), None)["tid"].tolist() == [51]


def test_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The number of the thread's group, and a filter that asks for it or one above it."""
    folder = tmp_path / "a" / "b"
    folder.mkdir(parents=True)
    groups = Hierarchy(tmp_path)
    monkeypatch.setattr(procfs, "thread", lambda pid, tid: Thread(pid, tid, b"db", 33, tid, "0::/a/b\n"))
    for path, count in (("/a/b", 1), ("/a", 1), ("/", 1)):
        chosen = Filter(cgroups=((path, groups.identity(path)),))
        assert in_table(table(entry(50)), chosen, groups)["cgroup"].tolist() == [folder.stat().st_ino] * count


def test_a_thread_that_is_gone_has_no_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """It ended after the stop: its call is a row all the same."""
    monkeypatch.setattr(procfs, "thread", lambda *_: None)
    found = in_table(table(entry(50)), Filter(), None)
    assert (found["tid"].tolist(), found["comm"].tolist()) == ([50], [b""])


def test_a_call_that_has_returned_is_none() -> None:
    """A return or another call before the stop takes a place in the table; one that began after it says nothing."""
    hung = hanging(table(), Filter(), None, None, 777)
    assert not_returned(hung, table(), 1000)["tid"].tolist() == [50, 51]
    assert not_returned(hung, table(entry(50, ts=0)), 1000)["tid"].tolist() == [51]
    assert not_returned(hung, table(entry(50, ts=999)), 1000)["tid"].tolist() == [51]
    assert not_returned(hung, table(entry(50, ts=1001)), 1000)["tid"].tolist() == [50, 51]


def test_a_thread_that_sleeps_on_is_in_its_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seen in a call at the start, it is still there if it sleeps on, and the table has no other call of it."""
    watch = Watch(777)
    assert not watch.complete
    assert list(watch.look(iter([50]))) == [None]
    assert watch.complete
    answers = {50: [3, 3], 51: [8, 8]}
    monkeypatch.setattr(procfs, "naps", lambda _, tid: answers[tid].pop(0))
    found = watch.still(table(), Filter(), None)
    assert found["tid"].tolist() == [50, 51]
    assert set(found["ts"].tolist()) == {777}
    assert set(found["flags"].tolist()) == {Flag.UNFINISHED | Flag.ENTRY_UNSEEN}
    for second, first in ((4, 3), (None, 3), (None, None)):
        answers |= {50: [first, second], 51: [8, 8]}
        assert watch.still(table(), Filter(), None)["tid"].tolist() == [51]
    answers |= {50: [3, 3], 51: [8, 8]}
    assert watch.still(table(entry(51)), Filter(), None)["tid"].tolist() == [50]
    answers |= {50: [3, 3], 51: [8, 8]}
    assert watch.still(table(), Filter(failed_only=True), None)["tid"].tolist() == []


def test_names_end_where_the_kernel_ends_them() -> None:
    """A record has room for 15 bytes and a NUL."""
    assert unfinished._judged(in_table(table(entry(50)), Filter(), None), Filter(), None)["comm"].tolist() == [
        b"db\xff"
    ]
