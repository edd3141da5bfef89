"""A query can only read: whatever else is tried is refused, and nothing on the machine changes."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from analyze.api import open_capture
from analyze.errors import QueryError, ReportError
from analyze.session import Session
from tests.unit.analyze.captures import make_rows, write_parquet


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    """A capture, alone in its folder."""
    return write_parquet(tmp_path / "trace.parquet", make_rows(20))


@pytest.fixture
def session(capture: Path) -> Iterator[Session]:
    """A session over it."""
    with Session([str(capture)]) as opened:
        yield opened


HIDDEN = "WITH a AS (COPY (SELECT 1) TO ''{path}'' (use_tmp_file false)) SELECT 1"
WRITES = [
    "COPY (SELECT 1) TO '{path}' (use_tmp_file false)",
    "EXPLAIN ANALYZE COPY (SELECT 1) TO '{path}' (use_tmp_file false)",
    "EXPLAIN COPY (SELECT 1) TO '{path}'",
    "WITH a AS (COPY (SELECT 1) TO '{path}' (use_tmp_file false)) SELECT 1",
    "EXPLAIN ANALYZE WITH a AS (COPY (SELECT 1) TO '{path}' (use_tmp_file false)) SELECT 1",
    "SELECT 1; WITH a AS (COPY (SELECT 1) TO '{path}' (use_tmp_file false)) SELECT 1",
    "SELECT * FROM query('COPY (SELECT 1) TO ''{path}'' (use_tmp_file false)')",
    "SELECT * FROM query('WITH a AS (COPY (SELECT 1) TO ''{path}'' (use_tmp_file false)) SELECT 1')",
    f"FROM json_execute_serialized_sql(json_serialize_sql('{HIDDEN}'))",
    "FROM query('FROM json_exe' || 'cute_serialized_sql(json_serialize_sql(''WITH a AS (COPY (SELECT 1) TO "
    "''''{path}'''' (use_tmp_file false)) SELECT 1''))')",
    "EXPLAIN ANALYZE FROM json_execute_serialized_sql(json_serialize_sql('SELECT 1'))",
    "FROM enable_logging(storage => 'file', storage_path => '{path}.log')",
    "EXPORT DATABASE '{path}.folder' (FORMAT parquet)",
    "UPDATE EXTENSIONS",
    "CREATE TABLE t AS SELECT 1",
    "CREATE OR REPLACE TEMP VIEW calls AS SELECT 1",
    "DROP VIEW calls",
    "ATTACH '{path}.db'",
    "SET lock_configuration = false",
    "RESET enable_external_access",
    "PRAGMA enable_profiling",
    "INSTALL httpfs",
    "LOAD httpfs",
    "PREPARE p AS SELECT 1",
    "CALL pragma_version()",
    "VACUUM",
    "CHECKPOINT",
    "BEGIN",
]


@pytest.mark.parametrize("text", WRITES)
def test_a_statement_that_does_more_than_read_is_refused(session: Session, capture: Path, text: str) -> None:
    """Refused with an error, the capture as it was, and no file beside it."""
    before = capture.read_bytes()
    with pytest.raises(QueryError):
        list(session.query(text.format(path=capture)).rows())
    assert capture.read_bytes() == before
    assert list(capture.parent.iterdir()) == [capture]


@pytest.mark.parametrize("number", [0, 3, 6])
def test_a_report_of_ones_own_cannot_write_either(capture: Path, tmp_path: Path, number: int) -> None:
    """Its file may come from anybody."""
    texts = [text for text in WRITES if "use_tmp_file" in text]
    folder = tmp_path / "reports"
    folder.mkdir()
    (folder / "evil.sql").write_text("-- Evil.\n-- column x INTEGER\n" + texts[number].format(path=capture))
    before = capture.read_bytes()
    with open_capture(capture) as opened, pytest.raises((ReportError, QueryError)):
        list(opened.report(str(folder / "evil.sql")).rows())
    assert capture.read_bytes() == before


def test_the_spill_folder_cannot_be_written(session: Session) -> None:
    """DuckDB may write there, a query may not."""
    ((folder,),) = session.fetch("SELECT current_setting('temp_directory')")
    assert Path(folder).stat().st_mode & 0o777 == 0o700
    for text in WRITES:
        with pytest.raises(QueryError):
            list(session.query(text.format(path=f"{folder}/x")).rows())
    assert list(Path(folder).iterdir()) == []
    session.close()
    assert not Path(folder).exists()


READS = [
    "SELECT * FROM read_text('{other}')",
    "SELECT * FROM '{other}'",
    "FROM read_csv('{other}')",
    "SELECT * FROM glob('{folder}/*')",
    "SELECT * FROM read_blob('/proc/self/environ')",
]


@pytest.mark.parametrize("text", READS)
def test_other_files_cannot_be_read(session: Session, capture: Path, tmp_path: Path, text: str) -> None:
    """A query sees the captures and nothing else of the machine."""
    other = tmp_path / "secret.csv"
    other.write_text("a\n1\n")
    with pytest.raises(QueryError):
        list(session.query(text.format(other=other, folder=tmp_path)).rows())


def test_python_variables_are_no_tables(session: Session) -> None:
    """DuckDB's habit of reading the caller's variables is off."""
    import pandas

    secret = pandas.DataFrame({"a": [1]})
    assert len(secret) == 1
    with pytest.raises(QueryError, match="secret"):
        session.query("SELECT * FROM secret")


@pytest.mark.parametrize(
    "text",
    [
        "SELECT count(*) FROM calls",
        "select count(*) from calls;",
        "FROM calls LIMIT 1",
        "WITH a AS (SELECT 1 AS x) SELECT x FROM a -- done",
        "VALUES (1)",
        "DESCRIBE calls",
        "SHOW TABLES",
        "SUMMARIZE calls",
        "EXPLAIN SELECT 1",
        "explain analyze select 1",
        "SELECT 1; SELECT 2",
        "PIVOT calls ON syscall IN ('read', 'write') USING count(*) GROUP BY pid",
    ],
)
def test_what_reads_runs(session: Session, text: str) -> None:
    """Every form of query, with or without its semicolon."""
    assert list(session.query(text).rows())


def test_an_error_points_into_the_text(session: Session) -> None:
    """The line is counted in what the user wrote, whatever was put around it."""
    with pytest.raises(QueryError, match=r"(?s)nonsense.*LINE 2:  nonsense\n +\^"):
        session.query("SELECT 1,\n nonsense\nFROM calls")


@pytest.mark.parametrize("text", ["", " ; ", "-- only a comment"])
def test_an_empty_text_is_refused(session: Session, text: str) -> None:
    """With an example of what to write."""
    with pytest.raises(QueryError, match="empty"):
        session.query(text)


def test_unsafe_lets_everything_run(capture: Path, tmp_path: Path) -> None:
    """Only on demand, and then with the locks off."""
    with Session([str(capture)], unsafe=True) as session:
        list(session.query(f"COPY (SELECT 1 AS a) TO '{tmp_path}/out.csv'").rows())
        assert list(session.query(f"SELECT a FROM '{tmp_path}/out.csv'").rows()) == [(1,)]
