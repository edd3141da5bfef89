"""What a user asks for is what the file holds: every filter of the kernel program, alone and combined."""

import json
import os
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from capture.cgroups import hierarchy
from schemas.record import Flag
from tests.contract.conftest import Build
from tests.contract.harness import Recording, record, recording

pytestmark = [pytest.mark.root, pytest.mark.bpf]

MADE = {"getppid": 5, "close": 3, "nanosleep": 2, "lseek": 7}
"""What each part of workloads/mixed.c calls."""
NOBODY = 65534


@pytest.fixture(scope="module")
def group() -> Iterator[Path]:
    """A control group of the hierarchy that names groups here, with one below it."""
    groups = hierarchy()
    if groups is None:
        pytest.skip("no cgroup file system is mounted")
    above = groups.root / f"systape-test-{os.getpid()}"
    below = above / "below"
    below.mkdir(parents=True)
    yield below
    for folder in (below, above):
        for _ in range(50):
            try:
                folder.rmdir()
                break
            except OSError:  # the last process is still on its way out
                time.sleep(0.02)


def mixed(tmp_path: Path, workload: Build, *options: str, arguments: tuple[str, ...] = ()) -> Recording:
    """A recording of workloads/mixed.c."""
    result = record(tmp_path / "t.parquet", *options, command=[workload("mixed"), *arguments])
    assert result.status == 0, result.said
    return result.audit()


def made_by(result: Recording, who: str) -> Counter[str]:
    """Calls of a part of the program that are in the file, of the kinds that it makes on purpose."""
    tid = json.loads(result.out)[who]
    names = result.calls(tid=tid)["syscall"].to_pylist()
    return Counter(name for name in names if name in MADE)


@pytest.mark.parametrize(
    ("expression", "kept"),
    [
        ("getppid,lseek", {"getppid", "lseek"}),
        ("!getppid,lseek", {"close", "nanosleep"}),
        ("/^(getp|nano)", {"getppid", "nanosleep"}),
        ("%desc", {"close", "lseek"}),
        ("!%desc", {"getppid", "nanosleep"}),
        ("?no_such_call,close", {"close"}),
        ("none", set()),
        ("all", set(MADE)),
        ("getppid@32", set()),
        ("39,110", {"getppid"}),
    ],
)
def test_expression(tmp_path: Path, workload: Build, expression: str, kept: set[str]) -> None:
    """-e keeps the calls it selects, every one, and no other; the rest is counted as filtered or never entered."""
    result = mixed(tmp_path, workload, "-e", expression)
    assert made_by(result, "plain") == {name: count for name, count in MADE.items() if name in kept}
    assert made_by(result, "thread") == made_by(result, "plain")
    if not expression.startswith(("!", "%", "all")):
        assert set(result.calls()["syscall"].to_pylist()) <= kept | {"getpid"}


def test_calls_that_change_their_number(tmp_path: Path, workload: Build) -> None:
    """rt_sigreturn and execve lose their number before they return: left out, nothing stands for them."""
    options = ("-e", "!rt_sigreturn,execve")
    result = record(tmp_path / "t.parquet", *options, command=[workload("sigreturn")])
    names = Counter(result.audit().calls()["syscall"].to_pylist())
    assert names["tgkill"] == 101
    assert [name for name in names if name.startswith("syscall_") or name in ("rt_sigreturn", "execve")] == []


def test_who(tmp_path: Path, workload: Build, loader: str, group: Path) -> None:
    """--comm, --uid and --cgroup keep the calls of the thread they mean, all and only these; groups below count too."""
    arguments = (str(NOBODY), str(group / "cgroup.procs"))
    groups = hierarchy()
    assert groups is not None
    above = f"/{group.parent.relative_to(groups.root)}"
    options = {
        "renamed": ["--comm", "renamed thread"],
        "user": ["--uid", str(NOBODY)],
        "group": ["--cgroup", above],
    }
    for who in options if loader == "core" else ("group",):  # bcc takes seconds a time
        option = options[who]
        result = mixed(tmp_path, workload, "--loader", loader, "--force", *option, arguments=arguments)
        assert {part: made_by(result, part) for part in json.loads(result.out) if made_by(result, part)} == {who: MADE}
        assert result.counters.filtered > 0
        if who == "group":
            assert set(result.calls()["cgroup"].to_pylist()) == {f"{above}/below"}
        if who == "user":
            assert set(result.calls()["uid"].to_pylist()) == {NOBODY}


def test_several_values_are_alternatives_and_filters_add_up(tmp_path: Path, workload: Build) -> None:
    """Two names of one option: either. Two options: both."""
    names = ["--comm", "renamed thread", "--comm", "no such", "-e", "getppid,close", "--failed-only"]
    result = mixed(tmp_path, workload, *names)
    assert made_by(result, "renamed") == {"close": 3}
    assert made_by(result, "plain") == {}


def test_failed_only(tmp_path: Path, workload: Build) -> None:
    """Every row has an error, every failing call is a row, and what never returns has not failed."""
    result = mixed(tmp_path, workload, "--failed-only")
    assert made_by(result, "plain") == {"close": 3}
    assert None not in result.calls()["errno"].to_pylist()


def test_min_latency(tmp_path: Path, workload: Build) -> None:
    """Every row took as long, and every call that slept longer is a row."""
    result = mixed(tmp_path, workload, "--min-latency", "2.5ms")
    for part in ("plain", "renamed", "thread"):
        assert made_by(result, part)["nanosleep"] == MADE["nanosleep"]
    assert min(result.calls()["dur_ns"].to_pylist()) >= 2_500_000


def test_state_rows_pass_the_filter(tmp_path: Path, workload: Build) -> None:
    """fork, exec and exit rows are there whatever the filter, flagged, and weigh nothing."""
    result = mixed(tmp_path, workload, "-e", "getppid")
    pids = set(json.loads(result.out).values())
    for kind in ("fork", "exit"):
        assert pids - {json.loads(result.out)["self"]} <= {row["tid"] for row in result.rows(kind=kind)}
    rows = result.rows(kind=("fork", "exec", "exit"))
    assert {(row["weight"], row["flags"] & Flag.STATE_ONLY) for row in rows} == {(0, Flag.STATE_ONLY)}


@pytest.mark.parametrize("count", [1, 2, 1000, 12_345])
def test_count_is_exact(tmp_path: Path, workload: Build, count: int) -> None:
    """-c N leaves N rows of calls in the file, and accounts for those that came after as left out."""
    result = record(tmp_path / "t.parquet", "-c", str(count), command=[workload("calls"), "2", "20"])
    assert result.audit().calls().num_rows == count
    assert result.counters.written == count
    assert set(result.counters.dropped) <= {"limit", "ring_full"}


def test_count_of_fewer_calls_than_asked_for(tmp_path: Path, workload: Build) -> None:
    """A command that ends first ends the capture."""
    result = mixed(tmp_path, workload, "-c", "1000000")
    assert made_by(result, "plain") == MADE


@pytest.mark.parametrize("follow", [True, False])
def test_pid_with_threads_and_children(tmp_path: Path, workload: Build, follow: bool) -> None:
    """-p means all threads of a process and what it forks after the start; --no-follow the threads alone."""
    command = f"read go; exec {workload('mixed')}"
    with subprocess.Popen(["sh", "-c", command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        options = [] if follow else ["--no-follow"]
        with recording(tmp_path / "t.parquet", "-p", str(process.pid), *options) as running:
            out, _ = process.communicate("\n")
            result = running.stop(None).audit()  # it ends with its last target
    result.out = out
    assert result.status == 0
    assert json.loads(out)["self"] == process.pid
    assert made_by(result, "thread") == MADE
    assert made_by(result, "plain") == (MADE if follow else {})
    pids = set(result.calls()["pid"].to_pylist())
    family = {pid for who, pid in json.loads(out).items() if who != "thread"}
    assert pids == (family if follow else {process.pid})


def test_several_pids(tmp_path: Path, workload: Build) -> None:
    """Each -p adds a process."""
    programs: list[Any] = []
    try:
        for _ in range(3):
            words = ["sh", "-c", f"read go; exec {workload('mixed')}"]
            programs.append(subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
        wanted = [str(one.pid) for one in programs[:2]]
        with recording(tmp_path / "t.parquet", "--no-follow", "-p", wanted[0], "-p", wanted[1]) as running:
            for one in programs:
                one.communicate("\n")
            result = running.stop(None).audit()
        assert set(result.calls()["pid"].to_pylist()) == set(map(int, wanted))
    finally:
        for one in programs:
            one.kill()
            one.wait()


def test_bystanders_are_not_recorded(tmp_path: Path, workload: Build) -> None:
    """Of a command, its own calls alone are rows: the first is its execve, the last its exit_group."""
    result = mixed(tmp_path, workload)
    family = {pid for who, pid in json.loads(result.out).items() if who != "thread"}
    assert set(result.calls()["pid"].to_pylist()) == family
    own = result.calls(tid=json.loads(result.out)["self"]).sort_by("ts")["syscall"].to_pylist()
    assert (own[0], own.count("execve"), own[-1]) == ("execve", 1, "exit_group")
