"""What every sink must satisfy: the same batches in, the same rows back, whoever reads."""

from pathlib import Path

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from capture.sink import open_sink
from schemas.arrow import EVENTS, Key
from tests.rows import dd_rows, mixed_rows, plain_rows

START = {Key.HOST: "here", Key.SCHEMA_VERSION: "1.0"}
END = {Key.END: "2026-01-01T00:00:00Z"}
BATCHES = {
    "none": [],
    "one row": [plain_rows(1)],
    "several": [plain_rows(1000), plain_rows(1, 1000), plain_rows(299, 1001)],
    "no row in between": [plain_rows(10), plain_rows(0), plain_rows(10, 10)],
    "of several kinds": [dd_rows(5000), mixed_rows(5000), plain_rows(5000)],
}


def write(path: Path, batches: list[pa.RecordBatch]) -> None:
    """Write the batches as the pipeline does; closing twice must do no harm."""
    sink = open_sink(str(path), lambda _: START)
    for batch in batches:
        if sink.streaming:
            sink.write(batch)
        else:
            sink.flush(batch.slice(0, batch.num_rows // 2))
            sink.write(batch)
    sink.close(END)
    sink.close(END)


def read(path: Path) -> tuple[pa.Table, dict[str, str]]:
    """The rows and the metadata of what a sink wrote."""
    if path.suffix == ".parquet":
        table = pq.read_table(path)
        return table, {key.decode(): value.decode() for key, value in table.schema.metadata.items()}
    with pa.ipc.open_stream(path.read_bytes()) as stream:
        metadata = {key.decode(): value.decode() for key, value in stream.schema.metadata.items()}
        batches = []
        while True:
            try:
                batch, custom = stream.read_next_batch_with_custom_metadata()
            except StopIteration:
                break
            batches.append(batch)
            metadata |= {key.decode(): value.decode() for key, value in (custom or {}).items()}
    return pa.Table.from_batches(batches, stream.schema), metadata


def values(table: pa.Table) -> list[dict[str, object]]:
    """The rows as Python objects, dictionaries resolved, ns as integers."""
    return table.set_column(1, "ts", table["ts"].cast(pa.int64())).to_pylist()


@pytest.mark.parametrize("suffix", [".parquet", ".arrows"])
@pytest.mark.parametrize("case", BATCHES)
def test_rows_come_back(tmp_path: Path, suffix: str, case: str) -> None:
    """Every row, value for value and in order, and all metadata, comes back from what a sink wrote."""
    path = tmp_path / f"trace{suffix}"
    write(path, BATCHES[case])
    table, metadata = read(path)
    assert values(table) == [row for batch in BATCHES[case] for row in values(pa.Table.from_batches([batch]))]
    assert metadata == {str(key): value for key, value in (START | END).items()}
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("suffix", [".parquet", ".arrows"])
def test_types_are_the_contract(tmp_path: Path, suffix: str) -> None:
    """The columns' names, order, types and nullability in the file are those of the schema."""
    path = tmp_path / f"trace{suffix}"
    write(path, BATCHES["several"])
    schema = read(path)[0].schema
    assert schema.names == EVENTS.names
    for found, wanted in zip(schema, EVENTS, strict=True):
        plain = [f.type.value_type if pa.types.is_dictionary(f.type) else f.type for f in (found, wanted)]
        assert plain[0] == plain[1]
        assert found.nullable == wanted.nullable
        assert found.metadata == wanted.metadata


@pytest.mark.parametrize("case", ["several", "of several kinds"])
def test_parquet_is_read_by_all(tmp_path: Path, case: str) -> None:
    """DuckDB, pandas and polars see the same rows as pyarrow does."""
    path = tmp_path / "trace.parquet"
    write(path, BATCHES[case])
    table = pq.read_table(path)
    wanted = (table.num_rows, sum(table["dur_ns"].to_pylist()), table["comm"].to_pylist(), table["path"].to_pylist())
    duck = duckdb.sql(f"select dur_ns, comm, path from '{path}'").to_arrow_table()
    assert wanted == (
        duck.num_rows,
        sum(duck["dur_ns"].to_pylist()),
        duck["comm"].to_pylist(),
        duck["path"].to_pylist(),
    )
    frame = pl.read_parquet(path)
    assert wanted == (frame.height, frame["dur_ns"].sum(), frame["comm"].to_list(), frame["path"].to_list())
    data = pd.read_parquet(path)
    paths = [None if pd.isna(text) else text for text in data["path"]]
    assert wanted == (len(data), data["dur_ns"].sum(), data["comm"].tolist(), paths)


def test_null_sink_counts() -> None:
    """/dev/null takes any number of rows and says how many."""
    sink = open_sink("/dev/null", lambda _: START)
    sink.write(plain_rows(7))
    sink.flush(plain_rows(3))
    sink.close(END)
    assert (sink.rows_written, sink.bytes_written) == (7, 0)
