"""The rows that answer a query, as Python tuples or as Arrow batches, and never all at once unless asked."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from analyze.statements import query_errors

if TYPE_CHECKING:
    import pyarrow as pa

    from analyze.session import Session

NS = "TIMESTAMP_NS"
CHUNK = 2048
BATCH = 65536


@dataclass(frozen=True)
class Column:
    """A column of an answer: its name and DuckDB's name of its type."""

    name: str
    type: str


class Result:
    """An answer that is ready to be computed, by `rows()` or `batches()`; one at a time in a session."""

    def __init__(self, session: "Session", query: str, columns: list[Column] | None) -> None:
        """`columns` is None for a statement that DESCRIBE does not take; it is run at once then."""
        self._session = session
        self._query = query
        self._described = columns is not None
        if columns is None:
            ran = session.execute(query)
            columns = [Column(name, str(kind)) for name, kind, *_ in ran.description or []]
        self.columns = columns

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """Rows in order. A nanosecond timestamp is an int, ns since the epoch: Python's datetime would cut it."""
        if self._described:
            self._session.replay_first(self._query)
            self._session.execute(self._exact())
        with query_errors():
            while chunk := self._session.database.fetchmany(CHUNK):
                yield from chunk

    def batches(self) -> "pa.RecordBatchReader":
        """The same as Arrow, with the types that DuckDB has."""
        import pyarrow as pa

        if not self._described:
            columns = zip(*self.rows(), strict=True)
            table = pa.table(dict(zip([column.name for column in self.columns], map(list, columns), strict=False)))
            return table.to_reader()
        self._session.replay_first(self._query)
        with query_errors():
            return self._session.database.sql(self._query).to_arrow_reader(BATCH)

    def _exact(self) -> str:
        """The query, nanosecond timestamps as integers."""
        if not any(column.type == NS for column in self.columns):
            return self._query
        names = [f"c{index}" for index in range(len(self.columns))]
        pairs = zip(names, self.columns, strict=True)
        terms = [f"epoch_ns({name})" if column.type == NS else name for name, column in pairs]
        return f"SELECT {', '.join(terms)} FROM (\n{self._query}\n) AS answer({', '.join(names)})"


class Given(Result):
    """Rows that are there already, for answers that are not DuckDB's."""

    def __init__(self, columns: Sequence[Column], rows: Sequence[tuple[Any, ...]]) -> None:
        """`rows` have a value for each of the columns; types are VARCHAR, BIGINT or BOOLEAN."""
        self.columns = list(columns)
        self._rows = rows

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """Rows in order."""
        return iter(self._rows)

    def batches(self) -> "pa.RecordBatchReader":
        """The same as Arrow."""
        import pyarrow as pa

        kinds = {"VARCHAR": pa.string(), "BIGINT": pa.int64(), "BOOLEAN": pa.bool_()}
        schema = pa.schema([(column.name, kinds[column.type]) for column in self.columns])
        values = zip(*self._rows, strict=True) if self._rows else [()] * len(self.columns)
        return pa.table(list(map(list, values)), schema=schema).to_reader()
