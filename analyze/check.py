"""Whether captures are sound: pages against their checksums, values in their range, rows against the accounting.

DuckDB ignores page checksums and may answer from damaged pages without a word, so this reads everything with pyarrow.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from analyze.errors import CaptureFileError
from analyze.trace import Source

if TYPE_CHECKING:
    import pyarrow as pa

COUNTED = ("kind", "flags")
STATE_ONLY = 32


def check(source: Source) -> int:
    """Read a capture to its end; returns its rows. Raises CaptureFileError that says what is wrong and where."""
    import pyarrow as pa
    import pyarrow.compute as pc

    rows, calls = 0, 0
    try:
        for batch in _batches(source):
            batch.validate(full=True)
            rows += batch.num_rows
            kinds, flags = (batch.column(batch.schema.get_field_index(name)) for name in COUNTED)
            plain = pc.equal(pc.bit_wise_and(flags, STATE_ONLY), 0)
            calls += pc.sum(pc.and_(pc.equal(kinds.cast(pa.string()), "syscall"), plain)).as_py() or 0
    except (pa.ArrowInvalid, OSError) as error:
        raise CaptureFileError(f"{source.name}: damaged after row {rows:,}: {str(error).splitlines()[0]}") from error
    counters = source.metadata.counters
    if source.finished and calls != counters.written:
        raise CaptureFileError(f"{source.name}: holds {calls:,} calls, its accounting says {counters.written:,}")
    if wrong := counters.balance():
        worst = max(wrong, key=lambda cell: abs(cell.missing()))
        what = f"of {worst.seen:,} {worst.syscall} on CPU {worst.cpu} {worst.missing():,} are not accounted for"
        raise CaptureFileError(f"{source.name}: the accounting does not add up: {what}")
    return rows


def _batches(source: Source) -> Iterator["pa.RecordBatch"]:
    if not source.tables:
        import pyarrow.parquet as pq

        with pq.ParquetFile(Path(source.name), page_checksum_verification=True) as file:
            yield from file.iter_batches()
    for table in source.tables:
        yield from table.to_batches()
