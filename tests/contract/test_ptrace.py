"""The ptrace backend: what only it can get wrong, since its tracees stop, and what it must share with eBPF."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from schemas.record import Flag
from tests.contract.conftest import Build
from tests.contract.harness import CAPTURE, WHY_NOT, Recording, record, recording
from tests.contract.test_backends import by_thread, hold, session

NOBODY: dict[str, Any] = {"user": "nobody", "group": "nogroup", "extra_groups": []}
PTRACE = ("--backend", "ptrace")
ROUNDS = 5


@pytest.fixture
def waits(workload: Build) -> Iterator[subprocess.Popen[str]]:
    """A program that waits, for a line, in a call that does not survive an interruption."""
    with running([workload("waits")]) as process:
        yield process


@contextmanager
def running(words: list[Any]) -> Iterator[subprocess.Popen[str]]:
    """A program that has come to wait; killed at the end."""
    process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    until(lambda: Path(f"/proc/{process.pid}/wchan").read_text() != "0")
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def until(condition: Any, patience: float = 10.0) -> None:
    """Wait for it."""
    end = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def field(pid: int, name: str) -> str:
    """A line of /proc/PID/status."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(line.split(":")[1].strip() for line in lines if line.startswith(f"{name}:"))


def threads_of(pid: int) -> set[int]:
    """The threads of a process."""
    return {int(entry.name) for entry in Path(f"/proc/{pid}/task").iterdir()}


def answer(process: subprocess.Popen[str]) -> dict[str, Any]:
    """End a `waits`, and what it printed."""
    out, _ = process.communicate("\n", timeout=10)
    return dict(json.loads(out))


def test_rows_are_what_the_program_called(tmp_path: Path, workload: Build) -> None:
    """As by eBPF: rows of each kind equal what the program prints, on 1, 2 and 8 threads; none is dropped."""
    result = record(tmp_path / "t.parquet", *PTRACE, command=session(workload, 3))
    hold(result, 9)
    assert result.counters.dropped == {}
    assert result.metadata["systape.backend"] == "ptrace"


@pytest.mark.skipif(WHY_NOT["core"] is not None, reason=f"needs eBPF beside it: {WHY_NOT['core']}")
@pytest.mark.parametrize("name", ["calls", "births", "exec_thread", "sigreturn", "compat", "signals", "mixed"])
def test_both_backends_record_the_same(tmp_path: Path, workload: Build, name: str) -> None:
    """Of one run, both at once: the same calls in the same order in each thread, equal in all columns but times."""
    program = workload(name)
    with recording(tmp_path / "e.parquet", "--backend", "ebpf", "--comm", name) as other:
        ptrace = record(tmp_path / "p.parquet", *PTRACE, command=[program])
        ebpf = other.stop()
    assert ptrace.status == 0, ptrace.said
    mine, theirs = (by_thread(one.audit().calls(comm=name)) for one in (ptrace, ebpf))
    for rows in (*mine.values(), *theirs.values()):
        for row in rows:
            del row["missing"]
    assert mine == theirs
    pids = {row["pid"] for rows in mine.values() for row in rows}
    assert states(ptrace, pids) == states(ebpf, pids)


def states(result: Recording, pids: set[object]) -> Counter[Any]:
    """Rows of births, programs, ends and signals of these processes; of SIGKILL ptrace knows only whom it ended."""
    names = ("kind", "pid", "tid", "ppid", "arg0", "arg1", "ret", "path", "cmdline")
    rows = result.rows(kind=("fork", "exec", "exit", "signal"))
    rows = [row for row in rows if row["pid"] in pids and (row["kind"] != "fork" or row["ppid"] in pids | {row["pid"]})]
    kept = [row for row in rows if (row["kind"], row["ret"]) != ("signal", signal.SIGKILL)]
    return Counter(tuple(row[name] for name in names if (row["kind"], name) != ("signal", "ppid")) for row in kept)


def test_signals_reach_their_handlers(tmp_path: Path, workload: Build) -> None:
    """SIGTRAP by raise and by a breakpoint, SIGUSR1, SIGCHLD: handled as without a tracer, and each is a row."""
    result = record(tmp_path / "t.parquet", *PTRACE, command=[workload("signals")]).audit()
    assert result.status == 0, result.said
    printed = json.loads(result.out)
    rounds = printed["rounds"]
    assert printed["seen"] == {"5": 2 * rounds, "10": rounds, "17": rounds}
    rows = Counter(row["ret"] for row in result.rows(kind="signal", pid=printed["pid"]))
    assert rows == {signal.SIGTRAP: 2 * rounds, signal.SIGUSR1: rounds, signal.SIGCHLD: rounds}


@pytest.mark.parametrize("options", [(), ("-e", "getppid")], ids=["all", "seccomp"])
def test_storm_of_births_and_deaths(tmp_path: Path, workload: Build, options: tuple[str, ...]) -> None:
    """Each birth, program and end is one row, whatever dies when; with and without a seccomp filter."""
    for _ in range(ROUNDS):
        result = record(tmp_path / "t.parquet", "--force", *PTRACE, *options, command=[workload("storm")]).audit()
        assert result.status == 0, result.said
        printed = json.loads(result.out)
        forks, ends = result.rows(kind="fork"), result.rows(kind="exit")
        assert len(forks) == printed["forks"] + printed["threads"]
        assert len(ends) == len(forks) + 1
        assert {row["tid"] for row in forks} | {printed["pid"]} == {row["tid"] for row in ends}
        assert sum(row["arg0"] for row in ends) == printed["forks"] + 1
        assert len(result.rows(kind="exec")) == printed["programs"] + 1
        assert len(result.rows(kind="signal", ret=signal.SIGKILL)) == printed["killed"]
        assert result.calls(syscall="getppid").num_rows > printed["threads"] - 5


def test_attached_and_let_go(tmp_path: Path, waits: subprocess.Popen[str]) -> None:
    """-p shows the call in which a process hangs; when the capture ends the process has not noticed it."""
    with recording(tmp_path / "t.parquet", *PTRACE, "-p", str(waits.pid)) as running_:
        time.sleep(0.3)
        assert field(waits.pid, "TracerPid") != "0"
        result = running_.stop().audit()
    assert result.status == 0, result.said
    assert field(waits.pid, "TracerPid") == "0"
    (row,) = [row for row in result.rows(syscall="epoll_wait") if row["ret"] is None]
    assert row["flags"] & Flag.UNFINISHED
    assert answer(waits)["interruptions"] == 0


def test_all_threads_are_attached(tmp_path: Path) -> None:
    """-p takes every thread there is, busy or not, and those that come."""
    script = (
        "import os, threading, time\n"
        "def busy():\n while True: os.getppid(); time.sleep(0.001)\n"
        "for _ in range(7): threading.Thread(target=busy, daemon=True).start()\n"
        "print(flush=True); input(); threading.Thread(target=busy, daemon=True).start(); input()"
    )
    with running(["python3", "-c", script]) as process:
        assert process.stdout is not None and process.stdin is not None
        process.stdout.readline()
        with recording(tmp_path / "t.parquet", *PTRACE, "-p", str(process.pid)) as running_:
            process.stdin.write("\n")
            process.stdin.flush()
            until(lambda: len(threads_of(process.pid)) == 9)
            time.sleep(0.5)
            threads = threads_of(process.pid)
            result = running_.stop().audit()
        assert set(result.calls()["tid"].to_pylist()) == threads
        assert len(result.rows(kind="fork")) == 1
        assert all(field(tid, "TracerPid") == "0" for tid in threads)


@pytest.mark.parametrize("options", [(), ("-e", "openat,close")], ids=["all", "seccomp"])
def test_an_error_of_our_own_lets_all_go_on(tmp_path: Path, options: tuple[str, ...]) -> None:
    """A bug in the tracer costs the rest of the record, not the program: it ends as ever; the file is whole."""
    broken = (
        "from capture.backends.ptrace.calls import Calls\n"
        "from capture.cli import main\n"
        "whole = Calls.enter\n"
        "def enter(self, thread):\n"
        "    whole(self, thread)\n"
        "    assert self.ring.words[0] < 20\n"
        "Calls.enter = enter\n"
        "main()\n"
    )
    words = [sys.executable, "-c", broken, *PTRACE, *options, "-w", str(tmp_path / "t.parquet"), "--", "cat", __file__]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == Path(__file__).read_text()
    assert done.returncode == 1
    assert "the tracer failed (AssertionError" in done.stderr
    result = Recording(tmp_path / "t.parquet", 1, "").audit()
    assert "the tracer failed" in result.metadata["systape.notes"]


def test_killed_collector_leaves_the_attached_alone(tmp_path: Path, waits: subprocess.Popen[str]) -> None:
    """After kill -9 of the collector the tracee runs on, and the tracer is gone."""
    with recording(tmp_path / "t.parquet", *PTRACE, "-p", str(waits.pid)) as running_:
        tracer = int(field(waits.pid, "TracerPid"))
        os.kill(running_.pid, signal.SIGKILL)
        until(lambda: not Path(f"/proc/{tracer}").exists() or field(tracer, "State").startswith("Z"))
        until(lambda: field(waits.pid, "TracerPid") == "0")
    assert answer(waits)["interruptions"] == 0


def test_killed_collector_ends_its_command(tmp_path: Path, workload: Build) -> None:
    """After kill -9 of the collector the command that it started is killed."""
    with recording(tmp_path / "t.parquet", *PTRACE, command=["sleep", "60"]) as running_:
        children = Path(f"/proc/{running_.pid}/task/{running_.pid}/children").read_text().split()
        (command,) = [int(pid) for pid in children if field(int(pid), "TracerPid") != "0"]
        os.kill(running_.pid, signal.SIGKILL)
        until(lambda: not Path(f"/proc/{command}").exists() or field(command, "State").startswith("Z"))


@pytest.mark.parametrize("options", [(), ("-e", "openat")], ids=["all", "seccomp"])
def test_a_command_that_will_not_end_runs_on(tmp_path: Path, workload: Build, options: tuple[str, ...]) -> None:
    """It ignores the TERM that ends the capture, and goes on as before: under a seccomp filter too."""
    with recording(
        tmp_path / "t.parquet", *PTRACE, *options, command=[workload("waits"), "on"], stdin=subprocess.PIPE
    ) as running_:
        time.sleep(0.3)
        children = Path(f"/proc/{running_.pid}/task/{running_.pid}/children").read_text().split()
        (command,) = [int(pid) for pid in children if field(int(pid), "Name") == "waits"]
        os.kill(running_.pid, signal.SIGTERM)
        running_.process.wait(timeout=20)
        assert running_.process.returncode == 128 + signal.SIGTERM
        assert (field(command, "TracerPid") == "0") == (not options)
        time.sleep(0.2)
        out, _ = running_.process.communicate(b"\n", timeout=20)
    printed = json.loads(out)
    assert printed["pid"] == command
    assert printed["failures"] == 0
    # Of a traced process, a signal that it ignores ends such a call too: the kernel's way, and strace's.
    assert printed["interruptions"] <= (1 if options else 0)
    Recording(tmp_path / "t.parquet", 0, "").audit()


def test_stopped_processes_stay_stopped(tmp_path: Path, waits: subprocess.Popen[str]) -> None:
    """SIGSTOP before and while it is traced stops the process, SIGCONT lets it go on; a stop outlives the capture."""
    os.kill(waits.pid, signal.SIGSTOP)
    until(lambda: field(waits.pid, "State").startswith("T"))
    with recording(tmp_path / "t.parquet", *PTRACE, "-p", str(waits.pid)) as running_:
        time.sleep(0.2)
        assert field(waits.pid, "State")[0] in "Tt"
        os.kill(waits.pid, signal.SIGCONT)
        until(lambda: field(waits.pid, "State").startswith("S"))
        os.kill(waits.pid, signal.SIGSTOP)
        until(lambda: field(waits.pid, "State")[0] in "Tt")
        time.sleep(0.2)
        result = running_.stop().audit()
    time.sleep(0.2)
    assert field(waits.pid, "State").startswith("T")
    os.kill(waits.pid, signal.SIGCONT)
    until(lambda: field(waits.pid, "State").startswith("S"))
    assert {row["ret"] for row in result.rows(kind="signal")} >= {signal.SIGSTOP, signal.SIGCONT}
    answer(waits)


def test_job_control_of_a_command(tmp_path: Path) -> None:
    """A shell that stops its child and goes on with it sees the same as without a tracer."""
    script = "sleep 0.3 & kill -STOP $!; kill -CONT $!; wait $!; echo done $?"
    result = record(tmp_path / "t.parquet", *PTRACE, command=["bash", "-c", script]).audit()
    assert (result.status, result.out) == (0, "done 0\n")


@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace: apt-get install strace")
def test_a_second_tracer_is_named(tmp_path: Path, waits: subprocess.Popen[str]) -> None:
    """A process that strace traces cannot be traced: one line says whose it is, and it goes on."""
    with subprocess.Popen(["strace", "-o", "/dev/null", "-p", str(waits.pid)], stderr=subprocess.DEVNULL) as strace:
        until(lambda: field(waits.pid, "TracerPid") != "0")
        words = [CAPTURE, *PTRACE, "-w", str(tmp_path / "t.parquet"), "-p", str(waits.pid)]
        done = subprocess.run(words, capture_output=True, text=True, timeout=30, check=False)
        strace.terminate()
    assert done.returncode == 5
    assert f"process {strace.pid} (strace) traces it already" in done.stderr
    assert "Traceback" not in done.stderr
    answer(waits)


@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace: apt-get install strace")
@pytest.mark.parametrize("follow", [False, True])
def test_strace_of_the_collector(tmp_path: Path, follow: bool) -> None:
    """strace of the collector alone does no harm; with -f it has the command already, which is said."""
    words = [
        "strace",
        *(["-f"] if follow else []),
        "-o",
        "/dev/null",
        CAPTURE,
        *PTRACE,
        "-w",
        str(tmp_path / "t.parquet"),
    ]
    done = subprocess.run([*words, "--", "true"], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == (5 if follow else 0), done.stderr
    assert ("(strace) traces it already" in done.stderr) == follow


def test_filters_mean_the_same(tmp_path: Path, workload: Build) -> None:
    """-e, --failed-only and -c keep what they say; what is left out is counted."""
    failed = record(tmp_path / "f.parquet", *PTRACE, "-e", "%file", "--failed-only", command=["ls", "/nowhere"]).audit()
    rows = failed.calls().to_pylist()
    assert rows
    assert {row["errno"] for row in rows} == {"ENOENT"}
    assert all(row["path"] for row in rows)
    few = record(tmp_path / "c.parquet", *PTRACE, "-c", "7", command=[workload("calls"), "2"]).audit()
    assert few.counters.written == 7
    slow = record(tmp_path / "s.parquet", *PTRACE, "--min-latency", "50ms", command=["sleep", "0.1"]).audit()
    assert [row["syscall"] for row in slow.calls().to_pylist()] == ["clock_nanosleep"]


@pytest.mark.root
def test_an_ordinary_user_records(tmp_path: Path) -> None:
    """Without privileges ptrace takes over and says why; of a set-user-ID program the notes say what it was denied."""
    folder = tmp_path / "open"
    folder.mkdir()
    folder.chmod(0o777)
    for one in folder.parents:
        if one.stat().st_mode & 0o5 != 0o5:
            one.chmod(one.stat().st_mode | 0o5)
    words = [CAPTURE, "-w", str(folder / "t.parquet"), "--", "su", "--version"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False, **NOBODY, cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "recording by ptrace" in done.stderr
    assert "missing" in done.stderr
    result = Recording(folder / "t.parquet", 0, done.stderr).audit()
    assert result.metadata["systape.backend"] == "ptrace"
    assert "set-user-ID" in result.metadata["systape.notes"]


def test_the_whole_host_needs_ebpf(tmp_path: Path) -> None:
    """ptrace needs a process: the error says so, and nothing is written."""
    words = [CAPTURE, *PTRACE, "-w", str(tmp_path / "t.parquet")]
    done = subprocess.run(words, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 2
    assert "cannot record the whole host" in done.stderr
    assert not (tmp_path / "t.parquet").exists()
