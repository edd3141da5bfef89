"""The ptrace backend changes nothing for those that it traces: how they end, stop and are interrupted."""

import json
import os
import shutil
import signal
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import pytest

from capture.backends.ptrace import PtraceBackend
from capture.errors import TargetError
from capture.filters import Filter
from capture.loaders.base import Settings
from tests.contract.conftest import Build
from tests.contract.harness import record, recording, run
from tests.contract.test_ptrace import PTRACE, field, threads_of, until

TIMES = 11


def seen(printed: dict[str, list[int]]) -> dict[str, list[int]]:
    """What a parent saw of its children, without their pids."""
    return {name: statuses[:-1] for name, statuses in printed.items()}


@pytest.mark.parametrize("options", [(), ("-e", "openat")], ids=["all", "seccomp"])
def test_every_death_is_as_without_a_tracer(tmp_path: Path, workload: Build, options: tuple[str, ...]) -> None:
    """In whatever state a process is killed, stopped or interrupted: its parent sees the same, and so does the file."""
    result = record(tmp_path / "t.parquet", *PTRACE, *options, command=[workload("deaths")]).audit()
    assert result.status == 0, result.said
    printed: dict[str, list[int]] = json.loads(result.out)
    assert seen(printed) == seen(run(workload("deaths")))
    ends = {row["pid"]: row["ret"] for row in result.rows(kind="exit", arg0=1)}
    assert {name: ends[statuses[-1]] for name, statuses in printed.items()} == {
        name: statuses[-2] for name, statuses in printed.items()
    }


def descendants(pid: int) -> list[int]:
    """Of a process, as far as they are still there."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except (FileNotFoundError, ProcessLookupError):
        return []
    return [one for child in map(int, children) for one in (child, *descendants(child))]


def test_coming_and_going_is_not_noticed(tmp_path: Path, workload: Build) -> None:
    """A tracer that attaches to all of them again and again, for no time or a little: all end as without it."""
    expected, enough = seen(run(workload("deaths"))), tmp_path / "enough"
    words = ["sh", "-c", f"while [ ! -e {enough} ]; do {workload('deaths')}; done"]
    settings = Settings(cpus=1, ring_records=1 << 14, ring_bytes=1 << 18, own_pid=1, pids=8, only_targets=True)
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        attached, end = 0, time.monotonic() + 30
        while attached < TIMES and time.monotonic() < end:
            chosen = Filter(pids=(process.pid, *descendants(process.pid)))
            attached += come_and_go(replace(settings, filter=chosen), attached % 3 * 0.02)
        enough.touch()
        assert process.stdout is not None
        lines = process.stdout.read().splitlines()
    assert attached == TIMES
    assert process.returncode == 0
    for line in lines:
        assert seen(json.loads(line)) == expected


def come_and_go(settings: Settings, stay: float) -> bool:
    """Trace for so many seconds. False if one of the processes had ended before."""
    try:
        with PtraceBackend().open(settings, None) as tracing:

            def drain() -> None:
                for cpu, words in tracing.rings.blocks():
                    _, parts = tracing.rings.payload(cpu, words)
                    tracing.rings.release(cpu, len(words), sum(part.nbytes for part in parts))

            tracing.start()
            end = time.monotonic() + stay
            while time.monotonic() < end:
                drain()
                time.sleep(0.001)
            tracing.stop(drain)
    except TargetError:
        return False
    return True


@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace: apt-get install strace")
def test_strace_of_the_tracer(tmp_path: Path, workload: Build) -> None:
    """strace comes to the tracer itself and goes: every call is a row all the same."""
    with recording(tmp_path / "t.parquet", *PTRACE, command=[workload("calls"), "2", "3"]) as capture:
        (traced,) = [pid for pid in descendants(capture.pid) if field(pid, "TracerPid") != "0"]
        strace = ["strace", "-o", str(tmp_path / "log"), "-p", field(traced, "TracerPid")]
        with subprocess.Popen(strace, stderr=subprocess.DEVNULL) as other:
            time.sleep(0.5)
            other.terminate()
        result = capture.stop(None).audit()
    assert result.status == 0, result.said
    assert "ptrace(" in (tmp_path / "log").read_text()
    kinds = [kind for kind in json.loads(result.out) if kind["syscall"] == "getppid"]
    assert result.calls(syscall="getppid", comm="calls").num_rows == sum(kind["calls"] for kind in kinds)


def test_a_killed_tracer_is_said(tmp_path: Path) -> None:
    """After kill -9 of the tracer its command dies with it, as with strace; one line says so, and the file is whole."""
    command = ["sh", "-c", "while :; do :; done"]
    with recording(tmp_path / "t.parquet", *PTRACE, command=command) as capture:
        time.sleep(0.2)
        (command_pid,) = [pid for pid in descendants(capture.pid) if field(pid, "TracerPid") != "0"]
        os.kill(int(field(command_pid, "TracerPid")), signal.SIGKILL)
        result = capture.stop(None)
    assert "the tracer failed (it was killed)" in result.said
    assert "Traceback" not in result.said
    assert result.status == 1
    assert not Path(f"/proc/{command_pid}").exists()
    assert result.audit().rows(kind="exec")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_a_zombie_leader(tmp_path: Path, number: int) -> None:
    """-p of a process whose first thread has ended takes the others; they run on when the capture ends."""
    script = (
        "import ctypes, os, threading, time\n"
        "def busy():\n while True: os.getppid(); time.sleep(0.001)\n"
        "threading.Thread(target=busy, daemon=True).start(); print(flush=True)\n"
        "ctypes.CDLL(None).syscall(60, 0)"
    )
    with subprocess.Popen(["python3", "-c", script]) as process:
        try:
            until(lambda: field(process.pid, "State").startswith("Z"))
            (thread,) = threads_of(process.pid) - {process.pid}
            with recording(tmp_path / "t.parquet", *PTRACE, "-p", str(process.pid)) as capture:
                time.sleep(0.3)
                result = capture.stop(number).audit()
            assert field(thread, "TracerPid") == "0"
            assert field(thread, "State")[0] in "SR"
        finally:
            process.kill()
    assert result.status == 0, result.said
    assert result.calls(syscall="getppid", tid=thread).num_rows > 50
