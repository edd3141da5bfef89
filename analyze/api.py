"""Captures in Python: `from analyze import open_capture`.

    with open_capture("trace.parquet") as capture:
        capture.report("top", by="process", filter="evt.failed").df()
        capture.sql("SELECT comm, count(*) FROM calls GROUP BY ALL").arrow()

Nothing is read before an answer is asked for, and then only the columns that it needs.
"""

import io
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from analyze.errors import UsageError

if TYPE_CHECKING:
    import pandas  # type: ignore[import-untyped]
    import pyarrow as pa

    from analyze.completeness import Completeness
    from analyze.result import Result
    from analyze.session import Session

SHOWN = 20


def open_capture(
    *names: str | Path, filter: str | None = None, unsafe: bool = False, verify: bool = False
) -> "Capture":
    """Open captures: files, globs, folders; several are one.

    `filter` narrows the view `selected` and every report. `unsafe` lets queries write and read files; `verify` compares
    everything with its checksums first. Raises
    CaptureFileError or FilterError, as all errors here a kind of analyze.errors.AnalyzeError.
    """
    from analyze.session import Session

    filters = [filter] if filter else []
    return Capture(Session([str(name) for name in names], filters=filters, unsafe=unsafe, verified=verify), filter)


class Answer:
    """Rows that answer a question; computed each time they are asked for."""

    def __init__(self, session: "Session", query: str) -> None:
        """Made by the methods of `Capture`. A query that is wrong is refused here."""
        self._session = session
        self._query = query
        self._first: Result | None = session.prepare(query)
        self._names = [column.name for column in self._first.columns]

    @property
    def columns(self) -> list[str]:
        """Names of the columns."""
        return list(self._names)

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """The rows as tuples; a timestamp is an int, ns since the epoch."""
        return self._result().rows()

    def dicts(self) -> Iterator[dict[str, Any]]:
        """The rows as dictionaries."""
        return (dict(zip(self._names, row, strict=True)) for row in self.rows())

    def reader(self) -> "pa.RecordBatchReader":
        """The rows as Arrow batches, one after the other: for answers larger than memory."""
        return self._result().batches()

    def arrow(self) -> "pa.Table":
        """The rows as an Arrow table; polars.from_arrow takes it."""
        return self.reader().read_all()

    def df(self) -> "pandas.DataFrame":
        """The rows as a pandas DataFrame. Raises UsageError if pandas is not installed."""
        try:
            import pandas  # noqa: F401
        except ImportError as error:
            raise UsageError("df() needs pandas: pip install pandas; or use arrow()") from error
        return self.arrow().to_pandas()

    def __repr__(self) -> str:
        """The first rows as the command line shows them."""
        from analyze.render import table

        result = self._result()
        out = io.StringIO()
        table.write(result.columns, islice(result.rows(), SHOWN), out)
        return out.getvalue().rstrip("\n")

    def _result(self) -> "Result":
        first, self._first = self._first, None
        return first or self._session.prepare(self._query)


class Capture:
    """Captures opened for questions; a context manager. One thread at a time."""

    def __init__(self, session: "Session", filter: str | None = None) -> None:
        """Made by `open_capture`."""
        self._session = session
        self._filter = filter
        self._answers = 0

    def __enter__(self) -> "Capture":
        """Itself; leaving the block closes it."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self.close()

    def close(self) -> None:
        """Give up the files and the memory."""
        self._session.close()

    @property
    def files(self) -> list[str]:
        """The capture files."""
        return [source.name for source in self._session.sources]

    @property
    def metadata(self) -> dict[str, dict[str, str]]:
        """What each capture file says of itself: host, kernel, command, ..."""
        return {source.name: dict(source.metadata.pairs) for source in self._session.sources}

    @property
    def completeness(self) -> "Completeness":
        """How many calls were lost, if any, that this capture's filter does not rule out."""
        from analyze.completeness import completeness

        return completeness(self._session)

    def sql(self, query: str) -> Answer:
        """The answer to a query in DuckDB's SQL over the views `calls`, `selected`, `events`, `losses`, ...

        Raises QueryError if it is refused or cannot be understood.
        """
        *before, last = self._session.judge(query)
        for statement in before:
            self._session.fetch(statement)
        return Answer(self._session, last)

    def calls(self, filter: str | None = None) -> Answer:
        """The calls that this capture's filter and `filter` keep, all columns. Raises FilterError."""
        where = f" WHERE {self._session.compile(filter).where}" if filter else ""
        return Answer(self._session, f"SELECT * FROM selected{where}")

    def report(
        self,
        name: str,
        *,
        filter: str | None = None,
        by: str | Iterable[str] | None = None,
        sort: str | None = None,
        limit: int = 0,
        **params: object,
    ) -> Answer:
        """What a report returns: a built-in one, one of the user's, or the path of an .sql file.

        `by` is a word or several ("process", "error,call"), `limit` 0 for all rows, `params` what the report's header
        lists. Raises UsageError, FilterError, ReportError, QueryError.
        """
        from analyze import reports
        from analyze.reports.run import Options, compile_query

        words = by.split(",") if isinstance(by, str) else list(by or [])
        report = reports.find(name)
        unknown = set(params) - {param.name for param in report.options}
        if unknown:
            known = ", ".join(param.name for param in report.options) or "none"
            raise UsageError(f"{name} has no parameter {', '.join(sorted(unknown))}; it has: {known}")
        given = {key: str(value) for key, value in params.items()}
        options = Options(by=tuple(word.strip() for word in words), sort=sort, limit=limit, params=given)
        self._session.select([text for text in (self._filter, filter) if text])
        try:
            query = compile_query(self._session, report, options)
            self._answers += 1
            kept = f"answer_{self._answers}"
            self._session.fill(kept, query)
        finally:
            self._session.select([self._filter] if self._filter else [])
        return Answer(self._session, f"SELECT * FROM {kept}")
