"""What becomes of a capture when the host plays tricks on it: each promise of docs/operations.md."""

import json
import os
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path

import pytest

from capture.cgroups import hierarchy
from schemas.record import Flag
from tests.contract.conftest import Build
from tests.contract.faults import flooding, getppid_by_cpu, let_go, memory_group, printed
from tests.contract.harness import CAPTURE, Recording, record, recording
from tests.contract.left_behind import status

pytestmark = [pytest.mark.root, pytest.mark.bpf]

THREADS = 10_000
CPU_1 = Path("/sys/devices/system/cpu/cpu1/online")


def test_ten_thousand_threads(tmp_path: Path, workload: Build) -> None:
    """Each hangs since before the start: its call is a row at the end. Those that go on are recorded to the end."""
    with subprocess.Popen([workload("crowd"), str(THREADS)], stdin=-1, stdout=-1, text=True) as crowd:
        assert crowd.stdout is not None
        assert crowd.stdout.readline() == "ready\n"
        with recording(tmp_path / "hang.parquet", "-Z", "root", "-p", str(crowd.pid)) as running:
            while int(status(running.pid)["CapPrm"], 16):  # until it has seen all of them, and given up the right to
                time.sleep(0.02)
            hanging = running.stop().audit()
        with recording(tmp_path / "go.parquet", "-p", str(crowd.pid)) as running:
            let_go(crowd)
            assert printed(crowd) == {"threads": THREADS}
            going = running.stop(None).audit()
    flags = Flag.UNFINISHED | Flag.ENTRY_UNSEEN
    reads = [row["tid"] for row in hanging.rows(syscall="read", flags=int(flags))]
    assert len(set(reads)) == len(reads) == THREADS + 1
    counters = going.counters
    made = sum(getppid_by_cpu(counters, lambda cell: cell.seen).values())
    assert made + counters.recursion == 3 * THREADS
    if not counters.dropped:
        assert len(going.rows(kind="exit")) == THREADS + 1


def test_a_fork_storm(tmp_path: Path, workload: Build) -> None:
    """Of each child its birth, its call and its end, or a loss that is counted."""
    result = record(tmp_path / "t.parquet", command=[workload("swarm"), "1009"]).audit()
    assert result.status == 0, result.said
    said = json.loads(result.out)
    counters = result.counters
    assert sum(getppid_by_cpu(counters, lambda cell: cell.seen).values()) == said["children"]
    kinds = Counter(result.table["kind"].to_pylist())
    everybody = said["children"] + said["parents"]
    assert kinds["fork"] + counters.state_dropped >= everybody
    assert kinds["fork"] <= everybody
    if not counters.state_dropped:
        assert (kinds["fork"], kinds["exit"]) == (everybody, everybody + 1)


def test_a_target_that_has_ended(tmp_path: Path) -> None:
    """A process that has ended, and waits for its parent to ask, is not there; status 5, and no file is made."""
    with subprocess.Popen(["true"]) as target:
        while Path(f"/proc/{target.pid}/stat").read_bytes().rpartition(b")")[2].split()[0] != b"Z":
            time.sleep(0.01)
        words = [CAPTURE, "-w", str(tmp_path / "t.parquet"), "-p", str(target.pid)]
        done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr.count("\n")) == (5, 1)
    assert "no such process" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_target_that_ends_while_it_is_attached_to(tmp_path: Path) -> None:
    """Whenever that is: the capture ends by itself, with 0 and a whole file, or says that there is no such process."""
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as target:
        path = tmp_path / "t.parquet"
        words = [CAPTURE, "-w", str(path), "-p", str(target.pid)]
        with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as capture:
            while not Path(f"/proc/{capture.pid}/task/{capture.pid}/children").exists():
                time.sleep(0.01)
            time.sleep(0.6)
            assert target.stdin is not None
            target.stdin.close()
            _, said = capture.communicate(timeout=30)
    assert capture.returncode in (0, 5), said
    if capture.returncode == 0:
        Recording(path, 0, said).audit()


def test_a_pid_that_is_used_again(tmp_path: Path, workload: Build) -> None:
    """Two processes of one pid are told apart; and -p PID means a process: who gets its pid later is not recorded."""
    # A child lives on, so the capture does too.
    script = "sleep 60 > /dev/null & echo $!; read; exit"
    with subprocess.Popen(["bash", "-c", script], stdin=-1, stdout=-1, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        with recording(tmp_path / "p.parquet", "-p", str(parent.pid)) as running:
            parent.communicate("\n")
            again = subprocess.run([workload("reuse"), str(parent.pid)], capture_output=True, text=True, check=False)
            assert running.process.poll() is None
            result = running.stop().audit()
        os.kill(child, signal.SIGKILL)
    if again.returncode:
        pytest.skip("this kernel does not let a process choose a pid (clone3 with set_tid)")
    assert json.loads(again.stdout) == [parent.pid, parent.pid]
    assert not {"first", "second"} & set(result.table["comm"].to_pylist())
    whole = record(tmp_path / "t.parquet", command=[workload("reuse"), str(parent.pid)]).audit()
    assert json.loads(whole.out) == [parent.pid, parent.pid]
    first, second = (whole.calls(pid=parent.pid, comm=name) for name in ("first", "second"))
    assert Counter(first["syscall"].to_pylist())["getppid"] == 5
    assert Counter(second["syscall"].to_pylist())["getpgrp"] == 7
    lives = sorted((row["ts"], row["kind"]) for row in whole.rows(kind=("fork", "exit"), pid=parent.pid))
    assert [kind for _, kind in lives] == ["fork", "exit"] * 2


def test_a_control_group_that_vanishes(tmp_path: Path) -> None:
    """Its calls keep its name where that was read in time, else have none; the capture goes on."""
    groups = hierarchy()
    if groups is None:
        pytest.skip("no cgroup file system is mounted here")
    name = f"systape-{os.getpid()}"
    folder = groups.root / name
    folder.mkdir()
    script = f"echo $$ > {folder}/cgroup.procs; /bin/true; echo $$ > {groups.root}/cgroup.procs"
    try:
        with recording(tmp_path / "t.parquet", "--cgroup", name) as running:
            subprocess.run(["bash", "-c", script], check=True)
            folder.rmdir()
            time.sleep(0.3)
            result = running.stop().audit()
    finally:
        if folder.exists():
            folder.rmdir()
    assert result.status == 0, result.said
    assert "execve" in result.calls()["syscall"].to_pylist()
    assert set(result.calls()["cgroup"].to_pylist()) <= {f"/{name}", None}


@pytest.mark.skipif(not CPU_1.exists(), reason="no CPU here can be taken away (no cpu1/online)")
def test_a_cpu_that_goes_and_comes(tmp_path: Path, workload: Build) -> None:
    """What was made on it before, and on the others, is all there: counted as it was made."""
    with flooding(workload, 1) as flood, recording(tmp_path / "t.parquet", "-p", str(flood.pid)) as running:
        let_go(flood)
        time.sleep(0.3)
        try:
            CPU_1.write_text("0")
            time.sleep(0.2)
        finally:
            CPU_1.write_text("1")
        said = printed(flood)
        result = running.stop(None).audit()
    assert result.status == 0, result.said
    seen = sum(getppid_by_cpu(result.counters, lambda cell: cell.seen).values())
    assert seen + result.counters.recursion == sum(said["made"])


def test_out_of_memory(tmp_path: Path) -> None:
    """Killed by the kernel at the limit of its control group: what was flushed is readable, the programs go on."""
    root = memory_group()
    if root is None:
        pytest.skip("no control group here can limit memory")
    group = root / f"systape-oom-{os.getpid()}"
    group.mkdir()
    limit = next(path for name in ("memory.limit_in_bytes", "memory.max") if (path := group / name).exists())
    path = tmp_path / "t.parquet"
    writes = 'x=$(printf %60000s); while :; do echo "$x" > /dev/null; done'
    busy = subprocess.Popen(["bash", "-c", writes])
    try:
        limit.write_text(str(8 << 20))
        with recording(path, "-p", str(busy.pid), "-s", "60000", "--flush", "0.1") as running:
            time.sleep(0.5)
            (group / "cgroup.procs").write_text(str(running.pid))  # what it takes from now on counts
            result = running.stop(None)
        assert busy.poll() is None
    finally:
        busy.kill()
        busy.wait()
        group.rmdir()
    assert result.status == -signal.SIGKILL, result.said
    subprocess.run([CAPTURE, "repair", path], capture_output=True, check=True)
    assert Recording(path, 0, "").calls(syscall="write").num_rows > 10
