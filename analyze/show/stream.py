"""From the rows of a query to lines or to values, a batch at a time."""

import gc
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TextIO

import pyarrow as pa

from analyze.result import Column, Result
from analyze.show.query import Asked, statement
from analyze.show.resumed import Interleaver
from analyze.show.window import turned
from analyze.statements import query_errors
from schemas.line import Printer

if TYPE_CHECKING:
    from analyze.session import Session

FIRST = 4096
"""Rows of the first batch, so that something is seen at once."""

FEW, LETTERS = 256, 1 << 24
"""Rows of which lines are made at a time at least, and characters of these lines that are aimed at: as many rows as a
batch has, where names are not absurdly long."""

Namer = Callable[[pa.RecordBatch], pa.RecordBatch]
"""Adds to rows what their descriptors stand for."""


def batches(result: Result) -> Iterator[pa.RecordBatch]:
    """The rows of a result, while it is computed. Raises QueryError."""
    with query_errors():
        for place, batch in enumerate(result.batches()):
            if place == 0:
                yield batch.slice(0, FIRST)
            yield batch.slice(FIRST) if place == 0 else batch


def write_lines(
    session: "Session",
    asked: Asked,
    printer: Printer,
    namer: Namer | None,
    out: TextIO,
    *,
    limit: int = 0,
    resumed: bool = False,
) -> None:
    """Print the rows to `out`, at most `limit` lines (0: all).

    With `resumed` calls are cut in two where another thread did something in between; the rows come in order of entry.
    """
    count = 0
    gc.disable()  # it would look through the texts that are remembered again and again, and find nothing
    try:
        for lines in _lines(_ordered(session.prepare(statement(session, asked)), asked), printer, namer, resumed):
            shown = lines[: limit - count] if limit else lines
            out.write("".join(shown))
            out.flush()
            count += len(shown)
            if count == limit > 0:
                break
    finally:
        gc.enable()


def _ordered(result: Result, asked: Asked) -> Iterator[pa.RecordBatch]:
    return batches(result) if asked.order else turned(batches(result))


def _lines(rows: Iterator[pa.RecordBatch], printer: Printer, namer: Namer | None, resumed: bool) -> Iterator[list[str]]:
    interleaver = Interleaver(printer) if resumed else None
    for _, lines in _paced(rows, interleaver.lines if interleaver else printer.lines, namer):
        yield lines
    if interleaver:
        yield interleaver.finish()


def _paced(
    rows: Iterator[pa.RecordBatch], make: Callable[[pa.RecordBatch], list[str]], namer: Namer | None
) -> Iterator[tuple[pa.RecordBatch, list[str]]]:
    """The rows in parts, as many at a time as fill LETTERS, with the lines of each."""
    most = FEW
    for batch in rows:
        start = 0
        while start < batch.num_rows:
            part = batch.slice(start, most)
            start += part.num_rows
            lines = make(namer(part) if namer else part)
            most = max(FEW, LETTERS * part.num_rows // (sum(map(len, lines)) + 1))
            yield part, lines


class Described(Result):
    """Rows as they are, with what each says in a column more, `text`."""

    def __init__(self, session: "Session", asked: Asked, printer: Printer, namer: Namer | None) -> None:
        """All columns must have been asked for."""
        query = statement(session, asked)
        super().__init__(session, query, [*session.describe(query), Column("text", "VARCHAR")])
        self._asked, self._printer, self._namer = asked, printer, namer

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """The values in the order of the columns, times in ns since the epoch."""
        for part, texts in _paced(_ordered(self, self._asked), self._printer.texts, self._namer):
            plain = part.set_column(part.schema.get_field_index("ts"), "ts", part.column("ts").cast(pa.int64()))
            columns = [plain.column(column.name).to_pylist() for column in self.columns[:-1]]
            yield from zip(*columns, texts, strict=True)
