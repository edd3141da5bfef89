"""The filter language against predicates in plain Python over the same rows; what is wrong is pointed at."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from analyze.errors import FilterError
from analyze.filter import calls, fields
from analyze.session import Session
from schemas.record import Abi
from schemas.syscalls import CLASSES, table
from tests.unit.analyze.captures import CALLS, START, make_rows, plain_row, write_parquet
from tests.unit.analyze.filter_cases import CASES, FILES, LINEAGE, NET, SECOND, STATE, Predicate, Row, process


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    """The calls."""
    return make_rows(1500, seed=7)


@pytest.fixture(scope="module")
def capture(rows: list[Row], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """A capture of them, with a little state."""
    path = tmp_path_factory.mktemp("capture") / "trace.parquet"
    known = {
        "users": '{"0": "root", "1000": "o\'hara"}',
        "start": "2026-09-21T14:13:20Z",
        "end": "2026-09-22T00:30:00Z",
    }
    with Session([str(write_parquet(path, [*STATE, *rows], **known))]) as session:
        named = {ts: names for ts, *names in session.fetch("SELECT epoch_ns(ts), file, peer FROM calls")}
        for row in rows:  # what the replay finds has tests of its own
            row["file"], row["peer"] = named[row["ts"]]
        yield session


def kept(session: Session, text: str) -> list[int]:
    """The times of the calls that a filter keeps."""
    where = session.compile(text).where
    return sorted(int(ts) for (ts,) in session.fetch(f"SELECT epoch_ns(ts) FROM calls WHERE {where}"))


def test_there_are_enough_cases() -> None:
    """At least 200, those of errors not counted."""
    assert len(CASES) >= 200


@pytest.mark.parametrize(("text", "predicate"), CASES, ids=[text for text, _ in CASES])
def test_a_filter_keeps_what_it_says(capture: Session, rows: list[Row], text: str, predicate: Predicate) -> None:
    """Exactly the calls that a plain Python predicate keeps."""
    assert kept(capture, text) == sorted(row["ts"] for row in rows if predicate(row))


@pytest.mark.parametrize(("text", "predicate"), LINEAGE, ids=[text for text, _ in LINEAGE])
def test_a_filter_on_a_process_keeps_its_calls(
    capture: Session, rows: list[Row], text: str, predicate: Callable[[int, list[Row]], object]
) -> None:
    """By parents, ancestors and programs, from the rows that tell of them."""
    assert kept(capture, text) == sorted(row["ts"] for row in rows if predicate(row["pid"], rows))


def test_several_filters_are_all_to_hold(capture: Session, rows: list[Row]) -> None:
    """As from -f twice, or -f and -p."""
    path = capture.sources[0].name
    with Session([path], filters=["proc.pid = 101", "evt.failed or proc.pid = 100"]) as session:
        expected = sum(row["pid"] == 101 and row["errno"] is not None for row in rows)
        assert session.fetch("SELECT count(*) FROM selected") == [(expected,)]


ERRORS: list[tuple[str, int, str]] = [
    ("", 0, "empty"),
    ("   ", 0, "empty"),
    ("proc.nam = x", 1, "no field is called proc.nam; did you mean proc.name?"),
    ("evt.failed and file.nmae = x", 16, "no field is called file.nmae; did you mean"),
    ("zzz", 1, "no field is called zzz; `analyze fields` lists them"),
    ("proc.name", 1, "proc.name needs an operator and a value; use ="),
    ("evt.latency contains 1", 1, "evt.latency has no `contains`; use ="),
    ("proc.name < x", 1, "proc.name has no `<`"),
    ("evt.time in (1, 2)", 1, "evt.time has no `in`"),
    ("evt.time exists", 1, "evt.time has no `exists`"),
    ("evt.failed > true", 1, "evt.failed has no `>`; use evt.failed alone"),
    ("evt.failed = maybe", 14, "maybe is neither true nor false"),
    ("evt.latency > 1parsec", 15, "1parsec is no duration; write 500us"),
    ("evt.latency > -1ms", 15, "-1ms is no duration"),
    ("evt.latency > ''", 15, "is no duration"),
    ("evt.latency between 1ms and x", 29, "x is no duration"),
    ("evt.latency > 9999999999h", 15, "out of range"),
    ("proc.pid = nginx", 12, "nginx is no whole number"),
    ("proc.pid = 1.5", 12, "1.5 is no whole number"),
    ("proc.pid in (1, two)", 17, "two is no whole number"),
    ("proc.pid = 99999999999999999999", 12, "out of range"),
    ("evt.arg0 = 0xfffffffffffffffff", 12, "out of range"),
    ("evt.time > yesterday", 12, "yesterday is no time; write 12:00:01"),
    ("evt.time > 25:00", 12, "25:00 is no time: hour must be"),
    ("evt.time > 2026-02-30T10:00", 12, "no time: day"),
    ("evt.type = opeant", 12, "no system call is called opeant; did you mean openat?"),
    ("evt.type in (read, wriet)", 20, "no system call is called wriet; did you mean write?"),
    ("evt.type in (%fiel)", 14, "no class is called %fiel; did you mean %file?"),
    ("%xyzzy", 1, "no class is called %xyzzy"),
    ("proc.name regex '('", 17, "no regular expression: missing )"),
    ("proc.name regex '[z-a]'", 17, "no regular expression"),
    ("proc.name =", 0, "ends too early; expected a value"),
    ("proc.name in (a", 0, "ends too early; expected a comma, )"),
    ("proc.name in (a b)", 17, "`b` does not fit here; expected a comma, )"),
    ("proc.name in ()", 15, "`)` does not fit here; expected a value"),
    ("proc.name in a", 14, "`a` does not fit here; expected ("),
    ("(evt.failed", 0, "ends too early; expected )"),
    ("evt.failed)", 11, "`)` does not fit here"),
    ("evt.failed evt.failed", 12, "`evt.failed` does not fit here; expected"),
    ("evt.failed and", 0, "ends too early; expected a field"),
    ("and evt.failed", 5, "`evt.failed` does not fit here; expected an operator"),
    ("not", 0, "ends too early"),
    ("= 3", 1, "does not fit here; expected a field"),
    ("proc.pid = = 3", 14, "`3` does not fit here; expected and, or"),
    ("proc.name = 'open", 13, "does not fit here; expected a value"),
    ("proc.pid like 3", 10, "`like` does not fit here; expected an operator"),
    ("evt.failed; DROP VIEW calls", 11, "`;` does not fit here"),
    ("(" * 200 + "evt.failed" + ")" * 200, 0, "nested too deeply"),
    ("not " * 200 + "evt.failed", 0, "nested too deeply"),
    ("proc.name = " + "x" * 20_000, 0, "characters long"),
]


@pytest.mark.parametrize(("text", "column", "words"), ERRORS, ids=[text[:40] for text, *_ in ERRORS])
def test_a_wrong_filter_is_pointed_at(capture: Session, text: str, column: int, words: str) -> None:
    """One clear line that names the column, the word, and what would fit; the word is underlined below it."""
    with pytest.raises(FilterError) as caught:
        capture.compile(text)
    first, *rest = str(caught.value).splitlines()
    assert words in first
    if column:
        assert f"column {column}:" in first
        shown, marks = rest
        assert marks.strip("^ ") == ""
        start = marks.index("^")
        assert shown[start : start + marks.count("^")] in text


def test_a_long_filter_shows_the_part_that_is_wrong(capture: Session) -> None:
    """The line stays short, and the mark stands under the word."""
    text = " or ".join(["proc.name = nginx"] * 30 + ["proc.nmae = x"] + ["proc.name = nginx"] * 30)
    with pytest.raises(FilterError) as caught:
        capture.compile(text)
    _, shown, marks = str(caught.value).splitlines()
    assert len(shown) <= 80
    assert shown[marks.index("^") :][: marks.count("^")] == "proc.nmae"


def test_every_field_can_be_asked(capture: Session) -> None:
    """The expression of each line of fields.csv is one that DuckDB takes."""
    examples = {"text": "= 'x'", "int": "= 3", "duration": "> 1ms", "time": "> 1", "flag": ""}
    for field in fields().values():
        example = "= read" if field.name == "evt.type" else examples[field.type]
        kept(capture, f"{field.name} {example}")
        assert field.meaning
        assert field.name == field.name.lower()


def test_names_and_classes_of_calls_are_those_of_the_tables() -> None:
    """What the filter reads straight from the tables is what schemas.syscalls says."""
    tables = [table(abi) for abi in (Abi.X86_64, Abi.I386, Abi.X32, Abi.AARCH64)]
    assert calls.names_by_class()[""] == {name for one in tables for name in one.names}
    for tag in CLASSES:
        assert calls.members(f"%{tag}") == {one.by_number[nr].name for one in tables for nr in one.by_class(tag)}


def test_no_text_reaches_sql_unbound(capture: Session) -> None:
    """Whatever the value, the SQL is the same."""
    texts = ["proc.name = '{}' and fd.name contains \"{}\" and evt.type regex '{}' and fs.path.name in ('{}', x)"] * 3
    values = ["x", "'; DROP VIEW calls; --", "$1 getvariable {} %s"]
    written = set()
    for text, value in zip(texts, values, strict=True):
        where = capture.compile(text.replace("{}", value.replace("'", r"\'"))).where
        written.add(re.sub(r"f\d+_", "f_", where))
    assert len(written) == 1


def test_the_same_pid_on_another_host_is_another_process(tmp_path: Path) -> None:
    """Ancestors are looked for on the host of the call."""
    state = [process(100, 50, "nginx"), process(50, 1, "parent")]
    paths = [
        write_parquet(tmp_path / "a.parquet", [*state, plain_row(pid=100, tid=100)], host="a", users='{"0": "root"}'),
        write_parquet(tmp_path / "b.parquet", [plain_row(pid=100, tid=100)], host="b", users='{"0": "admin"}'),
    ]
    for text in ("proc.aname = parent", "user.name = root", "proc.aname = parent and user.name != admin"):
        with Session(map(str, paths), filters=[text]) as session:
            assert session.fetch("SELECT DISTINCT host FROM selected") == [("a",)]


@pytest.fixture
def lossy(tmp_path: Path) -> Iterator[str]:
    """A capture that lost calls: 5 of read in the first second on CPU 0, 3 unknown in the tenth on CPU 1."""
    losses = [
        plain_row(kind="loss", syscall="read", weight=5, ts=START, dur_ns=SECOND, cpu=0, arg0=0),
        plain_row(kind="loss", syscall=None, weight=3, ts=START + 10 * SECOND, dur_ns=SECOND, cpu=1, arg0=3),
    ]
    yield str(
        write_parquet(
            tmp_path / "x.parquet",
            [*make_rows(20), *losses],
            counters=None,
            start="2026-09-21T14:13:20Z",
            end="2026-09-21T14:14:20Z",
        )
    )


@pytest.mark.parametrize(
    ("text", "lost"),
    [
        ("evt.type = read", 8),
        ("evt.type = write", 3),
        ("not evt.type = read", 3),
        ("evt.type in (read, write) and evt.time < 5", 5),
        ("evt.time between 0.5 and 0.6", 5),
        ("evt.time > 2 and evt.time < 9", 0),
        ("evt.time > 10.5", 3),
        ("evt.cpu = 1", 3),
        ("not (evt.cpu = 1 or evt.type = write)", 5),
        ("proc.name = nginx", 8),
        ("proc.name = nginx and evt.cpu = 0", 5),
        ("not proc.name = nginx", 8),
        ("proc.name = nginx or evt.type = write", 8),
        ("evt.host = other", 0),
        ("evt.failed and %net", 3),
    ],
)
def test_losses_are_counted_where_they_may_matter(lossy: str, text: str, lost: int) -> None:
    """What was lost counts unless the filter excludes it by call, CPU, time or host."""
    with Session([lossy], filters=[text]) as session:
        where = session.filters[0].losses
        assert session.fetch(f"SELECT coalesce(sum(calls), 0) FROM losses WHERE {where}") == [(lost,)]


def test_the_call_names_of_the_cases_are_known() -> None:
    """The generator's calls and the classes that the cases assume."""
    assert all(calls.is_known(name) for name in CALLS)
    assert {name for name in CALLS if name in (calls.members("%file") or ())} == FILES
    assert {name for name in CALLS if name in (calls.members("%net") or ())} == NET
