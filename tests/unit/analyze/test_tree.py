"""`analyze tree`: who started whom, in order, on a line each that a terminal can show."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from analyze.session import Session
from analyze.tree import roots, walk
from tests.unit.analyze.captures import write_parquet
from tests.unit.analyze.inside import run
from tests.unit.analyze.test_views import START, call, state

Row = dict[str, Any]


@pytest.fixture
def rows() -> list[Row]:
    """A shell that was there before; two children, one with a child of its own and a name to be escaped."""
    return [
        state(
            "process", 10, 0, ppid=1, arg0=START - 5_000_000_000, arg1=10, path="/bin/sh", cmdline="sh -l", comm="sh"
        ),
        state("fork", 11, 1_000_000, ppid=10, arg0=10, arg1=0, comm="sh"),
        state("exec", 11, 2_000_000, arg0=11, path="/usr/bin/make", cmdline="make '\x1b[31mred'", comm="make"),
        state("fork", 12, 3_000_000, ppid=11, arg0=11, arg1=0, comm="make"),
        call(12, 3_500_000, comm="make"),
        state("exit", 12, 4_000_000, arg0=1, ret=9, comm="make"),
        state("exit", 11, 5_000_000, arg0=1, ret=0x200, comm="make"),
        state("fork", 13, 6_000_000, ppid=10, arg0=10, arg1=0, comm="sh"),
        call(13, 7_000_000, comm="sh", ret=-2, errno="ENOENT"),
        call(99, 8_000_000, comm="stranger"),
    ]


@pytest.fixture
def capture(tmp_path: Path, rows: list[Row]) -> str:
    """A capture of them."""
    return str(write_parquet(tmp_path / "x.parquet", rows))


def test_each_process_stands_below_its_parent(capture: str) -> None:
    """Children in the order in which they began."""
    with Session([capture]) as session:
        found = [(process.pid, depth) for process, depth, _ in walk(roots(session))]
    assert sorted(found[:1] + found[-4:]) == sorted(found)
    assert [one for one in found if one[0] != 99] == [(10, 0), (11, 1), (12, 2), (13, 1)]
    assert (99, 0) in found


def test_a_tree_fits_the_terminal_and_cannot_command_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], capture: str
) -> None:
    """80 columns; lines lead from parent to child; control characters are escaped."""
    assert run(monkeypatch, "tree", capture) == 0
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert max(map(len, lines)) <= 80
    assert "\x1b" not in out
    by_pid = {int(pid): line for line in lines for pid in ("10", "11", "12", "13", "99") if f" {pid} " in line}
    assert by_pid[11].startswith("├─make '\\e[31mred'")
    assert by_pid[12].startswith("│ └─[make]")
    assert "SIGKILL" in by_pid[12]
    assert "exit 2" in by_pid[11]
    assert by_pid[13].startswith("└─[sh]")
    assert lines[-1].startswith("complete")
    assert err == ""


def test_json_has_a_row_a_process(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], capture: str
) -> None:
    """With depth and parent in place of lines; text as it is; nothing else on standard output."""
    assert run(monkeypatch, "tree", capture, "--format", "json") == 0
    rows = {row["pid"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows[11]["process"] == "make '\x1b[31mred'"
    assert (rows[11]["depth"], rows[11]["ppid"], rows[11]["ended"], rows[11]["life_ns"]) == (1, 10, "exit 2", 4_000_000)
    assert (rows[10]["life_ns"], rows[10]["ended"], rows[10]["calls"]) == (None, None, 0)
    assert (rows[13]["calls"], rows[13]["errors"], rows[13]["time_ns"]) == (1, 1, 10)


def test_csv_and_a_limit(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], capture: str) -> None:
    """The first rows of the tree, and how many there are on standard error."""
    assert run(monkeypatch, "tree", capture, "--format", "csv", "-n", "2") == 0
    out, err = capsys.readouterr()
    assert len(list(csv.DictReader(io.StringIO(out)))) == 2
    assert "2 of 5 processes" in err


def test_a_deep_tree_keeps_its_commands_in_sight(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Two thousand generations: no recursion, and lines that still end in the command."""
    rows = [state("fork", 2 + at, at * 1000, ppid=1 + at, arg0=1 + at, arg1=0, comm="deep") for at in range(2000)]
    assert run(monkeypatch, "tree", str(write_parquet(tmp_path / "x.parquet", rows))) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "[deep]" in lines[1999]
    assert max(map(len, lines)) <= 80


def test_a_life_that_no_clock_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], rows: list[Row]
) -> None:
    """Start and end 300 years apart are shown; the time between them, which no number holds, is not."""
    rows[4]["ts"], rows[5]["ts"] = 0, 2**63 - 1
    rows[1]["ts"] = -(2**62)
    rows[6]["ts"] = 2**62
    capture = write_parquet(tmp_path / "x.parquet", rows)
    assert run(monkeypatch, "tree", str(capture), "--format", "json") == 0
    lives = {row["pid"]: row["life_ns"] for row in json.loads(capsys.readouterr().out)}
    assert lives[11] is None
