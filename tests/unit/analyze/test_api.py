"""Captures in Python: the same answers as the command line's, in the forms that Python has."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from analyze import AnalyzeError, Capture, open_capture
from analyze.errors import CaptureFileError, FilterError, QueryError, UsageError
from tests.unit.analyze.captures import make_rows, write_parquet

Row = dict[str, Any]


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    """The calls."""
    return make_rows(800, seed=5)


@pytest.fixture
def path(rows: list[Row], tmp_path: Path) -> Path:
    """A capture of them."""
    return write_parquet(tmp_path / "x.parquet", rows)


@pytest.fixture
def capture(path: Path) -> Iterator[Capture]:
    """The capture, open."""
    with open_capture(path) as opened:
        yield opened


def test_sql_answers_in_every_form(capture: Capture, rows: list[Row]) -> None:
    """Rows, dictionaries, Arrow, pandas: the same, as often as one asks."""
    answer = capture.sql("SELECT ts, comm, dur_ns FROM calls ORDER BY ts")
    expected = [(row["ts"], row["comm"], row["dur_ns"]) for row in rows]
    assert answer.columns == ["ts", "comm", "dur_ns"]
    assert list(answer.rows()) == expected
    assert [tuple(row.values()) for row in answer.dicts()] == expected
    table = answer.arrow()
    assert table["ts"].cast(pa.int64()).to_pylist() == [ts for ts, *_ in expected]
    assert table["dur_ns"].to_pylist() == [ns for *_, ns in expected]
    assert answer.df()["comm"].to_list() == [comm for _, comm, _ in expected]
    assert sum(batch.num_rows for batch in answer.reader()) == len(rows)


def test_an_answer_shows_itself(capture: Capture) -> None:
    """As a table of its first rows."""
    lines = repr(capture.sql("FROM calls")).splitlines()
    assert len(lines) == 21
    assert repr(capture.sql("SELECT 5 AS five")).split() == ["five", "5"]


def test_calls_are_filtered(capture: Capture, rows: list[Row]) -> None:
    """By a filter of their own, and each keeps its own."""
    failed, read = capture.calls("evt.failed"), capture.calls("evt.type = read")
    assert sum(1 for _ in failed.rows()) == sum(row["errno"] is not None for row in rows)
    assert sum(1 for _ in read.rows()) == sum(row["syscall"] == "read" for row in rows)
    assert sum(1 for _ in capture.calls().rows()) == len(rows)


def test_the_filter_of_the_capture_narrows_everything_but_calls(path: Path, rows: list[Row]) -> None:
    """`selected`, reports and calls(); the view `calls` is all."""
    with open_capture(path, filter="proc.pid = 101") as capture:
        expected = [row for row in rows if row["pid"] == 101]
        assert sum(row["calls"] for row in capture.report("top").dicts()) == len(expected)
        both = capture.report("top", filter="evt.failed")
        assert sum(row["calls"] for row in both.dicts()) == sum(row["errno"] is not None for row in expected)
        assert list(capture.sql("SELECT count(*) FROM selected").rows()) == [(len(expected),)]
        assert list(capture.sql("SELECT count(*) FROM calls").rows()) == [(len(rows),)]
        assert sum(1 for _ in capture.calls("evt.failed").rows()) == sum(row["errno"] is not None for row in expected)


def test_reports_take_what_the_command_line_takes(capture: Capture) -> None:
    """Grouping as a text or a list, sort, limit, parameters; and one report does not change another's answer."""
    top = capture.report("top", by="process", sort="calls", limit=2)
    other = capture.report("latency", by=["process", "call"], filter="evt.failed")
    calls = [row["calls"] for row in top.dicts()]
    assert len(calls) == 2
    assert calls == sorted(calls, reverse=True)
    assert other.columns[:3] == ["pid", "syscall", "process"]
    assert list(top.rows()) == list(capture.report("top", by="process", sort="calls", limit=2).rows())
    everything = sum(row["calls"] for row in capture.report("timeline", interval="100us").dicts())
    assert everything == 800


def test_metadata_and_completeness(capture: Capture, path: Path) -> None:
    """What the capture says of itself."""
    assert capture.files == [str(path)]
    assert capture.metadata[str(path)]["host"] == "box"
    assert capture.completeness.complete


def test_errors_are_of_one_kind(capture: Capture, tmp_path: Path) -> None:
    """Each a kind of AnalyzeError, raised where the mistake is made."""
    with pytest.raises(CaptureFileError):
        open_capture(tmp_path / "none.parquet")
    with pytest.raises(QueryError):
        capture.sql("SELECT nonsense FROM calls")
    with pytest.raises(QueryError):
        capture.sql("DROP VIEW calls")
    with pytest.raises(FilterError):
        capture.calls("proc.nmae = x")
    with pytest.raises(UsageError, match="has no parameter colour; it has: interval"):
        capture.report("timeline", colour="red")
    with pytest.raises(AnalyzeError):
        capture.report("nonsense")
    assert sum(row["calls"] for row in capture.report("top").dicts()) == 800


def test_unsafe_queries_run_once(path: Path, tmp_path: Path) -> None:
    """A statement with an effect has it when it is given, not again when its answer is looked at."""
    with open_capture(path, unsafe=True) as capture:
        answer = capture.sql(f"COPY (SELECT 1 AS a) TO '{tmp_path}/out.csv'")
        (tmp_path / "out.csv").unlink()
        assert list(answer.rows()) == [(1,)]
        assert not (tmp_path / "out.csv").exists()
