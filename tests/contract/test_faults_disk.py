"""What becomes of a capture when its disk, or whoever reads it, fails: each promise of docs/operations.md."""

import json
import os
import resource
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from capture.repair import repair
from schemas.arrow import Key
from schemas.capture_file import open_capture_file
from schemas.counters import Counters
from tests.contract.conftest import Build
from tests.contract.faults import flooding, getppid_by_cpu, let_go, printed
from tests.contract.harness import Recording, record, recording

pytestmark = [pytest.mark.root, pytest.mark.bpf]

PRELOADS = Path(__file__).parent / "preloads"


def preload(name: str, folder: Path) -> Path:
    """The library of that name, for LD_PRELOAD."""
    library = folder / f"{name}.so"
    words = ["gcc", "-O1", "-Wall", "-Werror", "-shared", "-fPIC", "-o", library, PRELOADS / f"{name}.c"]
    subprocess.run(words, check=True)
    return library


def test_a_flood_from_all_cpus(tmp_path: Path, workload: Build) -> None:
    """More calls than can be drained: the account has exactly those that were made, per CPU; the file agrees."""
    result = record(
        tmp_path / "t.parquet", "-B", "64k", command=[workload("flood"), "1"], stdin=subprocess.DEVNULL
    ).audit()
    assert result.status == 0, result.said
    said = json.loads(result.out)
    counters = result.counters
    assert counters.dropped["ring_full"] > 1000
    assert getppid_by_cpu(counters, lambda cell: cell.seen) == dict(enumerate(said["made"]))


def test_a_disk_that_stalls(tmp_path: Path, workload: Build) -> None:
    """Traced programs go on at full speed, memory stays bounded, and what finds no room is counted by CPU and call."""
    stalls = tmp_path / "stalls"
    env = {**os.environ, "LD_PRELOAD": str(preload("slow_disk", tmp_path)), "SLOW_WHEN": str(stalls)}
    path = tmp_path / "t.parquet"
    with flooding(workload, 3) as flood, recording(path, "-p", str(flood.pid), "--flush", "0.1", env=env) as running:
        stalls.touch()
        let_go(flood)
        before = int(Path(f"/proc/{running.pid}/statm").read_text().split()[1])
        said = printed(flood)
        after = int(Path(f"/proc/{running.pid}/statm").read_text().split()[1])
        stalls.unlink()
        result = running.stop(None).audit()
    assert result.status == 0, result.said
    assert said["seconds"] < 5
    assert (after - before) * resource.getpagesize() < 300 << 20
    assert result.counters.dropped["ring_full"] > 1000
    assert sum(said["made"]) >= sum(getppid_by_cpu(result.counters, lambda cell: cell.seen).values()) > 0


def test_a_reader_that_stops(tmp_path: Path, workload: Build) -> None:
    """A stream whose reader sleeps: nobody waits for it but the writer; the account comes with the last batch."""
    fifo = tmp_path / "t.arrows"
    os.mkfifo(fifo)
    with (
        (tmp_path / "copy").open("wb") as copy,
        flooding(workload, 2) as flood,
        subprocess.Popen(["cat", fifo], stdout=copy) as reader,
    ):
        with recording(fifo, "-p", str(flood.pid)) as running:
            reader.send_signal(signal.SIGSTOP)
            let_go(flood)
            said = printed(flood)
            reader.send_signal(signal.SIGCONT)
            assert running.stop(None).status == 0
        reader.wait(timeout=20)
    assert said["seconds"] < 4
    with pa.ipc.open_stream((tmp_path / "copy").read_bytes()) as stream:
        rows, end = 0, None
        for batch, custom in stream.iter_batches_with_custom_metadata():
            calls = batch.filter(pa.compute.equal(batch["kind"].cast(pa.string()), "syscall"))
            rows += pa.compute.sum(pa.compute.equal(pa.compute.bit_wise_and(calls["flags"], 32), 0)).as_py() or 0
            end = custom or end
    assert end is not None
    counters = Counters.from_json(end[Key.COUNTERS.encode()].decode())
    assert counters.balance() == []
    assert counters.written == rows
    assert counters.dropped["ring_full"] > 1000


def test_a_reader_that_dies(tmp_path: Path, workload: Build) -> None:
    """The end of a pipe's reader is the quiet end of the capture; the programs that it traced go on."""
    fifo = tmp_path / "t.arrows"
    os.mkfifo(fifo)
    with flooding(workload, 30) as flood, subprocess.Popen(["cat", fifo], stdout=subprocess.DEVNULL) as reader:
        with recording(fifo, "-p", str(flood.pid)) as running:
            let_go(flood)
            reader.kill()
            result = running.stop(None)
        assert flood.poll() is None
    assert result.status == 0
    assert "Traceback" not in result.said


def test_a_file_size_limit(tmp_path: Path, workload: Build) -> None:
    """At the limit (as with a quota) the capture ends with one line and status 6, and accounts for what it wrote."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (3 << 20, 3 << 20))

    path = tmp_path / "t.parquet"
    with flooding(workload, 30) as flood:
        with recording(path, "-p", str(flood.pid), "--flush", "0.1", "-s", "32", preexec_fn=limit) as running:
            let_go(flood)
            result = running.stop(None)
        assert flood.poll() is None
    assert result.status == 6, result.said
    assert result.said.splitlines()[-1].endswith(
        "File too large; raise the file size limit (ulimit -f), or rotate with -C"
    )
    assert result.audit().calls().num_rows > 0
    assert [one.name for one in tmp_path.iterdir()] == ["t.parquet"]


@pytest.fixture
def quota(tmp_path: Path) -> Iterator[Path]:
    """A folder that may hold 8 MB: a subvolume of btrfs with a limit (many kernels have no quota files for ext4)."""
    if shutil.which("mkfs.btrfs") is None:
        pytest.skip("needs mkfs.btrfs: apt-get install btrfs-progs")
    image, disk = tmp_path / "image", tmp_path / "disk"
    with image.open("wb") as file:
        file.truncate(256 << 20)
    disk.mkdir()
    subprocess.run(["mkfs.btrfs", "-q", image], check=True, capture_output=True)
    mounted = subprocess.run(["mount", "-t", "btrfs", "-o", "loop", image, disk], check=False, capture_output=True)
    if mounted.returncode:
        pytest.skip("cannot mount btrfs here")
    folder = disk / "limited"
    words = ["quota", "enable", disk], ["subvolume", "create", folder], ["qgroup", "limit", "8M", folder]
    for word in words:
        subprocess.run(["btrfs", *word], check=True, capture_output=True)
    yield folder
    subprocess.run(["umount", "-l", disk], check=True)


def test_a_quota(quota: Path, workload: Build) -> None:
    """One line and status 6; what was flushed can be read; with more room again repair gives the same as a whole file.

    Here room for the end cannot be set aside: btrfs takes new room for what is written over.
    """
    path = quota / "t.parquet"
    with flooding(workload, 30) as flood:
        with recording(path, "-p", str(flood.pid), "--flush", "0.1", "-s", "32") as running:
            let_go(flood)
            result = running.stop(None)
        assert flood.poll() is None
    assert result.status == 6, result.said
    assert "Disk quota exceeded; raise the quota, or write to another file system" in result.said.splitlines()[-1]
    assert "Traceback" not in result.said
    with open_capture_file(path) as capture:
        rows = capture.read(["ts"]).num_rows
    assert rows > 100_000
    subprocess.run(["btrfs", "qgroup", "limit", "none", quota], check=True, capture_output=True)
    assert repair(path).rows in (rows, -1)
    assert pq.read_table(path, columns=["ts"], page_checksum_verification=True).num_rows == rows
    assert [one.name for one in quota.iterdir()] == ["t.parquet"]


def test_a_disk_that_is_read_only(tmp_path: Path) -> None:
    """One line and status 6 before anything is recorded or run."""
    folder = tmp_path / "disk"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "ro", "none", folder], check=True)
    try:
        result = record(folder / "t.parquet", command=["touch", tmp_path / "ran"])
    finally:
        subprocess.run(["umount", folder], check=True)
    assert (result.status, result.said.count("\n")) == (6, 1)
    assert "read-only" in result.said
    assert not (tmp_path / "ran").exists()


def test_a_clock_that_is_set_back(tmp_path: Path) -> None:
    """Times go on as they began, so that order and durations hold; the clock samples tell of the step."""
    step = tmp_path / "step"
    env = {**os.environ, "LD_PRELOAD": str(preload("clock_steps", tmp_path)), "STEP_WHEN": str(step)}
    began = time.time_ns()
    with recording(tmp_path / "t.parquet", "-p", str(os.getpid()), "--no-follow", env=env) as running:
        os.getppid()
        step.touch()
        os.getppid()
        result = running.stop().audit()
    ended = time.time_ns()
    times = result.calls(syscall="getppid")["ts"].to_pylist()
    assert len(times) >= 2
    assert times == sorted(times)
    assert began < times[0] < times[-1] < ended
    first, *_, last = json.loads(result.metadata[Key.CLOCK])
    step_back = (last[1] - last[0]) - (first[1] - first[0])
    assert abs(step_back + 3600 * 10**9) < 10**9


def test_stopped_and_gone_on(tmp_path: Path, workload: Build) -> None:
    """SIGSTOP of the collector: the rings fill, the rest is counted, and after SIGCONT it goes on as if nothing was."""
    path = tmp_path / "t.parquet"
    with flooding(workload, 2) as flood, recording(path, "-p", str(flood.pid)) as running:
        os.kill(running.pid, signal.SIGSTOP)
        let_go(flood)
        said = printed(flood)
        os.kill(running.pid, signal.SIGCONT)
        result = running.stop(None).audit()
    assert result.status == 0
    assert said["seconds"] < 4
    assert result.counters.dropped["ring_full"] > 1000
    assert Recording(path, 0, "").calls().num_rows > 1000
