"""How bench starts each tracer, and how it reads what the tracer has to say."""

from pathlib import Path

import numpy as np
import pytest

from capture.bench.tracers import TRACERS, bpftrace, own, perf, strace, sysdig
from capture.bench.tracers.base import Count
from capture.bench.tracers.external import External
from capture.ledger import Ledger
from capture.report import Report
from capture.sink.null import NullSink
from schemas.counters import Cell, Counters
from schemas.record import RING

EXTERNAL = [one for one in TRACERS if isinstance(one, External)]


@pytest.mark.parametrize("tracer", EXTERNAL, ids=lambda one: one.name)
def test_a_command_line_names_its_target(tracer: External, tmp_path: Path) -> None:
    """With a process to trace its pid is in the command; without one it is not."""
    assert "4711" in " ".join(tracer.argv(tmp_path / "out", 4711))
    assert "4711" not in " ".join(tracer.argv(tmp_path / "out", None))


def test_names_are_unique() -> None:
    """One selects by name."""
    assert len({one.name for one in TRACERS}) == len(TRACERS)


PERF_STATS = """
Aggregated stats:
           TOTAL events:    1603446
          SAMPLE events:    1531088  (95.5%)
raw_syscalls:sys_enter stats:
          SAMPLE events:     765544
    LOST_SAMPLES events:      91576
raw_syscalls:sys_exit stats:
          SAMPLE events:     765540
    LOST_SAMPLES events:      91596
dummy:HG stats:
    LOST_SAMPLES events:         41
"""


def test_perf_record_tells_samples_and_losses() -> None:
    """A call is counted at its return; nothing recorded is no error, and no statistics is one."""
    assert perf.sample_count(PERF_STATS, 123) == Count(765_540, 91_596, 123)
    assert perf.sample_count("TOTAL events: 7", 123) == Count(0, 0, 123)
    with pytest.raises(ValueError, match="no statistics"):
        perf.sample_count("", 0)


RULE = "------ ----------- ----------- --------- --------- ----------------\n"
HEAD = "% time     seconds  usecs/call     calls    errors syscall\n" + RULE


@pytest.mark.parametrize(
    ("row", "calls"),
    [
        ("100.00    0.000210           7        29         1 total\n", 29),
        ("100.00    0.000210                    29         1 total\n", 29),
        ("100.00    0.000210           7        29           total\n", 29),
        ("100.00   12.345678           7   1024085           total\n", 1_024_085),
    ],
)
def test_strace_c_tells_its_total(row: str, calls: int) -> None:
    """Of any version: some leave cells of the last row empty."""
    assert strace.total(HEAD + RULE + row) == Count(calls, 0)


def test_strace_c_without_calls() -> None:
    """It writes nothing then; half a table is an error."""
    assert strace.total("") == Count(0, 0)
    with pytest.raises(ValueError, match="no total"):
        strace.total(HEAD)


def test_bpftrace_s_counts_are_added(tmp_path: Path) -> None:
    """Of all system calls, the numberless included; without its own `ready` nothing it printed can be trusted."""
    rows = ["@calls[0]: count 40, average 9, total 360", "@calls[-1]: count 2, average 1, total 2"]
    said = "\n".join(["Attaching 4 probes...", "ready", "", *rows])
    assert bpftrace.counted(tmp_path, said) == Count(42)
    with pytest.raises(ValueError, match="no counts"):
        bpftrace.counted(tmp_path, "ERROR: no privileges")


def test_perf_trace_tells_of_losses_between_its_lines(tmp_path: Path) -> None:
    """A line a call; lost events come in twos."""
    output = tmp_path / "trace"
    output.write_text("1.0 ( 0.1 ms): dd/1 read(...) = 1\nLOST 14 events!\n1.1 ( 0.1 ms): dd/1 write(...) = 1\n")
    found = next(one for one in EXTERNAL if one.name == "perf-trace").count(output, "")
    assert (found.lost, found.bytes) == (7, output.stat().st_size)


def test_sysdig_tells_little(tmp_path: Path) -> None:
    """Its file is there; counts only with -v."""
    output = tmp_path / "trace.scap"
    output.write_bytes(bytes(64))
    assert sysdig.counted(output, "Driver Events:10\nDriver Drops:4\nElapsed time: 1, Captured Events: 10") == Count(
        5, 2, 64
    )
    assert sysdig.counted(output, "") == Count(None, None, 64)


def test_capture_s_own_closing_lines_are_understood(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What capture says at its end is what bench reads: recorded and dropped, thousands with commas."""
    cells = [Cell(0, "x86_64", 0, "read", seen=1_234_567, written=1_200_000, dropped={"ring_full": 34_567})]
    report = Report("t.parquet", Ledger(np.zeros(1, RING)), NullSink(), quiet=False, verbose=False)
    report.closing(Counters(cells), NullSink())
    assert own.counted(tmp_path / "none", capsys.readouterr().err) == Count(1_200_000, 34_567, None)
    with pytest.raises(ValueError, match="closing lines"):
        own.counted(tmp_path / "none", "capture: cannot")
