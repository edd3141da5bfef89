"""What a capture says on standard error, line by line."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from capture import report
from capture.ledger import Ledger
from capture.report import Report, size
from capture.sink.null import NullSink
from schemas.counters import Cell, Counters
from schemas.record import RING, Cause


class Written(NullSink):
    """A sink that has so many bytes."""

    bytes_written = 1_400_000  # type: ignore[assignment]


def speaker(target: str | None = "t.parquet", **options: Any) -> Report:
    """A report of a capture in which 1,500 calls were seen and 7 dropped."""
    headers = np.zeros(2, RING)
    headers["seen"][1, 0] = 1500
    headers["dropped"][0, Cause.RING_FULL, 0] = 7
    return Report(target, Ledger(headers), Written(), **{"quiet": False, "verbose": False, **options})


def said(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """The lines so far; nothing is ever said on standard output, which may be the capture."""
    out, err = capsys.readouterr()
    assert out == ""
    return err.splitlines()


COUNTERS = Counters(
    cells=[
        Cell(0, "x86_64", 0, "read", 1_234_567, 1_234_560, {"ring_full": 5, "writer": 2}),
        Cell(1, "x86_64", 1, "write", 3, 1, {"limit": 2}),
    ]
)


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (1_400_000, "1.4 MB"), (2 * 10**9, "2.0 GB"), (10**15, "1000.0 TB")],
)
def test_sizes(count: int, text: str) -> None:
    """As people read them."""
    assert size(count) == text


def test_recording(capsys: pytest.CaptureFixture[str]) -> None:
    """What, where to, by what, and how to stop; without a file the lines are the output."""
    speaker().recording("everything", "eBPF, core")
    speaker(None).recording("pid 7", "ptrace")
    assert said(capsys) == [
        "capture: recording everything to t.parquet (eBPF, core); Ctrl-C stops",
        "capture: recording pid 7 (ptrace)",
    ]


def test_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    """Seen, written, dropped by cause, bytes, and the next command to type."""
    speaker().closing(COUNTERS, Written())
    assert said(capsys) == [
        "1,234,570 calls seen",
        "1,234,561 written to t.parquet (1.4 MB, 1.1 bytes a call)",
        "9 dropped, ring full 5, writer 2, limit 2",
        "next: analyze summary t.parquet",
    ]


def test_the_end_names_what_is_not_whole(capsys: pytest.CaptureFixture[str]) -> None:
    """Only where there is some: calls that run on, paths and entries that are missing."""
    speaker().closing(Counters(unfinished=3, paths_unreadable=1200, entries_lost=4), Written())
    assert said(capsys) == [
        "0 calls seen",
        "0 written to t.parquet (1.4 MB)",
        "0 dropped",
        "3 still running at the end",
        "1,200 with a path that could not be read",
        "4 entries found no place in the table; their calls have no duration",
        "next: analyze summary t.parquet",
    ]


@pytest.mark.parametrize("target", [None, "-", "/dev/null"])
def test_no_next_command_without_a_file(target: str | None, capsys: pytest.CaptureFixture[str]) -> None:
    """There is nothing that `analyze` could read."""
    speaker(target).closing(COUNTERS, Written())
    assert not any(line.startswith("next") for line in said(capsys))


def test_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    """Only what was asked for while it ran, and that the file is not finished."""
    quiet = speaker(quiet=True)
    quiet.recording("everything", "eBPF, core")
    quiet.progress(0.0)
    quiet.closing(COUNTERS, Written())
    assert said(capsys) == []
    quiet.ask()
    quiet.progress(None)
    quiet.given_up(Path("t1.parquet"))
    counters, given_up = said(capsys)
    assert counters.startswith("capture: 0 s, 1,500 calls seen")
    assert given_up == "capture: stopped without waiting; `capture repair t1.parquet` finishes the file"


class Time:
    """A clock that is set."""

    now = 100.0

    def monotonic(self) -> float:
        """Now."""
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Time:
    """The report's clock."""
    ours = Time()
    monkeypatch.setattr(report, "time", ours)
    return ours


def test_lines_of_counters(clock: Time, capsys: pytest.CaptureFixture[str]) -> None:
    """With --stats every so many seconds, with the rate since the last one; else only when asked for, once."""
    stats = speaker()
    stats.recording("everything", "eBPF, core")
    for _ in range(8):
        clock.now += 0.5
        stats.progress(1.5)
    lines = said(capsys)[1:]
    assert (
        lines
        == [
            "capture: 2 s, 1,500 calls seen, 1,000/s, 7 dropped, 1.4 MB",
            "capture: 3 s, 1,500 calls seen, 0/s, 7 dropped, 1.4 MB",
        ]
        or len(lines) == 2
    )
    stats.progress(None)
    assert said(capsys) == []
    stats.ask()
    stats.progress(None)
    stats.progress(None)
    assert len(said(capsys)) == 1


def test_silence_is_remarked_on_once(clock: Time, capsys: pytest.CaptureFixture[str]) -> None:
    """A filter that lets nothing through looks like a tracer that does not work: after 10 s it is said."""
    silent = Report("t", Ledger(np.zeros(1, RING)), Written(), quiet=False, verbose=False)
    for _ in range(3):
        silent.progress(None)
        clock.now += 9
    assert said(capsys) == ["capture: no call has passed the filter so far; -d shows the filter"]
    busy = speaker()
    clock.now += 20
    busy.progress(None)
    assert said(capsys) == []


def test_a_progress_line_on_a_terminal(
    clock: Time, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line that is written over, about every second; what is said afterwards begins a new one."""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    verbose = speaker(verbose=True)
    for _ in range(4):
        clock.now += 0.6
        verbose.progress(None)
    verbose.closing(COUNTERS, Written())
    text = capsys.readouterr().err
    assert text.count("\r\x1b[K") == 2
    assert "\n1,234,570 calls seen\n" in text
    assert not speaker(verbose=True, quiet=True)._progressing
