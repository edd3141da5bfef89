"""Whether captures are sound: bytes against their checksums, values in their range, rows against the accounting.

DuckDB ignores page checksums and may answer from damaged pages without a word, so this reads everything with pyarrow.
"""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from analyze.errors import CaptureFileError, first_line
from analyze.memory import too_much
from analyze.trace import Source, State

if TYPE_CHECKING:
    import pyarrow as pa

    from schemas.capture_file import CaptureFile

STATE_ONLY = 32


@dataclass(frozen=True)
class Verified:
    """A capture that is sound."""

    rows: int
    remark: str = ""
    """What a sound one may lack: checksums, or its end."""


def verify(source: Source) -> Verified:
    """Read a capture to its end. Raises CaptureFileError that says what is wrong and where."""
    import pyarrow as pa

    rows, calls = 0, 0
    try:
        for batch in _batches(source):
            batch.validate(full=True)
            rows += batch.num_rows
            calls += _calls(batch)
    except MemoryError as error:  # Arrow's own is an ArrowException too
        raise CaptureFileError(f"{source.name}: not to be verified after row {rows:,}: {too_much()}") from error
    except (pa.ArrowException, OSError, zlib.error) as error:
        raise CaptureFileError(f"{source.name}: damaged after row {rows:,}: {first_line(error)}") from error
    _account(source, calls)
    return Verified(rows, _remark(source))


def _remark(source: Source) -> str:
    if source.tables and not source.journalled:
        return "an Arrow stream has no checksums" if source.finished else "cut short; an Arrow stream has no checksums"
    return REMARKS[source.state]


REMARKS = {
    State.FINISHED: "",
    State.LIVE: "still being written",
    State.CUT: "cut short; capture repair makes it a whole file",
    State.REPAIRED: "cut short, and repaired",
}


def _account(source: Source, calls: int) -> None:
    counters = source.metadata.counters
    if source.finished and calls != counters.written:
        raise CaptureFileError(f"{source.name}: holds {calls:,} calls, its accounting says {counters.written:,}")
    if wrong := counters.balance():
        worst = max(wrong, key=lambda cell: abs(cell.missing()))
        what = f"of {worst.seen:,} {worst.syscall} on CPU {worst.cpu} {worst.missing():,} are not accounted for"
        raise CaptureFileError(f"{source.name}: the accounting does not add up: {what}")


def _calls(batch: "pa.RecordBatch") -> int:
    """Rows that stand for calls."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not {"kind", "flags"} <= set(batch.schema.names):
        return 0
    plain = pc.equal(pc.bit_wise_and(batch.column("flags"), STATE_ONLY), 0)
    return pc.sum(pc.and_(pc.equal(batch.column("kind").cast(pa.string()), "syscall"), plain)).as_py() or 0


def _batches(source: Source) -> Iterator["pa.RecordBatch"]:
    import pyarrow.parquet as pq

    from schemas.capture_file import open_capture_file

    if not source.tables:
        with pq.ParquetFile(Path(source.name), page_checksum_verification=True) as file:
            yield from file.iter_batches()
    elif source.journalled:
        with open_capture_file(Path(source.name)) as capture:
            yield from _journalled(capture, source.name)
    else:
        for table in source.tables:
            yield from table.to_batches()


def _journalled(capture: "CaptureFile", name: str) -> Iterator["pa.RecordBatch"]:
    """The rows of an unfinished capture, unless one of its row groups is not what the journal says."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if capture.damaged:
        first = capture.damaged[0]
        where = f"bytes {first.start:,} to {first.end:,}, {first.rows:,} rows, are"
        raise CaptureFileError(f"{name}: damaged: {where} not what the journal says was written")
    if capture.journal and capture.journal.groups:
        with pq.ParquetFile(pa.PythonFile(capture.parquet, "r"), page_checksum_verification=True) as file:
            yield from file.iter_batches()
    yield from capture.tail.to_batches()
