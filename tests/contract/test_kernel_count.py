"""System-wide, what the capture counts is what the kernel counts: `perf stat -e raw_syscalls:sys_exit -a` beside it.

perf's count begins and ends with an ioctl on each CPU. These are calls too, so they are rows, and say to the
nanosecond which rows perf must have counted: those that returned on the CPU between the two.
"""

import shutil
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from schemas.record import Flag
from tests.contract.conftest import Build
from tests.contract.harness import CAPTURE, PATIENCE, Recording, Running, recording

ENABLE, DISABLE = 0x2400, 0x2401
SOON = 50_000_000  # ns
TRACEFS = Path("/sys/kernel/tracing")
COUNT = ["-e", "raw_syscalls:sys_exit", "-a", "-x", ","]

pytestmark = [
    pytest.mark.root,
    pytest.mark.bpf,
    pytest.mark.skipif(shutil.which("perf") is None, reason="perf is not installed: apt-get install linux-perf"),
]


@pytest.fixture(autouse=True)
def tracefs() -> None:
    """perf finds the tracepoint's number there."""
    if not (TRACEFS / "events").exists():
        subprocess.run(["mount", "-t", "tracefs", "none", TRACEFS], check=True)


def perf(path: Path, *options: str, command: Sequence[str | Path]) -> tuple[int, int]:
    """The kernel's count of returns, on all CPUs, while the command runs; and perf's pid."""
    words = ["perf", "stat", *COUNT, *options, "-o", path, "--", *command]
    with subprocess.Popen(words, stdout=subprocess.DEVNULL) as process:
        assert process.wait(PATIENCE) == 0
    return counted(path), process.pid


def counted(path: Path) -> int:
    """The number in perf's output."""
    (line,) = [line for line in path.read_text().splitlines() if "raw_syscalls" in line]
    return int(line.split(",")[0])


def not_ours(running: Running) -> list[str]:
    """perf's filter that leaves out the collector's threads."""
    tids = [entry.name for entry in Path(f"/proc/{running.pid}/task").iterdir()]
    return ["--filter", " && ".join(f"common_pid != {tid}" for tid in tids)]


def window(result: Recording, perf_pid: int) -> tuple[int, int]:
    """What returned surely, and perhaps, while perf counted: rows, and children, which return soon after birth."""
    calls = result.calls()
    columns = {name: calls[name].to_numpy() for name in ("ts", "cpu", "flags")}
    returned = columns["flags"] & Flag.UNFINISHED == 0
    end = columns["ts"] + np.nan_to_num(calls["dur_ns"].to_numpy()).astype(np.int64)
    switches = result.calls(pid=perf_pid, syscall="ioctl", arg1=(ENABLE, DISABLE)).sort_by("ts").to_pylist()
    cpus = len(switches) // 2
    assert [row["arg1"] for row in switches] == [ENABLE] * cpus + [DISABLE] * cpus
    births = np.array([row["ts"] for row in result.rows(kind="fork")])
    began, ended = switches[cpus - 1]["ts"], switches[cpus]["ts"]
    surely = int(np.count_nonzero((births > began) & (births < ended - SOON)))
    perhaps = int(np.count_nonzero((births > switches[0]["ts"] - SOON) & (births < switches[-1]["ts"] + SOON)))
    for cpu, (on, off) in enumerate(zip(switches[:cpus], switches[cpus:], strict=True)):
        here = returned & (columns["cpu"] == cpu)
        surely += int(np.count_nonzero(here & (end > on["ts"] + on["dur_ns"]) & (end < off["ts"])))
        perhaps += int(np.count_nonzero(here & (end >= on["ts"]) & (end <= off["ts"] + off["dur_ns"])))
    return surely, perhaps


def returns(result: Recording) -> int:
    """All returns that the capture counted, as rows or otherwise."""
    counters = result.counters
    hung = result.calls().filter(np.asarray(result.calls()["flags"]) & Flag.UNFINISHED != 0).num_rows
    return counters.seen - hung + counters.own_calls + counters.child_returns + counters.filtered


def test_rows_are_the_kernels_count(tmp_path: Path, workload: Build, loader: str) -> None:
    """What returned while perf counted is a row or the return of a child: the same number, to within the two ioctls."""
    with recording(tmp_path / "t.parquet", "--loader", loader) as running:
        time.sleep(0.3)  # the collector's threads are there
        kernel, pid = perf(tmp_path / "perf", *not_ours(running), command=[workload("calls"), "4", "10"])
        result = running.stop().audit()
    assert result.counters.dropped == {}
    surely, perhaps = window(result, pid)
    assert surely > 50_000
    assert perhaps - surely < 100
    assert surely <= kernel <= perhaps


@pytest.mark.parametrize("options", [[], ["-e", "!getppid"], ["--failed-only"], ["-B", "4k"]], ids=" ".join)
def test_account_lies_between_two_counts(tmp_path: Path, workload: Build, options: list[str]) -> None:
    """perf around the capture counts no less than the account says, perf inside no more, whatever is filtered."""
    outer = ("perf", "stat", *COUNT, "-o", str(tmp_path / "outer"), "--", CAPTURE)
    with recording(tmp_path / "t.parquet", *options, program=outer) as running:
        inside, _ = perf(tmp_path / "inner", command=[workload("calls"), "4", "4"])
        result = running.stop().audit()
    outside = counted(tmp_path / "outer")
    assert inside <= returns(result) <= outside
