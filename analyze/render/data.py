"""Answers for programs: JSON, newline-delimited JSON, CSV, Parquet, Arrow. Raw values: ns as integers, names whole."""

import csv
import json
import math
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, BinaryIO, TextIO

from analyze.render.text import printable, timestamp
from analyze.result import NS, Column, Result

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

ISO = "%Y-%m-%dT%H:%M:%S"


def write_json(result: Result, out: TextIO) -> int:
    """One array of objects; returns how many."""
    count = 0
    for text in _objects(result):
        out.write(",\n" if count else "[")
        out.write(text)
        count += 1
    out.write("]\n" if count else "[]\n")
    return count


def write_ndjson(result: Result, out: TextIO) -> int:
    """One object a line; returns how many."""
    count = 0
    for text in _objects(result):
        out.write(text + "\n")
        count += 1
    return count


def write_csv(result: Result, out: TextIO) -> int:
    """A line of names, then one line a row; returns how many. On a terminal control characters are escaped."""
    shown: Callable[[str], str] = printable if out.isatty() else str
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([shown(column.name) for column in result.columns])
    count = 0
    for row in result.rows():
        values = (_plain(value, column) for value, column in zip(row, result.columns, strict=True))
        writer.writerow(
            [shown(json.dumps(value) if isinstance(value, dict | list) else _csv(value)) for value in values]
        )
        count += 1
    return count


def write_arrow(result: Result, out: BinaryIO) -> int:
    """An Arrow IPC stream; returns how many rows."""
    import pyarrow as pa

    batches = result.batches()
    with pa.ipc.new_stream(out, batches.schema) as stream:
        return sum(_write_batch(stream, batch) for batch in batches)


def write_parquet(result: Result, out: BinaryIO) -> int:
    """A Parquet file; returns how many rows."""
    import pyarrow.parquet as pq

    batches = result.batches()
    with pq.ParquetWriter(out, batches.schema, compression="zstd", write_page_checksum=True) as file:
        return sum(_write_batch(file, batch) for batch in batches)


def _write_batch(sink: "pa.ipc.RecordBatchStreamWriter | pq.ParquetWriter", batch: "pa.RecordBatch") -> int:
    sink.write_batch(batch)
    return int(batch.num_rows)


def _objects(result: Result) -> Iterator[str]:
    names = _unique([column.name for column in result.columns])
    for row in result.rows():
        values = (_plain(value, column) for value, column in zip(row, result.columns, strict=True))
        yield json.dumps(dict(zip(names, values, strict=True)), allow_nan=False)


def _unique(names: Sequence[str]) -> list[str]:
    """The names, later ones of the same name with a number, so that no value is lost."""
    seen: dict[str, int] = {}
    found = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        found.append(name if seen[name] == 1 else f"{name}_{seen[name]}")
    return found


def _csv(value: object) -> str:
    return "" if value is None else str(value)


def _plain(value: object, column: Column | None = None) -> object:
    """A value as JSON has it: timestamps in ISO 8601 with Z, bytes as text with \\xHH, no NaN."""
    if isinstance(value, int) and column and column.type == NS:
        return f"{timestamp(value, ISO)}Z"
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float | Decimal):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, bytes):
        return "".join(chr(byte) if 32 <= byte < 127 and byte != 92 else f"\\x{byte:02x}" for byte in value)
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return str(value) if not isinstance(value, timedelta) else value.total_seconds()
