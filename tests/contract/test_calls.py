"""Calls that begin, return or end in unusual ways are rows all the same: births, execve, signals, 32 bits, refusals.

All programs run in one recording per loader; each test looks at one of them.
"""

import json
import re
import shutil
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from schemas.record import Flag
from tests.contract.conftest import Build
from tests.contract.harness import Recording, record

pytestmark = [pytest.mark.root, pytest.mark.bpf]

PROGRAMS = ("births", "exec_thread", "sigreturn", "compat", "refused")
SHARES_THREAD_GROUP = 8


class Lives:
    """One recording of all programs, and what each printed."""

    def __init__(self, recording: Recording, strace: Path) -> None:
        self.recording, self.strace = recording, strace
        lines = [json.loads(line) for line in recording.out.splitlines()]
        self.printed: dict[str, dict[str, Any]] = {line["program"]: line for line in lines}

    def calls(self, program: str, **equal: Any) -> list[dict[str, Any]]:
        """Rows of calls of the program's process, in order of entry, which those of several CPUs do not have."""
        return self.recording.calls(pid=self.printed[program]["pid"], **equal).sort_by("ts").to_pylist()


@pytest.fixture(scope="module")
def lives(loader: str, workload: Build, tmp_path_factory: pytest.TempPathFactory) -> Lives:
    """The programs, the first of them once more below strace, recorded by each loader."""
    folder = tmp_path_factory.mktemp("lives")
    words = "; ".join(str(workload(name)) for name in PROGRAMS)
    if shutil.which("strace"):
        words = f"strace -f -o {folder}/strace.out {workload('births')} > {folder}/births.out; {words}"
    recording = record(folder / "t.parquet", "--loader", loader, command=["sh", "-c", words])
    assert recording.status == 0, recording.said
    return Lives(recording.audit(), folder / "strace.out")


def test_every_birth_is_one_row(lives: Lives) -> None:
    """fork, vfork, clone and clone3 return once, in the parent, with the child's pid; the child's return is no row."""
    births = lives.printed["births"]
    made = lives.calls("births", syscall=("fork", "vfork", "clone", "clone3"))
    children = [child for child in births["children"] if child]
    assert [(row["syscall"], row["ret"]) for row in made][:-1] == [(one["syscall"], one["pid"]) for one in children]
    assert len(made) == len(children) + births["threads"]
    assert {row["flags"] for row in made} == {0}
    assert all(row["dur_ns"] > 0 for row in made)
    assert lives.recording.calls(syscall=("fork", "vfork", "clone", "clone3"), ret=0).num_rows == 0


def test_returns_of_children_are_counted_apart(lives: Lives) -> None:
    """As many child returns as births, over all programs of the recording."""
    assert lives.recording.counters.child_returns == len(lives.recording.rows(kind="fork"))


def test_calls_of_children_are_rows(lives: Lives) -> None:
    """A child is followed from its first call to its last: those it makes, and the exit_group that never returns."""
    births = lives.printed["births"]
    for child in filter(None, births["children"]):
        rows = lives.recording.calls(pid=child["pid"])
        names = rows["syscall"].to_pylist()
        assert names.count("getppid") == births["calls"]
        (last,) = lives.recording.calls(pid=child["pid"], syscall="exit_group").to_pylist()
        assert (last["ret"], last["dur_ns"], last["flags"]) == (None, None, Flag.UNFINISHED)
        assert last["arg0"] == child["status"]


def test_births_and_ends_are_state_rows(lives: Lives) -> None:
    """A fork row names parent and child, an exit row the status as wait gives it."""
    births = lives.printed["births"]
    for child in filter(None, births["children"]):
        (fork,) = lives.recording.rows(kind="fork", pid=child["pid"])
        assert (fork["ppid"], fork["arg0"], fork["tid"]) == (births["pid"], births["pid"], child["pid"])
        assert (fork["weight"], fork["flags"]) == (0, 0)  # nothing is left out: they are not there for the state alone
        (end,) = lives.recording.rows(kind="exit", pid=child["pid"])
        assert (end["ret"], end["arg0"]) == (child["status"] << 8, 1)
    (thread,) = [row for row in lives.recording.rows(kind="fork", pid=births["pid"]) if row["tid"] != births["pid"]]
    assert thread["arg1"] & SHARES_THREAD_GROUP
    ends = sorted(lives.recording.rows(kind="exit", pid=births["pid"]), key=lambda end: end["ts"])
    assert [(end["tid"] == births["pid"], end["arg0"]) for end in ends] == [(False, 0), (True, 1)]


def test_threads_that_end_together_all_end(tmp_path: Path, workload: Build) -> None:
    """Each that was born has its end, also where the process's last one was ahead of it on another CPU."""
    result = record(tmp_path / "t.parquet", command=[workload("together"), "300"]).audit()
    born = Counter(row["tid"] for row in result.rows(kind="fork"))
    assert born.total() == 300 * 8
    assert Counter(row["tid"] for row in result.rows(kind="exit")) == born + Counter(
        [result.rows(kind="exec")[0]["tid"]]
    )


def test_vfork_then_execve(lives: Lives) -> None:
    """The child's execve is its own, whole, and the parent's vfork ends after it began."""
    births = lives.printed["births"]
    (child,) = [one for one in births["children"] if one and one["way"] == "vfork and exec"]
    (execve,) = lives.recording.calls(pid=child["pid"], syscall="execve").to_pylist()
    (vfork,) = lives.calls("births", syscall="vfork")
    assert (execve["ret"], execve["flags"]) == (0, 0)
    assert vfork["ts"] < execve["ts"] < vfork["ts"] + vfork["dur_ns"]


def test_execve_of_a_thread_is_whole(lives: Lives) -> None:
    """Its row has the leader's tid, which the thread takes, and entry, duration and arguments; it is there once."""
    printed = lives.printed["exec_thread"]
    _, second = lives.calls("exec_thread", syscall="execve")
    assert (second["tid"], second["ret"], second["flags"]) == (printed["pid"], 0, 0)
    assert second["dur_ns"] > 0
    assert second["arg0"] != 0 != second["arg1"]
    (change,) = [row for row in lives.recording.rows(kind="exec", pid=printed["pid"]) if row["arg0"] != row["pid"]]
    assert (change["arg0"], change["tid"]) == (printed["old_tid"], printed["pid"])


def test_a_call_ended_by_a_kill_returns(lives: Lives) -> None:
    """execve kills the leader, which hung in pause: the kernel ends the call with an error that no program sees."""
    (hung,) = lives.calls("exec_thread", syscall="pause")
    assert (hung["ret"], hung["errno"], hung["flags"]) == (-514, "ERESTARTNOHAND", 0)
    first, second = lives.calls("exec_thread", syscall="execve")
    assert first["ts"] < hung["ts"] < hung["ts"] + hung["dur_ns"] < second["ts"] + second["dur_ns"]


def test_rt_sigreturn_keeps_number_and_entry(lives: Lives) -> None:
    """It replaces all registers, its number too; the row has them from the entry."""
    rows = lives.calls("sigreturn", syscall="rt_sigreturn")
    assert len(rows) == lives.printed["sigreturn"]["calls"]
    assert {(row["nr"], row["flags"]) for row in rows} == {(15, 0)}
    assert lives.calls("sigreturn", nr=-1) == []


def test_32_bit_calls_of_a_64_bit_program(lives: Lives) -> None:
    """abi, names and arguments are i386's call by call; 64-bit calls in between stay what they are."""
    printed = lives.printed["compat"]
    rows = lives.calls("compat", abi="i386")
    assert [(row["syscall"], row["nr"], row["ret"]) for row in rows] == [
        (one["syscall"], one["nr"], one["ret"]) for one in printed["calls"]
    ]
    for row, one in zip(rows, printed["calls"], strict=True):
        given = [row[f"arg{index}"] for index in range(6)]
        assert [value for value in given if value is not None] == [
            argument for argument, value in zip(one["args"], given, strict=True) if value is not None
        ]
    assert len(lives.calls("compat", abi="x86_64", syscall="getppid")) == len(printed["calls"])


def test_calls_that_seccomp_refuses(lives: Lives) -> None:
    """Only their return is seen: number, arguments and error are there, the duration is not, and a flag says why."""
    rows = lives.calls("refused", syscall="lseek", errno="ENOTEMPTY")
    assert [row["arg2"] for row in rows] == list(range(lives.printed["refused"]["calls"]))
    assert {(row["arg0"], row["arg1"], row["dur_ns"], row["flags"]) for row in rows} == {
        (701, -(2**40), None, Flag.ENTRY_UNSEEN)
    }


def test_strace_saw_the_same_calls(lives: Lives) -> None:
    """Of a process below strace, strace and the capture list the same calls in the same order, thread by thread."""
    if not lives.strace.exists():
        pytest.skip("strace is not installed: apt-get install strace")
    theirs: dict[int, list[str]] = defaultdict(list)
    for line in lives.strace.read_text().splitlines():
        if begun := re.match(r"(\d+) +(\w+)\(", line):
            theirs[int(begun[1])].append(begun[2])
    assert len(theirs) == 7
    assert {tid: _names(lives.recording.calls(tid=tid), tid == min(theirs)) for tid in theirs} == theirs


def _names(rows: pa.Table, is_first: bool) -> list[str]:
    """Calls in order of entry; of strace's own child, from its execve on."""
    names = rows.sort_by("ts")["syscall"].to_pylist()
    return list(names[names.index("execve") :]) if is_first else list(names)
