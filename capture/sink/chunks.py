"""Columns as column chunks: a column's pages in a row group, and its entry in the footer, before they have a place."""

import struct
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from capture.arrays import column as new_column
from capture.arrays import memory
from capture.sink import thrift

# Fields of parquet.thrift
_ROW_GROUPS, _COLUMNS, _META = 4, 1, 3
_COMPRESSED, _DATA_OFFSET, _DICTIONARY_OFFSET, _STATISTICS = 7, 9, 11, 12
_NULLS, _MAX, _MIN = 3, 5, 6

_LENGTH = struct.Struct("<I")
_TRAILER = 8  # the footer's length and the magic
_LONGEST_WORD = 256
_PAGE_ROWS = 131_072  # one read's worth; the default of 20,000 doubles what a nearly constant column takes


class Recipe(NamedTuple):
    """How a column is encoded and compressed. `encoding` is a Parquet name, or DICTIONARY."""

    encoding: str
    codec: str


@dataclass(frozen=True)
class Chunk:
    """A column of a row group: its pages, and its ColumnMetaData, whose offsets count from the first page."""

    content: memoryview
    meta: thrift.Struct

    def placed(self, at: int) -> thrift.Struct:
        """Its ColumnChunk in the footer of a file in which the first page is at byte `at`."""
        moved = {n: (thrift.I64, self.meta[n][1] + at) for n in (_DATA_OFFSET, _DICTIONARY_OFFSET) if n in self.meta}
        return {2: (thrift.I64, 0), _META: (thrift.STRUCT, {**self.meta, **moved})}


def write_chunks(table: pa.Table, recipes: Mapping[str, Recipe]) -> dict[str, Chunk]:
    """The columns of `table` as chunks, by name, each as its recipe says; all in one row group.

    Statistics are left out for dictionary arrays: there Arrow takes longer for them than for the rest.
    """
    dictionaries = {field.name for field in table.schema if pa.types.is_dictionary(field.type)}
    out = pa.BufferOutputStream()
    with pq.ParquetWriter(
        out,
        table.schema,
        compression={name: recipe.codec for name, recipe in recipes.items()},
        use_dictionary=[name for name, recipe in recipes.items() if recipe.encoding == "DICTIONARY"],
        column_encoding={name: r.encoding for name, r in recipes.items() if r.encoding != "DICTIONARY"},
        write_statistics=[name for name in table.column_names if name not in dictionaries],
        max_rows_per_page=_PAGE_ROWS,
        store_schema=False,
        write_page_checksum=True,
    ) as writer:
        writer.write_table(table, row_group_size=table.num_rows)
    written = memoryview(out.getvalue())
    length = _LENGTH.unpack_from(written, len(written) - _TRAILER)[0]
    footer = thrift.load(bytes(written[-_TRAILER - length : -_TRAILER]))
    columns = footer[_ROW_GROUPS][1][1][0][_COLUMNS][1][1]
    return {name: _cut(written, column) for name, column in zip(table.column_names, columns, strict=True)}


def _cut(written: memoryview, column: thrift.Struct) -> Chunk:
    meta = column[_META][1]
    offsets = {n: meta[n][1] for n in (_DATA_OFFSET, _DICTIONARY_OFFSET) if n in meta}
    start = min(offsets.values())
    relative = {n: (thrift.I64, offset - start) for n, offset in offsets.items()}
    return Chunk(written[start : start + meta[_COMPRESSED][1]], {**meta, **relative})


def validity(column: pa.Array) -> npt.NDArray[np.uint8]:
    """1 where the column, which has nulls, has a value, and 0 where it is null."""
    bits = np.frombuffer(column.buffers()[0], np.uint8)
    return np.unpackbits(bits, count=column.offset + len(column), bitorder="little")[column.offset :]


def compact(column: pa.DictionaryArray) -> pa.DictionaryArray:
    """The same values with a dictionary that holds only words in use: the pipeline's grow for as long as it runs."""
    indices = column.indices
    codes = memory(indices, indices.type.to_pandas_dtype())
    valid = validity(indices).view(np.bool_) if column.null_count else None
    used = np.bincount(codes if valid is None else codes[valid], minlength=len(column.dictionary)) > 0
    if used.all():
        return column
    renumbered = (np.cumsum(used) - 1).astype(codes.dtype)
    # At nulls there may be any code; they stay null.
    indices = new_column(indices.type, renumbered.take(codes, mode="clip"), valid)
    words = column.dictionary.take(new_column(pa.int64(), np.flatnonzero(used)))
    return pa.DictionaryArray.from_arrays(indices, words)


def with_statistics(chunk: Chunk, column: pa.DictionaryArray) -> Chunk:
    """The chunk of a compact dictionary array with its statistics: what `write_chunks` left out."""
    words = sorted(word.encode() for word in column.dictionary.to_pylist())
    found: thrift.Struct = {_NULLS: (thrift.I64, column.null_count)}
    if words and max(len(words[0]), len(words[-1])) <= _LONGEST_WORD:
        found |= {_MAX: (thrift.BINARY, words[-1]), _MIN: (thrift.BINARY, words[0])}
    meta = {**chunk.meta, _STATISTICS: (thrift.STRUCT, found)}
    return replace(chunk, meta=dict(sorted(meta.items())))
