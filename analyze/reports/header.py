"""A report is one .sql file: a header of comments that describes it, and one query that reads the view `selected`.

    -- Title, one line: it stands in --help.
    -- Any number of further lines say more.
    -- param  NAME TYPE DEFAULT  meaning      becomes the option --NAME; the query reads getvariable('NAME')
    -- column NAME TYPE  meaning              each column that the query returns, in order
    -- total  NAME NAME ...                   columns that have a line of totals in a table
    -- sort   NAME NAME ...                   the order, unless -S says otherwise: numbers from the greatest; equal ones
                                              by the other columns

TYPE is DuckDB's, without blanks, or DURATION, which takes 100ms and is a BIGINT of ns. Two parameters have a meaning of
their own: `limit`, the rows shown unless -n says otherwise (20 without it; 0 means all), and `by`, of type VARCHAR[],
the columns of `selected` to group by. The query takes them as `columns(lambda c: c IN getvariable('by'))`; they come
before the columns that the header names.

A query with the words 'span_start' and 'span_end' can read these variables: when the captures began and ended, ns; one
with getvariable('rows') how many rows, in the order of its `sort`, are wanted (NULL: all), for what is costly. It
has no LIMIT, and an ORDER BY only if there is no `sort`: -n and -S put another query around it. A report with `by` has
a `sort`.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from analyze.errors import ReportError

TYPE = r"(?P<type>[A-Z_0-9]+(?:\([^)]*\))?(?:\[\])?)"
PARAM = re.compile(rf"param +(?P<name>\w+) +{TYPE} +(?P<default>\S+) *(?P<help>.*)")
COLUMN = re.compile(rf"column +(?P<name>\w+) +{TYPE} *(?P<help>.*)")
TOTAL = re.compile(r"total +(?P<names>.+)")
SORT = re.compile(r"sort +(?P<names>\w+( +\w+)*)")
KEYWORD = re.compile(r"(param|column|total|sort)\b")
LOOKS_LIKE = re.compile(r"(param|column) +\w+ +[A-Z]|(param|column|total|sort)  ")
DURATION = "DURATION"
LIMIT = 20


@dataclass(frozen=True)
class Param:
    """A value that the query reads with `getvariable`."""

    name: str
    type: str
    default: str
    help: str


@dataclass(frozen=True)
class Field:
    """A column that the query returns."""

    name: str
    type: str
    help: str


@dataclass(frozen=True)
class Report:
    """A report's file, parsed."""

    name: str
    path: Path
    title: str
    text: str
    """What the header says after the title."""
    params: tuple[Param, ...]
    columns: tuple[Field, ...]
    totals: tuple[str, ...]
    sort: tuple[str, ...]
    query: str

    @property
    def by(self) -> str | None:
        """The default grouping; None if the report has none to choose."""
        return next((param.default for param in self.params if param.name == "by"), None)

    @property
    def limit(self) -> int:
        """Rows shown by default; 0 for all."""
        return next((int(param.default) for param in self.params if param.name == "limit"), LIMIT)

    @property
    def options(self) -> tuple[Param, ...]:
        """The parameters without a meaning of their own."""
        return tuple(param for param in self.params if param.name not in ("by", "limit"))


def parse(name: str, path: Path, source: str) -> Report:
    """A report's file. Raises ReportError, with the number of the line that is wrong."""
    lines = source.splitlines()
    count = next((index for index, line in enumerate(lines) if not line.startswith("--")), len(lines))
    header = [line[2:].strip() for line in lines[:count]]
    query = "\n".join(lines[count:]).strip()
    if not header or not header[0] or KEYWORD.match(header[0]):
        raise ReportError(f"{path}:1: a report begins with a comment that says what it is: -- Calls by process.")
    if not query:
        raise ReportError(f"{path}: no query after the header")
    prose: list[str] = []
    params: list[Param] = []
    columns: list[Field] = []
    totals: list[str] = []
    sort: tuple[str, ...] = ()
    for number, line in enumerate(header[1:], 2):
        if found := PARAM.fullmatch(line):
            params.append(Param(**found.groupdict()))
        elif found := COLUMN.fullmatch(line):
            columns.append(Field(**found.groupdict()))
        elif found := TOTAL.fullmatch(line):
            totals += found["names"].split()
        elif found := SORT.fullmatch(line):
            sort = tuple(found["names"].split())
        elif LOOKS_LIKE.match(line):
            raise ReportError(f"{path}:{number}: cannot read `-- {line}`; see analyze/reports/header.py for the form")
        else:
            prose.append(line)
    title = header[0].rstrip(".")
    text = "\n".join(prose).strip()
    report = Report(name, path, title, text, tuple(params), tuple(columns), tuple(totals), sort, query)
    _check_names(report)
    return report


def _check_names(report: Report) -> None:
    known = {column.name for column in report.columns}
    for wrong in {*report.totals, *report.sort} - known:
        raise ReportError(f"{report.path}: the header names {wrong} for totals or sort, which is no column of it")
    if report.by and not report.sort:
        raise ReportError(f"{report.path}: a report with `by` needs `-- sort NAME`")
    for param in report.params:
        if param.name == "limit" and not param.default.isdigit():
            raise ReportError(f"{report.path}: the default of `limit` is {param.default}, not a number")
