"""The encoder: whatever the columns hold, the bytes are what Arrow would have meant."""

import io
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from capture.sink import thrift
from capture.sink.encode import Encoder, check
from capture.sink.parquet import ParquetSink
from capture.sink.runs import runs_of
from schemas.arrow import EVENTS
from schemas.journal import PARQUET_MAGIC, join_footers
from tests.rows import batch_of, dd_rows, mixed_rows, names, plain_rows


def encoded(*batches: pa.RecordBatch) -> pa.Table:
    """What is read from the row groups that one encoder made of the batches."""
    encoder = Encoder(EVENTS)
    file = io.BytesIO(PARQUET_MAGIC)
    file.seek(0, io.SEEK_END)
    groups = []
    for batch in batches:
        done = encoder.encode(batch, file.tell())
        check(done.group)
        file.writelines(done.body)
        assert file.tell() == done.group.end
        groups.append(done.group)
    file.write(join_footers(EVENTS, groups))
    return pq.read_table(pa.BufferReader(file.getvalue()), page_checksum_verification=True)


def same(found: pa.Table, *batches: pa.RecordBatch) -> bool:
    """Equal values, dictionaries resolved."""
    plain = pa.schema(
        [pa.field(f.name, f.type.value_type if pa.types.is_dictionary(f.type) else f.type) for f in EVENTS]
    )
    return found.cast(plain).equals(pa.Table.from_batches(batches).cast(plain))


@pytest.mark.parametrize("rows", [1, 2, 7, 8, 9, 63, 64, 65, 1000, 140_000])
def test_any_number_of_rows(rows: int) -> None:
    """Row groups of all lengths, in any order, with constants met before and new ones, come back."""
    batches = [dd_rows(rows), plain_rows(min(rows, 5000)), mixed_rows(rows), dd_rows(rows + 1)]
    assert same(encoded(*batches), *batches)


integers = st.one_of(st.integers(-(2**63), 2**63 - 1), st.sampled_from([0, 1, -1, -(2**63), 2**63 - 1]))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(st.none() | integers, integers, st.none() | st.text(), st.none() | st.binary()), min_size=1))
def test_any_values(rows: list[tuple[int | None, int, str | None, bytes | None]]) -> None:
    """Any integers, texts and bytes, null or constant or not, come back."""
    first, second, text, data = zip(*rows, strict=True)
    kinds = {field.name: field.type for field in EVENTS}
    batch = batch_of(
        {
            "arg0": pa.array(first, pa.int64()),
            "ts": pa.array(second, pa.int64()).cast(pa.timestamp("ns")),
            "path": pa.array(text, pa.string()),
            "addr": pa.array(text, pa.string()).dictionary_encode().cast(kinds["addr"]),
            "data": pa.array(data, pa.binary()),
        },
        len(rows),
    )
    assert same(encoded(batch), batch)


def column_of(runs: list[tuple[int, int | None]], field: pa.Field, rows: int) -> pa.Array:
    """A column of `rows` values in runs of these lengths, the last going on; at nulls may stand anything."""
    lengths = np.array([length for length, _ in runs])
    numbers = np.repeat([value or 0 for _, value in runs], lengths)
    null = np.repeat([value is None and field.nullable for _, value in runs], lengths)
    at = np.minimum(np.arange(rows), len(numbers) - 1)
    numbers = np.where(null[at], np.arange(rows) % 3, numbers[at])
    if pa.types.is_dictionary(field.type):
        return names(numbers % 5, [f"word {n}" for n in range(7)], field.type, null[at])
    if pa.types.is_string(field.type) or pa.types.is_binary(field.type):
        return pa.array([None if n else f"text {v}".encode() for v, n in zip(numbers, null[at], strict=True)]).cast(
            field.type
        )
    return pa.array(numbers.astype(np.int64), mask=null[at]).cast(field.type)


runs = st.lists(st.tuples(st.integers(1, 2000), st.none() | st.integers(0, 127)), min_size=1, max_size=40)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(runs, min_size=1, max_size=5), st.integers(1, 12_000), st.integers(0, 9))
def test_any_runs(shapes: list[list[tuple[int, int | None]]], rows: int, skipped: int) -> None:
    """Columns of few runs, of values and of nulls, long and short, of every type, come back to every reader."""
    shape = [shapes[index % len(shapes)] for index in range(len(EVENTS))]
    columns = [column_of(one, field, rows + skipped) for one, field in zip(shape, EVENTS, strict=True)]
    batch = pa.RecordBatch.from_arrays(columns, schema=EVENTS).slice(skipped)
    assert same(encoded(batch), batch)


def test_runs_are_read_by_all(tmp_path: Path) -> None:
    """DuckDB, pandas and polars, which have decoders of their own, read runs as pyarrow does; statistics hold."""
    shape = [(1, 9), (3000, 5), (1, None), (2, 7), (70_000, None), (60_000, 5), (1, 100), (5000, 6)]
    batch = pa.RecordBatch.from_arrays([column_of(shape, field, 140_000) for field in EVENTS], schema=EVENTS)
    assert sum(runs_of(column) is not None for column in batch.columns) >= len(EVENTS) - 4
    path = tmp_path / "runs.parquet"
    sink = ParquetSink(path, {})
    sink.write(batch)
    sink.close({})
    wanted = {name: batch[name].to_pylist() for name in ("dur_ns", "syscall", "errno", "cpu", "comm", "fd")}
    duck = duckdb.sql(f"select * from '{path}'").to_arrow_table()
    frame, data = pl.read_parquet(path), pd.read_parquet(path, dtype_backend="numpy_nullable")
    for name, values in wanted.items():
        assert duck[name].to_pylist() == values
        assert frame[name].to_list() == values
        assert [None if pd.isna(value) else value for value in data[name]] == values
    group = pq.read_metadata(path).row_group(0)
    found = {group.column(n).path_in_schema: group.column(n).statistics for n in range(group.num_columns)}
    assert (found["dur_ns"].min, found["dur_ns"].max, found["dur_ns"].null_count) == (5, 100, 70_001)
    assert (found["errno"].min, found["errno"].max, found["errno"].null_count) == ("word 0", "word 4", 70_001)


def test_sliced_batch() -> None:
    """A batch that begins in the middle of its buffers is taken from there."""
    whole = mixed_rows(5000)
    assert same(encoded(whole.slice(1001, 2003), whole.slice(4999)), whole.slice(1001, 2003), whole.slice(4999))


def test_equal_values_of_different_columns() -> None:
    """A constant of one column is not taken for that of another, nor a number for a null."""
    kinds = {field.name: field.type for field in EVENTS}
    zero = np.zeros(10)
    batches = [
        batch_of({"comm": names(zero, ["x"], kinds["comm"]), "cgroup": names(zero, ["x"], kinds["cgroup"])}, 10),
        batch_of({"arg0": np.zeros(10, np.int64), "comm": names(zero, ["y"], kinds["comm"])}, 10),
        batch_of({"arg0": np.ones(10, np.int64)}, 10),
    ]
    assert same(encoded(*batches), *batches)


def test_size_on_dd() -> None:
    """Half a million calls of dd take at most 4 bytes each: the target, with room."""
    done = Encoder(EVENTS).encode(dd_rows(524_288), 4)
    assert (done.group.end - 4) / 524_288 < 2.5


def test_thrift_round_trip() -> None:
    """A footer that is read and written again is the same, byte for byte."""
    footer = Encoder(EVENTS).encode(mixed_rows(1000), 4).group.footer
    whole = join_footers(EVENTS, [])
    for text in (footer, whole[:-8]):
        assert thrift.dump(thrift.load(text)) == text


@pytest.mark.parametrize(
    ("struct", "text"),
    [
        ({}, b"\x00"),
        ({1: (thrift.I32, 1)}, b"\x15\x02\x00"),
        ({1: (thrift.I64, -1), 3: (thrift.TRUE, True)}, b"\x16\x01\x21\x00"),
        ({20: (thrift.BINARY, b"ab")}, b"\x08\x28\x02ab\x00"),
        ({1: (thrift.LIST, (thrift.I32, [0] * 16))}, b"\x19\xf5\x10" + bytes(16) + b"\x00"),
        ({2: (thrift.STRUCT, {1: (thrift.FALSE, False)})}, b"\x2c\x12\x00\x00"),
        ({1: (thrift.DOUBLE, b"12345678"), 2: (thrift.BYTE, 5)}, b"\x1712345678\x13\x05\x00"),
    ],
)
def test_thrift_by_hand(struct: thrift.Struct, text: bytes) -> None:
    """The bytes are those that the protocol's specification gives."""
    assert thrift.dump(struct) == text
    assert thrift.load(text) == struct


def test_thrift_refuses() -> None:
    """A type that Parquet has no use for, and a cut text, are errors."""
    with pytest.raises(ValueError, match="type 11 at byte"):
        thrift.load(b"\x1b\x00")
    with pytest.raises(IndexError):
        thrift.load(b"\x15")
