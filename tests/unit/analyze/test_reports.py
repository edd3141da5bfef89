"""Reports are found by name, in the user's folder and by path; their headers are read strictly."""

from pathlib import Path

import pytest

from analyze import reports
from analyze.errors import ReportError, UsageError
from analyze.reports.header import LIMIT, parse

WHOLE = """\
-- Calls by process.
-- More about it.
--
-- The next words do not name a column: column widths, param and total, sort of.
-- param  by VARCHAR[] process  groups
-- param  limit INTEGER 5  rows
-- param  least BIGINT 1000  ns
-- column calls BIGINT  how many
-- column shape MAP(TINYINT,UBIGINT)  by power of two
-- total  calls
-- sort   calls
-- and still the header
SELECT 1
"""


def read(text: str) -> reports.Report:
    """A report's file, parsed."""
    return parse("x", Path("x.sql"), text)


def test_a_header_says_everything() -> None:
    """Title, text, parameters, columns, totals and order."""
    report = read(WHOLE)
    assert report.title == "Calls by process"
    assert report.text.startswith("More about it.\n\nThe next words")
    assert report.text.endswith("and still the header")
    assert (report.by, report.limit, report.sort, report.totals) == ("process", 5, ("calls",), ("calls",))
    assert [(param.name, param.type, param.default, param.help) for param in report.options] == [
        ("least", "BIGINT", "1000", "ns")
    ]
    assert [(column.name, column.type) for column in report.columns] == [
        ("calls", "BIGINT"),
        ("shape", "MAP(TINYINT,UBIGINT)"),
    ]
    assert report.query == "SELECT 1"


def test_a_plain_query_is_a_report() -> None:
    """A title and a query are enough."""
    report = read("-- Anything.\nSELECT 1")
    assert (report.by, report.limit, report.sort, report.options) == (None, LIMIT, (), ())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("SELECT 1", "x.sql:1: a report begins with a comment"),
        ("-- param x INTEGER 1\nSELECT 1", "x.sql:1"),
        ("-- Title.\n", "no query"),
        ("-- Title.\n-- param x INTEGER\nSELECT 1", "x.sql:2: cannot read"),
        ("-- Title.\n-- column x\nSELECT 1", None),
        ("-- Title.\n-- column  x\nSELECT 1", "x.sql:2: cannot read"),
        ("-- Title.\n-- total x\nSELECT 1", "names x"),
        ("-- Title.\n-- param by VARCHAR[] syscall groups\nSELECT 1", "needs `-- sort NAME`"),
        ("-- Title.\n-- param limit INTEGER many rows\nSELECT 1", "not a number"),
    ],
)
def test_a_wrong_header_is_refused_with_its_line(text: str, words: str | None) -> None:
    """What cannot be read as part of the header, and names that do not fit; prose is let through."""
    if words is None:
        read(text)
        return
    with pytest.raises(ReportError, match=words):
        read(text)


def test_the_users_own_reports_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By name from the folder, by path from anywhere; a built-in one keeps its name."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    folder = tmp_path / "systape" / "reports"
    folder.mkdir(parents=True)
    (folder / "mine.sql").write_text("-- Mine.\nSELECT 1")
    (folder / "top.sql").write_text("-- Not the real one.\nSELECT 1")
    assert reports.find("mine").title == "Mine"
    assert reports.find(str(folder / "top.sql")).title == "Not the real one"
    assert reports.find("top").title != "Not the real one"
    assert "mine" in reports.names()


def test_a_name_that_is_none_is_refused_with_the_nearest(tmp_path: Path) -> None:
    """Or with the list of all; a path that leads nowhere is a report that cannot be read."""
    with pytest.raises(UsageError, match=r"did you mean summary\?"):
        reports.find("sumary")
    with pytest.raises(UsageError, match=r"there are: .*summary"):
        reports.find("xyzzy")
    with pytest.raises(ReportError, match="No such file"):
        reports.find(str(tmp_path / "none.sql"))
    (tmp_path / "binary.sql").write_bytes(b"\xff\xfe")
    with pytest.raises(ReportError, match="UTF-8"):
        reports.find(str(tmp_path / "binary.sql"))
