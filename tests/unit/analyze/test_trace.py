"""From names to captures: what is found, what is refused, and with which words."""

import os
import zlib
from collections.abc import Callable
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from analyze.errors import CaptureFileError
from analyze.events import COLUMNS
from analyze.metadata import PREFIX, Metadata
from analyze.session import Session
from analyze.trace import State, find
from schemas import journal as journals
from schemas.arrow import EVENTS, Key
from schemas.version import SCHEMA_VERSION
from tests.unit.analyze.captures import make_rows, metadata_of, table_of, write_parquet, write_stream, write_table


def count(*names: Path | str) -> int:
    """Calls in the captures that these names lead to."""
    with Session(map(str, names)) as session:
        return int(session.fetch("SELECT count(*) FROM calls")[0][0])


def test_a_file_a_glob_and_a_folder_lead_to_the_same(tmp_path: Path) -> None:
    """Each capture once, by name, whatever names it; journals and other files are none."""
    for name in ("b.parquet", "a.parquet", "c.arrows", "a.parquet.journal", "notes.txt"):
        (tmp_path / name).touch()
    wanted = [str(tmp_path / name) for name in ("a.parquet", "b.parquet", "c.arrows")]
    assert find([str(tmp_path)]) == wanted
    assert find([str(tmp_path / "*.parquet"), wanted[2], wanted[0]]) == wanted
    assert find([wanted[1], wanted[0]]) == [wanted[1], wanted[0]]


def test_a_name_with_a_pattern_in_it_is_a_file_first(tmp_path: Path) -> None:
    """A file called x[1].parquet is that file, though it looks like a pattern."""
    path = write_parquet(tmp_path / "x[1]'s.parquet", make_rows(3))
    assert count(path) == 3


@pytest.mark.parametrize(
    ("rows", "form"), [(0, write_parquet), (1200, write_parquet), (0, write_stream), (1200, write_stream)]
)
def test_every_form_holds_the_same_rows(tmp_path: Path, rows: int, form: Callable[..., Path]) -> None:
    """Parquet and Arrow stream, with the file's name and its host beside each row."""
    path = form(tmp_path / "x", make_rows(rows), host="o'hara")
    with Session([str(path)]) as session:
        assert session.fetch("SELECT count(*) FROM calls") == [(rows,)]
        assert session.sources[0].finished
        assert session.sources[0].metadata.counters.written == rows
        assert session.hosts == ["o'hara"]
        if rows:
            assert session.fetch("SELECT DISTINCT file, host FROM events") == [(str(path), "o'hara")]


def test_files_of_several_forms_are_one_trace(tmp_path: Path) -> None:
    """Their rows add up."""
    paths = [write_parquet(tmp_path / "a.parquet", make_rows(30)), write_stream(tmp_path / "b.arrows", make_rows(40))]
    paths.append(write_parquet(tmp_path / "c.parquet", make_rows(50), host="other"))
    assert count(*paths) == 120
    assert count(tmp_path) == 120


def test_a_stream_that_was_cut_keeps_its_whole_batches(tmp_path: Path) -> None:
    """The collector died in the middle of a batch: what came before counts, and the capture is unfinished."""
    path = tmp_path / "x.arrows"
    table = table_of(make_rows(300)).replace_schema_metadata(metadata_of([], counters=None))
    with pa.OSFile(str(path), "wb") as out, pa.ipc.new_stream(out, table.schema) as stream:
        for start in (0, 100, 200):
            stream.write_table(table.slice(start, 100))
    os.truncate(path, path.stat().st_size - 3000)
    with Session([str(path)]) as session:
        assert session.fetch("SELECT count(*) FROM calls") == [(200,)]
        assert session.sources[0].state is State.CUT


def test_a_capture_without_an_end_is_read_with_its_journal(tmp_path: Path) -> None:
    """Row groups from the file, later rows from the journal."""
    path, rows = tmp_path / "x.parquet", make_rows(250)
    whole, tail = table_of(rows[:200]), table_of(rows[200:]).combine_chunks().to_batches()[0]
    schema = EVENTS.with_metadata(metadata_of(rows, counters=None))
    pq.write_table(whole, path)
    text = path.read_bytes()
    length = int.from_bytes(text[-8:-4], "little")
    body, footer = text[: -8 - length], text[-8 - length : -8]
    path.write_bytes(body)
    group = journals.Group.of(4, len(body), 200, zlib.crc32(body[4:]), footer)
    records = [
        (journals.HEAD, bytes(schema.serialize())),
        (journals.GROUP, group.pack()),
        (journals.TAIL, journals.pack_tail(tail)),
    ]
    journals.journal_path(path).write_bytes(journals.MAGIC + b"".join(journals.pack(*record) for record in records))
    with Session([str(path)]) as session:
        assert session.fetch("SELECT count(*), sum(dur_ns) FROM calls") == [
            (250, sum(row["dur_ns"] or 0 for row in rows))
        ]
        assert session.hosts == ["box"]
        assert session.sources[0].state is State.CUT


def test_a_capture_that_died_before_its_first_record_is_empty(tmp_path: Path) -> None:
    """No error: there is nothing in it."""
    path = tmp_path / "x.parquet"
    path.write_bytes(b"")
    journals.journal_path(path).write_bytes(b"")
    assert count(path) == 0


def spoiled(folder: Path, kind: str) -> Path:
    """A file that is no capture, of a certain kind."""
    path = folder / "x.parquet"
    if kind == "empty":
        path.touch()
    elif kind == "text":
        path.write_text("not a capture, but long enough to be one\n" * 20)
    elif kind == "another":
        pq.write_table(pa.table({"a": [1]}), path)
    elif kind == "cut":
        text = write_parquet(path, make_rows(100)).read_bytes()
        path.write_bytes(text[: len(text) // 2])
    elif kind == "damaged":
        text = write_parquet(path, make_rows(100)).read_bytes()
        footer = int.from_bytes(text[-8:-4], "little")
        path.write_bytes(text[: -8 - footer] + bytes(footer) + text[-8:])
    elif kind == "newer":
        write_table(path, table_of([]), metadata_of([], schema_version="9.0"))
    elif kind == "stream":
        path.write_bytes(b"\xff\xff\xff\xff\x10\x00\x00\x00nonsense")
    elif kind == "folder":
        path.mkdir()
    return path


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("empty", "empty, so no capture"),
        ("text", "neither Parquet nor an Arrow stream"),
        ("another", "not a capture"),
        ("cut", "cut short"),
        ("damaged", "damaged"),
        ("newer", rf"schema 9\.0, this analyze reads {SCHEMA_VERSION}; a newer systape"),
        ("stream", "no readable Arrow stream"),
        ("folder", "no capture in this folder"),
        ("missing", "no such file"),
    ],
)
def test_what_is_no_capture_is_refused_in_one_line(tmp_path: Path, kind: str, words: str) -> None:
    """The line says which file, and what is wrong with it."""
    path = spoiled(tmp_path, kind)
    with pytest.raises(CaptureFileError, match=words) as caught:
        Session([str(path)])
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_no_name_at_all_is_refused() -> None:
    """With an example."""
    with pytest.raises(CaptureFileError, match="no capture given"):
        Session([])


def test_an_older_capture_lacks_columns_as_null(tmp_path: Path) -> None:
    """A file of an earlier minor version is read, and so is one beside it that has all columns."""
    older = table_of(make_rows(10)).drop_columns(["runq_ns", "cgroup", "ts"])
    path = write_table(tmp_path / "old.parquet", older, metadata_of([]))
    with Session([str(path)]) as session:
        assert session.fetch("SELECT count(*), count(runq_ns), count(cgroup) FROM calls") == [(10, 0, 0)]
        kinds = {column.name: column.type for column in session.describe("SELECT * FROM calls")}
        assert (kinds["ts"], kinds["runq_ns"], kinds["cgroup"]) == ("TIMESTAMP_NS", "BIGINT", "VARCHAR")
    assert count(path, write_parquet(tmp_path / "new.parquet", make_rows(5))) == 15


def test_a_newer_capture_may_have_more_columns(tmp_path: Path) -> None:
    """Columns that are not known do no harm."""
    table = table_of(make_rows(5)).append_column("novel", pa.array(range(5)))
    major = SCHEMA_VERSION.partition(".")[0]
    assert count(write_table(tmp_path / "x.parquet", table, metadata_of([], schema_version=f"{major}.99"))) == 5


def test_names_said_again_equal_the_contract() -> None:
    """What analyze repeats to start quickly is what schemas.arrow says."""
    kinds = [field.type.value_type if pa.types.is_dictionary(field.type) else field.type for field in EVENTS]
    empty = pa.table([pa.array([], kind) for kind in kinds], names=EVENTS.names)
    described = duckdb.from_arrow(empty)
    assert list(zip(described.columns, map(str, described.types), strict=True)) == list(COLUMNS.items())
    assert all(key.startswith(PREFIX) for key in Key)
    known = Metadata({key.removeprefix(PREFIX): "{}" for key in Key})
    assert known.schema_version is not None
    assert known.host
    assert known.finished
    assert known.users == {}
