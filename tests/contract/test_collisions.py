"""Threads whose tids agree in their low bits: the table has one place for both, and the second goes elsewhere."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from schemas.record import Flag
from tests.contract.conftest import Build
from tests.contract.harness import recording

pytestmark = [pytest.mark.root, pytest.mark.bpf]

PID_MAX, LAST = Path("/proc/sys/kernel/pid_max"), Path("/proc/sys/kernel/ns_last_pid")
ENOUGH = 131_072


@pytest.fixture
def many_pids() -> Iterator[None]:
    """pid_max high enough for two such tids, for as long as the test takes."""
    before = PID_MAX.read_text()
    if int(before) >= ENOUGH:
        yield
        return
    if int(LAST.read_text()) > int(before) - 2000:
        pytest.skip("pids are about to start anew: others' must not grow beyond the old pid_max meanwhile")
    PID_MAX.write_text(str(ENOUGH))
    yield
    PID_MAX.write_text(before)


def test_two_threads_in_one_place(tmp_path: Path, workload: Build, many_pids: None) -> None:
    """No call of either is lost, mixed up or without its entry, and what hangs at the end is shown as what it is."""
    command = ["sh", "-c", f"read go; exec {workload('collide')}"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        with recording(tmp_path / "t.parquet", "-p", str(process.pid)) as running:
            process.stdin.write(b"\n")
            process.stdin.flush()
            printed = json.loads(process.stdout.readline())
            result = running.stop().audit()
        process.stdin.close()
    child, parent = printed["child"], printed["pid"]
    assert child - parent == 65536
    for pid in (child, parent):
        assert result.calls(pid=pid, syscall="getppid", flags=0).num_rows == printed["calls"]
        assert min(result.calls(pid=pid, syscall="getppid")["dur_ns"].to_pylist()) > 0
    last = [result.calls(pid=pid).sort_by("ts").to_pylist()[-1] for pid in (child, parent)]
    assert [(row["syscall"], row["flags"]) for row in last] == [("pause", Flag.UNFINISHED), ("read", Flag.UNFINISHED)]
    assert result.counters.entries_lost == 0
