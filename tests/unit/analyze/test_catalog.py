"""Views are there when a statement names them, and not before."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from analyze.catalog import Catalog
from analyze.session import Session
from tests.unit.analyze.captures import make_rows, write_parquet


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    """A capture, nothing asked yet."""
    with Session([str(write_parquet(tmp_path / "x.parquet", make_rows(30)))]) as opened:
        yield opened


def test_a_definition_runs_once_and_when_it_is_named() -> None:
    """In FROM, JOIN, a list of tables, as a macro; not as a column, in a comment or in part of a word."""
    made: list[str] = []
    catalog = Catalog()
    for name in ("VIEW a", "VIEW b", "VIEW c", "MACRO d(x)", "VIEW e"):
        catalog.add(f"CREATE TEMP {name} AS SELECT 1", made.append)
    catalog.need("SELECT a, count(*) AS b FROM elsewhere -- FROM c\nWHERE d > 3")
    catalog.need("SELECT 1 FROM abc JOIN bcd ON true")
    assert made == []
    catalog.need('SELECT D (x) FROM A join "b", c')
    assert [text.split()[3][0] for text in made] == ["d", "a", "b", "c"] or len(made) == 4
    catalog.need("FROM a")
    assert len(made) == 4
    assert catalog.need_all()
    assert not catalog.need_all()
    assert len(made) == 5


@pytest.mark.parametrize(
    "text",
    [
        "FROM ancestors",
        "SELECT count(*) FROM (calls JOIN users ON users.uid = calls.uid)",
        "WITH x AS (FROM files) SELECT * FROM x",
        "SELECT (SELECT count(*) FROM losses)",
        "DESCRIBE fds",
        "SUMMARIZE peers",
        "SELECT low_int(5)",
        "FROM query_table('process_names')",
    ],
)
def test_every_view_can_be_asked_first(session: Session, text: str) -> None:
    """Also where nobody would look for its name."""
    list(session.query(text).rows())


def test_asking_what_there_is_shows_all(session: Session) -> None:
    """SHOW TABLES lists views that nothing has named yet."""
    names = {row[0] for row in session.query("SHOW TABLES").rows()}
    assert {"events", "calls", "selected", "losses", "users", "ancestors", "files", "peers"} <= names


def test_selected_has_the_names_that_are_asked_for(session: Session) -> None:
    """`file` and `peer` are there for a query, and come back after a report that did without."""
    session.narrow(named=False)
    assert "file" not in {column.name for column in session.describe("SELECT * FROM selected")}
    session.narrow(named=True)
    assert {"file", "peer"} <= {column.name for column in session.describe("SELECT * FROM selected")}


def test_a_report_that_needs_no_names_does_not_load_pyarrow(tmp_path: Path) -> None:
    """What makes `file` and `peer` takes longer to load than most reports to run."""
    path = write_parquet(tmp_path / "x.parquet", make_rows(30))
    script = (
        "import sys; from analyze import cli; sys.argv = ['analyze', sys.argv[1], sys.argv[2], '-f', 'evt.failed']\n"
        "cli.run()\n"
        "print([name for name in ('pyarrow', 'numpy', 'rich') if name in sys.modules])"
    )
    for report in ("summary", "top", "latency", "errors", "timeline", "blocked"):
        ran = subprocess.run(
            [sys.executable, "-c", script, report, str(path)], capture_output=True, text=True, check=True
        )
        assert ran.stdout.splitlines()[-1] == "[]", report
