"""Reports against an independent computation in plain Python over the same rows."""

import math
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from analyze import reports
from analyze.errors import ReportError, UsageError
from analyze.reports.run import Options, check, compile_query, run
from analyze.session import Session
from tests.unit.analyze.captures import loss_row, make_rows, plain_row, varied, write_parquet

Row = dict[str, Any]
STATE = plain_row(kind="syscall", syscall="openat", nr=2, dur_ns=10**9, flags=32, pid=999, tid=999)
OTHERS = [plain_row(kind="exec", pid=101, tid=101, comm="nobody", weight=0), loss_row("read", 7), STATE]


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    """The calls that reports are to see."""
    return varied(make_rows(3000))


@pytest.fixture(scope="module")
def session(rows: list[Row], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """A capture of these calls, with rows among them that reports leave out."""
    path = tmp_path_factory.mktemp("capture") / "trace.parquet"
    with Session([str(write_parquet(path, [*rows[:1500], *OTHERS, *rows[1500:]]))]) as opened:
        yield opened


def answer(session: Session, name: str, options: Options) -> list[Row]:
    """What a report returns, as dictionaries."""
    answered = run(session, reports.find(name), options)
    names = [column.name for column in answered.result.columns]
    return [dict(zip(names, row, strict=True)) for row in answered.result.rows()]


def nearest_rank(values: list[int], share: float) -> int | None:
    """The percentile that is one of the values: the least that at least `share` of them do not exceed."""
    return sorted(values)[max(0, math.ceil(round(share * len(values), 9)) - 1)] if values else None


def process_name(rows: list[Row], key: tuple[str, ...], value: tuple[int, ...]) -> str:
    """The last name of the main thread, or else of any thread."""
    mine = [row for row in rows if tuple(row[name] for name in key) == value]
    main = [row for row in mine if row["tid"] == row["pid"]]
    return str(max(main or mine, key=lambda row: row["ts"])["comm"])


def groups(rows: list[Row], key: tuple[str, ...]) -> dict[tuple[Any, ...], list[Row]]:
    """The rows by their values of the key columns."""
    found = defaultdict(list)
    for row in rows:
        found[tuple(row[name] for name in key)].append(row)
    return found


def figures(rows: list[Row], whole: int) -> Row:
    """What summary says of a group; `whole` is the time of all calls, ns."""
    durations = [row["dur_ns"] for row in rows if row["dur_ns"] is not None]
    time = sum(durations)
    return {
        "calls": len(rows),
        "errors": sum(row["errno"] is not None for row in rows),
        "time_ns": time,
        "share": pytest.approx(time / whole),
        "mean_ns": time // len(durations) if durations else None,
        "p50_ns": nearest_rank(durations, 0.5),
        "p99_ns": nearest_rank(durations, 0.99),
        "max_ns": max(durations, default=None),
    }


def whole_time(rows: list[Row]) -> int:
    """The time of all calls, ns."""
    return sum(row["dur_ns"] or 0 for row in rows)


BY = {
    (): ("syscall",),
    ("syscall",): ("syscall",),
    ("process",): ("pid",),
    ("thread",): ("pid", "tid"),
    ("comm",): ("comm",),
    ("errno", "call"): ("syscall", "errno"),
    ("cgroup", "process"): ("pid", "cgroup"),
    ("uid",): ("uid",),
}


@pytest.mark.parametrize("by", BY, ids="-".join)
def test_summary_agrees_with_plain_python(session: Session, rows: list[Row], by: tuple[str, ...]) -> None:
    """Every group, every figure, by every kind of grouping; and none that is not there."""
    key = BY[by]
    expected = {value: figures(group, whole_time(rows)) for value, group in groups(rows, key).items()}
    got = answer(session, "summary", Options(by=by, limit=0))
    assert len(got) == len(expected)
    for row in got:
        value = tuple(row.pop(name) for name in key)
        if "pid" in key:
            names = tuple(name for name in key if name in ("pid", "tid"))
            ids = tuple(part for name, part in zip(key, value, strict=True) if name in names)
            assert row.pop("process") == process_name(rows, names, ids)
        assert row == expected[value]


@pytest.mark.parametrize("by", BY, ids="-".join)
def test_top_agrees_with_plain_python(session: Session, rows: list[Row], by: tuple[str, ...]) -> None:
    """The same figures as summary without percentiles."""
    expected = {value: figures(group, whole_time(rows)) for value, group in groups(rows, BY[by]).items()}
    got = answer(session, "top", Options(by=by, limit=0))
    assert len(got) == len(expected)
    for row in got:
        value = tuple(row.pop(name) for name in BY[by])
        row.pop("process", None)
        assert row == {name: expected[value][name] for name in row}


@pytest.mark.parametrize("by", BY, ids="-".join)
def test_latency_agrees_with_plain_python(session: Session, rows: list[Row], by: tuple[str, ...]) -> None:
    """Percentiles by nearest rank, and a histogram by powers of two, over the calls that have a duration."""
    timed = [row for row in rows if row["dur_ns"] is not None]
    expected = groups(timed, BY[by])
    got = answer(session, "latency", Options(by=by, limit=0))
    assert len(got) == len(expected)
    for row in got:
        durations = [one["dur_ns"] for one in expected[tuple(row[name] for name in BY[by])]]
        assert (row["calls"], row["time_ns"], row["max_ns"]) == (len(durations), sum(durations), max(durations))
        for name, share in {"p50_ns": 0.5, "p90_ns": 0.9, "p99_ns": 0.99, "p999_ns": 0.999}.items():
            assert row[name] == nearest_rank(durations, share), name
        counts: dict[int, int] = defaultdict(int)
        for duration in durations:
            counts[max(0, duration.bit_length() - 1)] += 1
        assert row["histogram"] == counts


@pytest.mark.parametrize(
    ("word", "column"), [("calls", "calls"), ("count", "calls"), ("time", "time_ns"), ("errors", "errors")]
)
def test_a_sort_key_sorts_from_the_greatest(session: Session, word: str, column: str) -> None:
    """By -S, or by a word of --by that is a figure and no group."""
    for options in (Options(sort=word), Options(by=(word,)), Options(by=("process", word))):
        values = [row[column] for row in answer(session, "top", options)]
        assert values == sorted(values, reverse=True)


def test_names_sort_from_a(session: Session) -> None:
    """A sort key that is a text sorts as a dictionary does."""
    names = [row["syscall"] for row in answer(session, "top", Options(sort="name"))]
    assert names == sorted(names)


def test_the_limit_cuts_and_the_totals_do_not_change(session: Session, rows: list[Row]) -> None:
    """The line of totals is of all groups, and so is their number."""
    answered = run(session, reports.find("top"), Options(limit=2), totals=True)
    assert len(list(answered.result.rows())) == 2
    assert answered.rows == 6
    assert answered.totals is not None
    assert answered.totals["calls"] == len(rows)
    assert answered.totals["time_ns"] == whole_time(rows)
    assert answered.totals["share"] == pytest.approx(1)


@pytest.mark.parametrize("name", sorted(reports.names()))
def test_the_header_is_what_the_query_returns(session: Session, name: str) -> None:
    """Each column of each report: name, type, order."""
    report = reports.find(name)
    assert check(session, report) == []
    assert all(column.help for column in report.columns)
    assert all(param.help for param in report.params)


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        (Options(by=("proces",)), "did you mean process?"),
        (Options(sort="cals"), "did you mean calls?"),
        (Options(by=("nonsense",)), "no such column"),
    ],
)
def test_a_wrong_word_is_named_with_the_nearest(session: Session, options: Options, hint: str) -> None:
    """A word that is neither group nor figure is refused, and the nearest one offered."""
    with pytest.raises(UsageError, match=hint.replace("?", r"\?")):
        run(session, reports.find("top"), options)


def test_the_printed_script_gives_the_same_answer(session: Session, tmp_path: Path) -> None:
    """What -d prints runs in a plain DuckDB and returns the report's rows."""
    import duckdb

    path = write_parquet(tmp_path / "x.parquet", make_rows(200, seed=3))
    with Session([str(path)]) as small:
        report, options = reports.find("latency"), Options(by=("process",))
        expected = list(run(small, report, options).result.rows())
        script = ";\n".join([*small.script, compile_query(small, report, options)])
    assert duckdb.connect().execute(script).fetchall() == expected


def own_report(text: str, folder: Path) -> reports.Report:
    """A user's own report."""
    path = folder / "own.sql"
    path.write_text(text)
    return reports.find(str(path))


def test_a_parameter_is_bound_with_its_type(session: Session, rows: list[Row], tmp_path: Path) -> None:
    """The query sees the value given, or the default; a value that is no such type is refused."""
    header = "-- Calls of a process.\n-- param who INTEGER 100 its pid\n"
    text = header + "SELECT count(*) AS n FROM selected WHERE pid = getvariable('who')"
    report = own_report(text, tmp_path)
    for given, pid in (({}, 100), ({"who": "101"}, 101)):
        assert list(run(session, report, Options(params=given)).result.rows()) == [
            (sum(row["pid"] == pid for row in rows),)
        ]
    with pytest.raises(UsageError, match="--who zero: not of type INTEGER"):
        run(session, report, Options(params={"who": "zero"}))


@pytest.mark.parametrize(
    "query", ["COPY (SELECT 1) TO 'x.csv'", "SELECT 1; SELECT 2", "WITH a AS (COPY (SELECT 1) TO 'x.csv') SELECT 1"]
)
def test_a_report_that_does_more_than_read_is_refused(session: Session, tmp_path: Path, query: str) -> None:
    """A user's own report has no more rights than a query."""
    with pytest.raises(ReportError):
        run(session, own_report(f"-- Evil.\n-- sort x\n-- column x INTEGER x\n{query}", tmp_path), Options())
    assert not Path("x.csv").exists()


def test_several_hosts_are_kept_apart(tmp_path: Path) -> None:
    """The same pid on two hosts is two processes."""
    one, two = make_rows(50, seed=1), make_rows(50, seed=2)
    paths = [write_parquet(tmp_path / f"{host}.parquet", part, host=host) for host, part in (("a", one), ("b", two))]
    with Session(map(str, paths)) as both:
        got = {(row["host"], row["pid"]): row["calls"] for row in answer(both, "top", Options(by=("process",)))}
    expected = {
        (host, *key): len(group)
        for host, part in (("a", one), ("b", two))
        for key, group in groups(part, ("pid",)).items()
    }
    assert got == expected
