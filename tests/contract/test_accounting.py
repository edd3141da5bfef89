"""`seen = written + dropped`, per CPU and call, from counts that do not know of each other: it holds, and can fail.

To see it fail, `capture` runs in a process in which one of the counts is broken on purpose; it must then say so, with
the exit status that is kept for it.
"""

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from capture.errors import AccountingError
from schemas.counters import Counters
from tests.contract.conftest import Build
from tests.contract.harness import CAPTURE, PATIENCE, Recording, record

pytestmark = [pytest.mark.root, pytest.mark.bpf]

PREAMBLE = """
import sys

import numpy as np

from capture import ledger, pipeline, recorder, unfinished
from capture.cli import main
from schemas.record import NO_PAYLOAD, RECORD

def before_the_end(change):
    finish = recorder.Recorder.finish
    def broken(self, unfinished):
        finish(self, unfinished)
        change(self)
    recorder.Recorder.finish = broken
"""

BROKEN = {
    "seen, one too many": "before_the_end(lambda self: np.add.at(self._ledger.headers['seen'], (0, 110), 1))",
    "seen, one too few": "before_the_end(lambda self: np.subtract.at(self._ledger.headers['seen'], (0, 110), 1))",
    "seen, of another call": """
def change(self):
    cpu = int(np.argmax(self._ledger.headers['seen'][:, 110]))
    self._ledger.headers['seen'][cpu, 110] -= 1
    self._ledger.headers['seen'][cpu, 39] += 1
before_the_end(change)""",
    "seen, on another CPU": """
def change(self):
    cpu = int(np.argmax(self._ledger.headers['seen'][:, 110]))
    self._ledger.headers['seen'][cpu, 110] -= 1
    self._ledger.headers['seen'][1 - cpu, 110] += 1
before_the_end(change)""",
    "dropped, one too many": "before_the_end(lambda self: np.add.at(self._ledger.headers['dropped'], (0, 0, 110), 1))",
    "written, a batch forgotten": """
wrote = ledger.Ledger.wrote
ledger.Ledger.wrote = lambda self, batch: wrote(self, batch[batch.num_rows // 2 :])""",
    "written, a batch twice": """
wrote = ledger.Ledger.wrote
ledger.Ledger.wrote = lambda self, batch: (wrote(self, batch), wrote(self, batch))""",
    "unfinished, not seen": """
saw = ledger.Ledger.saw
ledger.Ledger.saw = lambda self, cpu, records: None
unfinished.in_table = lambda *_: ledger.blank(1, 0, 1)""",
    "a record lost on its way": """
append = pipeline.Pipeline.append
lost = []
def forget(self, cpu, words, *rest, **options):
    records = words.view(RECORD).ravel()
    calls = np.flatnonzero((records["kind"] == 0) & (records["payload"] == NO_PAYLOAD))
    if lost or not len(calls):
        return append(self, cpu, words, *rest, **options)
    lost.append(True)
    return append(self, cpu, np.delete(words, calls[-1], axis=0), *rest, **options)
pipeline.Pipeline.append = forget""",
}


def record_broken(path: Path, change: str, workload: Build) -> Recording:
    """A capture in a process in which `change` was made before."""
    code = f"{PREAMBLE}\n{change}\nsys.argv = ['capture', *sys.argv[1:]]\nmain()"
    words = [sys.executable, "-c", code, "-w", str(path), "--", str(workload("calls"))]
    done = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE, check=False)
    return Recording(path, done.returncode, done.stderr, done.stdout)


def test_unbroken(tmp_path: Path, workload: Build) -> None:
    """Nothing changed, nothing said: what the cases below show comes from what they break."""
    result = record_broken(tmp_path / "t.parquet", "", workload)
    assert result.status == 0, result.said
    result.audit()


@pytest.mark.parametrize("case", BROKEN)
def test_each_broken_counter_is_noticed(tmp_path: Path, workload: Build, case: str) -> None:
    """One line names CPU, call and the three numbers; exit status 7; the file is there all the same, and shows it."""
    result = record_broken(tmp_path / "t.parquet", BROKEN[case], workload)
    assert result.status == AccountingError.exit_code == 7, result.said
    assert "Traceback" not in result.said
    assert "does not balance" in result.said.splitlines()[-1]
    assert result.counters.balance() != []
    assert result.table.num_rows > 0


@pytest.mark.parametrize("ring", ["4k", "32k"])
def test_a_tiny_ring_accounts_for_all(tmp_path: Path, workload: Build, ring: str) -> None:
    """Under load most calls are dropped; all are accounted for, per CPU and call, in metadata, loss rows and words."""
    command = [workload("overrun"), workload("calls"), "8", "10"]
    result = record(tmp_path / "t.parquet", "-B", ring, command=command).audit()
    counters = result.counters
    lost = counters.dropped["ring_full"]
    assert lost > 1000
    assert counters.seen == counters.written + lost
    assert f"{counters.seen:,} calls seen" in result.said
    assert f"{lost:,} dropped, ring full {lost:,}" in result.said
    losses = result.rows(kind="loss")
    assert sum(row["weight"] for row in losses) == lost
    by_call = Counter[str]()
    for cell in counters.cells:
        by_call[cell.syscall] += cell.dropped.get("ring_full", 0)
    named = Counter[str]()
    for row in losses:
        named["other" if row["nr"] == -1 else row["syscall"]] += row["weight"]
    assert named == +by_call


def test_loss_rows_say_when(tmp_path: Path, workload: Build) -> None:
    """Each covers an interval within the capture, and those of one CPU and call do not overlap."""
    result = record(tmp_path / "t.parquet", "-B", "4k", command=[workload("calls"), "8", "10"]).audit()
    intervals: dict[tuple[int, int, str], int] = {}
    for row in sorted(result.rows(kind="loss"), key=lambda row: row["ts"]):
        key = row["cpu"], row["nr"], row["abi"]
        assert row["dur_ns"] >= 0
        assert row["ts"] >= intervals.get(key, 0)
        intervals[key] = row["ts"] + row["dur_ns"]
        assert row["flags"] == 0
        assert row["pid"] == 0


def test_metadata_adds_up(tmp_path: Path, workload: Build) -> None:
    """Totals in the metadata are the sums of its cells, and reading it gives what was written."""
    result = record(tmp_path / "t.parquet", command=[workload("calls"), "2"]).audit()
    counters = result.counters
    assert Counters.from_json(counters.to_json()) == counters
    assert counters.written == result.calls().num_rows
    assert counters.own_calls > 0
    assert counters.recursion == counters.entries_lost == counters.state_dropped == 0


def test_a_full_disk_is_accounted_for(tmp_path: Path, workload: Build, small_disk: Path) -> None:
    """When the disk is full the capture ends with one line and the sink's status, and accounts for what it wrote."""
    path = small_disk / "t.parquet"
    result = record(path, "--flush", "0.1", command=[workload("calls"), "8", "150"])
    assert result.status == 6, result.said
    assert "Traceback" not in result.said
    assert "No space left on device" in result.said
    assert result.audit().calls().num_rows > 1000


def test_a_summary_at_the_end(tmp_path: Path) -> None:
    """-S: a table whose sums are those of the file; without -w it takes the place of the lines."""
    written = record(tmp_path / "t.parquet", "-S", command=["ls", "/"]).audit()
    total = next(line.split() for line in written.said.splitlines() if line.endswith(" total"))
    errors = written.calls().num_rows - written.calls(errno=None).num_rows
    assert [int(total[3]), int(total[4])] == [written.counters.written, errors]
    live = subprocess.run([CAPTURE, "-S", "--", "ls", "/"], capture_output=True, text=True, timeout=60)
    assert "openat" in live.stderr
    assert "openat(" not in live.stdout
