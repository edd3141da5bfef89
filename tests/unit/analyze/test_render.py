"""What people and programs read: units, widths, nothing that a terminal obeys, values that come back whole."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyze.render import data, histogram, table, text
from analyze.result import Column
from analyze.session import Session
from tests.unit.analyze.captures import make_rows, write_parquet


@pytest.mark.parametrize(
    ("ns", "shown"),
    [
        (0, "0 ns"),
        (999, "999 ns"),
        (999.6, "1.00 µs"),
        (1000, "1.00 µs"),
        (9994, "9.99 µs"),
        (9996, "10.0 µs"),
        (99_960, "100 µs"),
        (999_499, "999 µs"),
        (999_600, "1.00 ms"),
        (1_234_567_890, "1.23 s"),
        (9_999_000_000_000, "9,999 s"),
        (36_000_000_000_000, "10.0 h"),
    ],
)
def test_durations_have_a_unit_and_three_digits(ns: float, shown: str) -> None:
    """Also where rounding carries into the next unit."""
    assert text.duration(ns) == shown


@given(st.integers(0, 10**15))
def test_a_duration_is_as_long_as_it_says(ns: int) -> None:
    """Read back, it is within half of its last digit, and never wide."""
    number, unit = text.duration(ns).split()
    units = {"ns": 1, "µs": 10**3, "ms": 10**6, "s": 10**9, "h": 3600 * 10**9}
    assert float(number.replace(",", "")) * units[unit] == pytest.approx(ns, rel=0.0051)
    assert len(number) <= 5


@pytest.mark.parametrize(("count", "shown"), [(0, "0 B"), (1023, "1,023 B"), (1024, "1.00 KiB"), (5 << 30, "5.00 GiB")])
def test_sizes(count: int, shown: str) -> None:
    """Bytes in powers of 1,024."""
    assert text.size(count) == shown


def test_a_timestamp_keeps_every_nanosecond() -> None:
    """Nine digits, UTC."""
    assert text.timestamp(1_790_000_000_000_000_001) == "2026-09-21 14:13:20.000000001"


@given(st.text())
def test_nothing_that_a_terminal_obeys_gets_through(words: str) -> None:
    """Whatever a process calls itself, what is shown is printable; a plain name is shown as it is."""
    shown = text.printable(words)
    assert shown.isprintable()
    assert (shown == words) == words.isprintable()


@given(st.text(), st.integers(1, 40))
def test_a_cut_text_fits(words: str, cells: int) -> None:
    """In cells, not characters; and what fits is not cut."""
    shown = text.cut(text.printable(words), cells)
    assert text.width(shown) <= cells
    assert "…" in (shown[:1], shown[-1:]) or shown == text.printable(words)


def test_wide_and_combining_characters_take_their_cells() -> None:
    """Two for an ideograph, none for an accent of its own."""
    assert (text.width("日本"), text.width("e\u0301"), text.width("abc")) == (4, 1, 3)
    assert text.cut("日本語", 5) == "日本…"
    assert text.cut("/usr/lib/x.py", 6) == "…/x.py"


COLUMNS = [Column("comm", "VARCHAR"), Column("pid", "INTEGER"), Column("calls", "BIGINT"), Column("time_ns", "BIGINT")]


def shown(rows: list[tuple[Any, ...]], columns: list[Column] = COLUMNS, **totals: object) -> list[str]:
    """The lines of a table."""
    out = io.StringIO()
    assert table.write(columns, rows, out, totals or None) == len(rows)
    return out.getvalue().splitlines()


def test_a_row_about_nothing_has_a_head() -> None:
    """Of a first name that there is none of; an empty one is as empty as it is, and so are values."""
    columns = [Column("path", "VARCHAR"), Column("comm", "VARCHAR"), Column("calls", "BIGINT")]
    assert shown([(None, None, 1), ("", "a", 2)], columns) == [
        "path  comm  calls",
        "-               1",
        "      a         2",
    ]


def test_numbers_stand_at_the_right_with_units() -> None:
    """Thousands are marked in counts, not in ids; a duration says its unit and its column does not."""
    assert shown([("nginx", 12345, 12345, 1500), ("\x1b[2J", 7, 8, None)], calls=12353) == [
        "comm     pid   calls     time",
        "nginx  12345  12,345  1.50 µs",
        "\\e[2J      7       8",
        "total         12,353",
    ]


def test_a_line_fits_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """The longest names give way, numbers never do."""
    for columns in (40, 80, 120):
        monkeypatch.setenv("COLUMNS", str(columns))
        lines = shown([("n" * 200, 1, 10**9, 10**6), ("日" * 99, 2, 2, 3)])
        assert max(map(text.width, lines)) == columns
        assert all(len(line.split()) >= 4 for line in lines)


def test_a_column_without_values_is_left_out() -> None:
    """Such as a path that was not recorded; but not from a table without rows."""
    assert shown([(None, 1, 2, 3)])[0].split() == ["pid", "calls", "time"]
    assert shown([])[0].split() == ["comm", "pid", "calls", "time"]


def test_the_widths_hold_for_rows_that_come_later() -> None:
    """A table longer than the sample goes on, cut where needed."""
    rows = [("a", 1, 2, 3)] * table.SAMPLE + [("b" * 50, 1, 2, 3)]
    assert shown(rows)[-1].startswith("bbb…")


def test_a_histogram_has_a_bar_for_every_power() -> None:
    """Gaps included, the greatest as long as there is room, the least still visible."""
    lines = list(histogram.lines({10: 1000, 12: 1, 0: 500}, 60))
    assert len(lines) == 13
    assert lines[0].startswith("    0 ns ..     2 ns    500  ███")
    assert lines[10].startswith(" 1.02 µs ..  2.05 µs  1,000  ███")
    assert lines[12].endswith("▏")
    assert "█" not in lines[1]
    assert max(map(text.width, lines)) <= 60
    assert lines[10].count("█") == pytest.approx(2 * lines[0].count("█"), abs=1)


def test_histograms_are_drawn_below_the_table() -> None:
    """Each under what it is of."""
    columns = [Column("syscall", "VARCHAR"), Column("calls", "BIGINT"), Column("histogram", histogram.TYPE)]
    lines = shown([("read", 3, {4: 3}), ("write", 0, {})], columns)
    assert lines[0].split() == ["syscall", "calls"]
    assert lines[4] == "read"
    assert lines[5].split()[:5] == ["16", "ns", "..", "32", "ns"]
    assert len(lines) == 6


@pytest.fixture
def session(tmp_path: Path) -> Session:
    """A capture with odd names and NULLs."""
    return Session([str(write_parquet(tmp_path / "x.parquet", make_rows(50)))])


QUERY = "SELECT ts, comm, dur_ns, errno, 0.5 AS half, 0.0 / 0 AS nothing, 'a\x01'::BLOB AS bytes, "
QUERY += "[1, 2] AS list, pid, pid FROM calls"


def test_json_is_one_array_of_objects(session: Session) -> None:
    """Raw values, timestamps to the nanosecond, no NaN, no column lost to another of its name."""
    out = io.StringIO()
    count = data.write_json(session.query(QUERY), out)
    objects = json.loads(out.getvalue(), parse_constant=pytest.fail)
    expected = make_rows(50)
    assert count == len(objects) == 50
    for got, row in zip(objects, expected, strict=True):
        assert got["ts"] == text.timestamp(row["ts"], data.ISO) + "Z"
        assert (got["comm"], got["dur_ns"], got["errno"]) == (row["comm"], row["dur_ns"], row["errno"])
        assert (got["half"], got["nothing"], got["bytes"], got["list"]) == (0.5, None, "a\\x01", [1, 2])
        assert got["pid"] == got["pid_1"] == row["pid"]


def test_json_without_rows_is_an_empty_array(session: Session) -> None:
    """Not nothing."""
    out = io.StringIO()
    data.write_json(session.query("SELECT 1 AS a WHERE false"), out)
    assert json.loads(out.getvalue()) == []


def test_ndjson_is_an_object_a_line(session: Session) -> None:
    """Whatever line breaks the values hold."""
    out = io.StringIO()
    data.write_ndjson(session.query("SELECT 'a\nb' AS a FROM calls"), out)
    assert [json.loads(line) for line in out.getvalue().splitlines()] == [{"a": "a\nb"}] * 50


def test_csv_comes_back_whole(session: Session) -> None:
    """Names, quotes, line breaks; NULL is empty."""
    out = io.StringIO()
    data.write_csv(session.query("SELECT comm, 'a,\"b\"\nc' AS odd, NULL AS none FROM calls"), out)
    assert list(csv.reader(io.StringIO(out.getvalue()))) == [
        ["comm", "odd", "none"],
        *([row["comm"], 'a,"b"\nc', ""] for row in make_rows(50)),
    ]


def test_csv_on_a_terminal_is_escaped(session: Session) -> None:
    """A file gets the bytes as they are, a terminal does not."""
    out = io.StringIO()
    out.isatty = lambda: True  # type: ignore[method-assign]
    data.write_csv(session.query("SELECT comm FROM calls"), out)
    assert "\x1b" not in out.getvalue()
    assert "\\e[31mred" in out.getvalue()


def test_parquet_and_arrow_hold_the_same(session: Session, tmp_path: Path) -> None:
    """Types and values as DuckDB has them."""
    query = "SELECT ts, comm, dur_ns FROM calls"
    with (tmp_path / "y.parquet").open("wb") as out:
        assert data.write_parquet(session.query(query), out) == 50
    stream = io.BytesIO()
    assert data.write_arrow(session.query(query), stream) == 50
    parquet, arrow = pq.read_table(tmp_path / "y.parquet"), pa.ipc.open_stream(stream.getvalue()).read_all()
    assert parquet.to_pylist() == arrow.to_pylist()
    assert arrow["ts"].cast(pa.int64()).to_pylist() == [row["ts"] for row in make_rows(50)]


def test_where_a_line_does_not_fit_times_get_shorter_before_names() -> None:
    """First a thread's number that is its process's goes, then digits of a second; with room all of it is there."""
    names = [("ts", "TIMESTAMP_NS"), ("pid", "INTEGER"), ("tid", "INTEGER"), ("about", "VARCHAR")]
    columns = [Column(name, kind) for name, kind in names]
    rows = [(1_790_000_000_123_456_789, 4711, 4711, "x" * 45), (1_790_000_001_000_000_001, 4711, 4711, "y")]
    head = {}
    for length in (50, 55, 58, 70):
        out = io.StringIO()
        table.write(columns, [(*row[:3], row[3] * length if row[3] == "y" else row[3]) for row in rows], out)
        first = out.getvalue().splitlines()[1].split()
        head[length] = (len(first[0]), len(first))
    assert head == {50: (18, 4), 55: (18, 3), 58: (15, 3), 70: (12, 3)}


def test_few_histograms_are_drawn_and_the_others_are_counted() -> None:
    """Those of the first rows; the line below says how many there are besides, and how to see them."""
    columns = [Column("syscall", "VARCHAR"), Column("calls", "BIGINT"), Column("histogram", histogram.TYPE)]
    lines = shown([*((f"call{row}", 3, {4: 3}) for row in range(5)), ("none", 0, {})], columns)
    assert [line for line in lines if line in {f"call{row}" for row in range(5)}] == ["call0", "call1", "call2"]
    assert lines[-1] == "2 more in --format json, or one by one with -f"
