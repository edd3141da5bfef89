"""Runs a report: binds its parameters, puts the query that sorts and limits around its own, and adds up its totals."""

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from analyze.errors import QueryError, ReportError, UsageError
from analyze.reports.header import DURATION, Report
from analyze.result import Column, Result
from analyze.session import NAMED, Session
from analyze.sqltext import identifier
from analyze.statements import bare, is_select, split

GROUPS = {
    "call": ("syscall",),
    "process": ("pid",),
    "thread": ("pid", "tid"),
    "command": ("comm",),
    "program": ("comm",),
    "error": ("errno",),
    "user": ("uid",),
}
"""Words for `--by` beside the columns of `selected`."""

SORTS = {"count": "calls", "time": "time_ns", "total": "time_ns", "name": "syscall"}
"""Words for `-S` beside the columns of the report, as strace has them."""

BUILT_IN = Path(__file__).parent

ROWS = "getvariable('rows')"
"""In a query: how many rows of the report's own order are wanted, NULL for all."""

SELECTED = re.compile(r"\b(selected|numbered)\b")

SPAN = "span_start"
"""A query with this word may read when the captures began and ended, ns: getvariable('span_start') and 'span_end'."""

PROCESS_NAMES = """\
SELECT {keys}, coalesce(max_by(comm, main), max_by(comm, latest)) AS process
FROM (
    SELECT {keys}, comm, max(ts) AS latest, max(CASE WHEN tid = pid THEN ts END) AS main
    FROM selected
    GROUP BY ALL
)
GROUP BY ALL"""
"""A process is called what its main thread was called last, or else any of its threads; a thread likewise."""


@dataclass(frozen=True)
class Options:
    """What the user asked of a report beside the report itself."""

    by: tuple[str, ...] = ()
    sort: str | None = None
    limit: int | None = None
    """Rows at most; 0 for all, None for the report's own limit."""
    params: Mapping[str, str] | None = None


@dataclass(frozen=True)
class Answer:
    """What a report returned: some of its rows, how many there are in all (None: not counted), and its totals."""

    result: Result
    rows: int | None = None
    totals: Mapping[str, object] | None = None


def run(session: Session, report: Report, options: Options, *, limited: bool = True, totals: bool = False) -> Answer:
    """The answer of a report. `totals` counts and adds up all rows before the limit cuts them, if it has totals.

    Raises UsageError for an option that does not fit, ReportError or QueryError if the query is wrong or fails.
    """
    limit = _limit(report, options) if limited else 0
    query = _compile(session, report, options, limit)
    named = SELECTED.search(report.query) and NAMED.search(_words(report, options))
    if named and ROWS in report.query and limit and options.sort is None and not session.filters_by_name:
        return _of_few(session, _cut(query, limit))
    if not totals or not report.totals:
        return Answer(session.prepare(_cut(query, limit)))
    session.fill("answer", query)
    sums = "".join(f", sum({identifier(name)})" for name in report.totals)
    count, *values = session.fetch(f"SELECT count(*){sums} FROM answer")[0]
    found = dict(zip(report.totals, values, strict=True))
    return Answer(session.prepare(_cut("SELECT * FROM answer", limit)), count, found)


def _of_few(session: Session, query: str) -> Answer:
    """The answer to a query for few calls, for which to replay all processes would be too much.

    It is asked twice: once without names, for the processes that need them.
    """
    session.narrow(named=False, stand_ins=True)
    processes = session.fetch(f"SELECT DISTINCT on_host(host, pid) FROM (\n{query}\n) WHERE pid IS NOT NULL")
    session.narrow(named=True)
    with session.replay.only(process for (process,) in processes):
        session.fill("answer", query)
    return Answer(session.prepare("SELECT * FROM answer"))


def compile_query(session: Session, report: Report, options: Options) -> str:
    """The query of a report with its values bound in the session. Raises as `run` does."""
    limit = _limit(report, options)
    return _cut(_compile(session, report, options, limit), limit)


def _limit(report: Report, options: Options) -> int:
    """Rows wanted; 0 for all."""
    return report.limit if options.limit is None else options.limit


def _compile(session: Session, report: Report, options: Options, limit: int) -> str:
    """The query but for its LIMIT, of which it may know through the variable `rows`."""
    session.narrow(named=_may_need_names(report, options))
    columns, sort = _grouping(session, report, options)
    for param in report.options:
        _bind(session, param.name, (options.params or {}).get(param.name, param.default), param.type)
    if ROWS in report.query:
        session.bind("rows", limit if limit and sort is None else None, "BIGINT")
    if SPAN in report.query:
        session.bind("span_start", session.span.start)
        session.bind("span_end", session.span.end)
    query = _judged(session, report)
    if columns:
        session.bind("by", list(columns))
        query = _with_names(query, columns)
    returned = _described(session, report, query)
    if order := [sort or "", *columns] if sort else [*report.sort, *columns]:
        query = _sorted(query, returned, order)
    return query


def check(session: Session, report: Report) -> list[str]:
    """What a report's header says against what its query returns: one line for each difference."""
    compile_query(session, report, Options())
    columns, _ = _grouping(session, report, Options())
    found = [(column.name, column.type.replace(" ", "")) for column in _described(session, report, report.query)]
    said = [(column.name, column.type) for column in report.columns]
    kept = found[len(columns) :]
    return [f"the header says {said_one}, the query returns {one}" for said_one, one in _differences(said, kept)]


def _may_need_names(report: Report, options: Options) -> bool:
    """Whether the columns `file` and `peer` must be ready: always for a report that may use `*`, being a user's own."""
    return report.path.parent != BUILT_IN or NAMED.search(_words(report, options)) is not None


def _words(report: Report, options: Options) -> str:
    """Where the columns `file` and `peer` are named, if a report uses them."""
    return " ".join([report.query, report.by or "", *options.by])


def _differences(said: Sequence[tuple[str, str]], found: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    longest = max(len(said), len(found))
    padded = [[*side, *[("nothing", "")] * (longest - len(side))] for side in (said, found)]
    return [(" ".join(a), " ".join(b)) for a, b in zip(*padded, strict=True) if a != b]


def _grouping(session: Session, report: Report, options: Options) -> tuple[tuple[str, ...], str | None]:
    """Columns to group by, in order, and the sort key. A word of --by that names a sort key sorts."""
    if report.by is None:
        if options.by:
            raise UsageError(f"{report.name} has no --by; it always returns the same columns")
        return (), options.sort
    sort, columns = options.sort, dict[str, None]()
    known = [column.name for column in session.describe("SELECT * FROM selected")]
    returned = {column.name for column in report.columns}
    for word in options.by:
        if word in GROUPS or word in known:
            columns.update(dict.fromkeys(GROUPS.get(word, (word,))))
        elif SORTS.get(word, word) in returned:
            sort = sort or word
        else:
            raise UsageError(f"--by {word}: no such column; {_nearest(word, [*GROUPS, *known])}")
    if not columns:
        default = report.by.split(",")
        columns.update(dict.fromkeys(name for word in default for name in GROUPS.get(word, (word,))))
    if "pid" in columns and len(session.hosts) > 1:
        columns["host"] = None
    return tuple(name for name in known if name in columns), sort


def _nearest(word: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(word, known, n=1)
    return f"did you mean {near[0]}?" if near else f"there are: {', '.join(known)}"


def _bind(session: Session, name: str, text: str, kind: str) -> None:
    from analyze.filter.values import duration

    try:
        value = None if text == "NULL" else duration(text) if kind == DURATION else text
        session.bind(name, value, "BIGINT" if kind == DURATION else kind)
    except (QueryError, ValueError) as error:
        what = str(error) if kind == DURATION else f"not of type {kind}: {str(error).splitlines()[0]}"
        raise UsageError(f"--{name} {text}: {what}") from error


def _judged(session: Session, report: Report) -> str:
    """The report's query, which must be a single one that only reads."""
    statements = split(report.query, session.database)
    if len(statements) != 1 or not is_select(statements[0]):
        raise ReportError(f"{report.path}: a report is one SELECT")
    query = f"SELECT * FROM (\n{bare(report.query)}\n)"
    if report.path.parent != BUILT_IN:
        try:
            session.inspect(query)
        except QueryError as error:
            raise ReportError(f"{report.path}: {error}") from error
    return query


def _with_names(query: str, columns: Sequence[str]) -> str:
    """The query with the names of processes or threads beside their numbers."""
    keys = [name for name in columns if name in ("pid", "tid", "host")]
    if "pid" not in keys or "comm" in columns:
        return query
    listed = ", ".join(identifier(name) for name in columns)
    names = PROCESS_NAMES.format(keys=", ".join(keys))
    joined = f"(\n{query}\n)\nLEFT JOIN (\n{names}\n) USING ({', '.join(keys)})"
    return f"SELECT {listed}, process, * EXCLUDE ({listed}, process)\nFROM {joined}"


def _described(session: Session, report: Report, query: str) -> list[Column]:
    try:
        return session.describe(f"SELECT * FROM (\n{bare(query)}\n)")
    except QueryError as error:
        raise ReportError(f"{report.path}: {error}") from error


def _sorted(query: str, returned: list[Column], order: Sequence[str]) -> str:
    """The query in another order: by the first key, numbers from the greatest, names from A; equal ones by the rest."""
    kinds = {column.name: column.type for column in returned}
    sort, *rest = order
    name = next((one for one in (sort, SORTS.get(sort, sort), f"{sort}_ns") if one in kinds), None)
    if name is None:
        raise UsageError(f"-S {sort}: no such column; {_nearest(sort, list(kinds))}")
    direction = "ASC" if kinds[name] == "VARCHAR" else "DESC"
    keys = [f"{identifier(name)} {direction} NULLS LAST", *(identifier(one) for one in rest if one != name)]
    return f"SELECT *\nFROM (\n{query}\n)\nORDER BY {', '.join(keys)}"


def _cut(query: str, limit: int) -> str:
    return f"{query}\nLIMIT {limit}" if limit else query
