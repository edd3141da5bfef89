"""What it costs to write captures as Parquet: CPU and bytes a row, and how quickly DuckDB reads the result.

    python scripts/bench_sink.py CAPTURE...

Takes the rows of existing captures, so the figures are those of real columns. Run on a quiet machine; the median of
several rounds is shown.
"""

import statistics
import sys
import tempfile
import time
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from capture.sink.encode import Encoder
from capture.sink.parquet import ParquetSink
from capture.sink.runs import runs_of
from schemas.arrow import EVENTS
from schemas.journal import pack_tail

ROUNDS = 7
READ_ROWS = 10_000_000
QUERY = "select syscall, count(*), sum(dur_ns) from '{}' group by 1"


def first_batch(path: Path) -> pa.RecordBatch:
    """The first row group of a capture, as the pipeline hands it to a sink."""
    table = pq.ParquetFile(path).read_row_group(0).unify_dictionaries().combine_chunks()
    return (
        pa.Table.from_arrays([c.cast(f.type) for c, f in zip(table.columns, EVENTS, strict=True)], EVENTS.names)
        .cast(EVENTS)
        .to_batches()[0]
    )


def main() -> None:
    """Measure each capture named on the command line."""
    for path in map(Path, sys.argv[1:]):
        batch = first_batch(path)
        print(f"{path.name}: {batch.num_rows:,} rows")
        encode(batch)
        write_and_read(batch)


def encode(batch: pa.RecordBatch) -> None:
    """CPU and size of a row group, and of the same rows in the journal's tail; which columns are runs."""
    encoder = Encoder(EVENTS)
    times = []
    for _ in range(ROUNDS):
        begin = time.process_time()
        group = encoder.encode(batch, 4).group
        times.append(time.process_time() - begin)
    quiet = sum(runs_of(column) is not None for column in batch.columns)
    first, rest = (seconds / batch.num_rows * 1e9 for seconds in (times[0], statistics.median(times[1:])))
    size = (group.end - group.start) / batch.num_rows
    print(f"  row group  {rest:6.0f} ns a row (the first {first:.0f}), {size:.2f} bytes; {quiet} columns are runs")
    begin = time.process_time()
    payload = pack_tail(batch)
    cost = (time.process_time() - begin) / batch.num_rows * 1e9
    print(f"  tail       {cost:6.0f} ns a row, {len(payload) / batch.num_rows:.2f} bytes")


def write_and_read(batch: pa.RecordBatch) -> None:
    """CPU of the whole sink, and DuckDB's wall time on two threads."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bench.parquet"
        sink = ParquetSink(path, {})
        begin = time.process_time()
        for _ in range(READ_ROWS // batch.num_rows + 1):
            sink.write(batch)
        sink.close({})
        cost = (time.process_time() - begin) / sink.rows_written * 1e9
        print(f"  sink       {cost:6.0f} ns a row, {path.stat().st_size / sink.rows_written:.2f} bytes")
        connection = duckdb.connect()
        connection.execute("set threads = 2")
        times = []
        for _ in range(ROUNDS):
            begin = time.perf_counter()
            connection.execute(QUERY.format(path)).fetchall()
            times.append(time.perf_counter() - begin)
        print(f"  DuckDB     {statistics.median(times):6.3f} s to count and sum {sink.rows_written:,} rows by call")


if __name__ == "__main__":
    main()
