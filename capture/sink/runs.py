"""Columns of few runs, encoded here: a run costs a few bytes and no time, however long it is.

In half a million rows most columns have one value, or one with a few exceptions: one command, no errors, no paths.
Arrow takes as long for them as for any other. So Arrow encodes only the distinct values, which settles the dictionary
page, the statistics and the entry in the footer; the data page, runs of definition levels and of indices into the
dictionary, is written here. The pages are those of Apache Parquet's parquet.thrift (PageHeader, DataPageHeader) and
Encodings.md (RLE, data page 1).
"""

import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from capture.arrays import column as new_column
from capture.arrays import memory
from capture.sink import thrift
from capture.sink.chunks import Chunk, Recipe, validity, write_chunks

# Fields of ColumnMetaData, Statistics, PageHeader and DataPageHeader
_VALUES, _RAW_SIZE, _SIZE, _DATA_OFFSET, _STATISTICS, _SIZE_STATISTICS = 5, 6, 7, 9, 12, 16
_NULLS = 3
_PAGE_RAW_SIZE, _PAGE_SIZE, _PAGE_CRC, _PAGE_DATA = 2, 3, 4, 5
_PAGE_VALUES, _PAGE_STATISTICS = 1, 5

_RECIPE = Recipe("DICTIONARY", "none")
_ROWS_PER_RUN = 256  # on average at least; with shorter runs Arrow is as quick
_PROBES = 256

_LENGTH = struct.Struct("<I")
_SIGNED = struct.Struct("<i")

Numbers = npt.NDArray[np.integer]
_WIDTHS: dict[int, type[np.signedinteger[Any]]] = {8: np.int8, 16: np.int16, 32: np.int32, 64: np.int64}
_NONE = np.empty(0, np.int64)


@dataclass(frozen=True)
class Runs:
    """A column as runs. `values` are its distinct values; each of `codes`, positions in it, comes `lengths` times.

    `present` is 0 or 1, for null or not, repeated `present_lengths` times; nulls have no code.
    """

    rows: int
    nulls: int
    values: pa.Array
    codes: Numbers
    lengths: Numbers
    present: Numbers
    present_lengths: Numbers


def runs_of(column: pa.Array) -> Runs | None:
    """The column as runs, or None if it has too many to be worth it."""
    rows, nulls = len(column), column.null_count
    limit = max(rows // _ROWS_PER_RUN, 1)
    if nulls == rows:
        return Runs(rows, nulls, _plain(column.slice(0, 0)), _NONE, _NONE, np.zeros(1, np.int64), np.array([rows]))
    if pa.types.is_string(column.type) or pa.types.is_binary(column.type):
        if rows - nulls > limit:
            return None  # texts that are all equal are too rare to look for
        column = column.dictionary_encode()
    codes = _codes(column)
    levels = validity(column) if nulls else None
    if _varies(codes, levels):
        return None
    present = (np.ones(1, np.int64), np.array([rows])) if levels is None else _runs(levels, limit)
    if present is None:
        return None
    found = _runs(codes if levels is None else _pick(codes, *present), limit)
    if found is None:
        return None
    distinct, numbers = np.unique(found[0], return_inverse=True)
    values = _words(column, distinct)
    if pa.types.is_dictionary(column.type):  # which may hold a word twice, where Parquet keeps each once
        words = values.dictionary_encode()
        values, numbers = words.dictionary, memory(words.indices, np.int32)[numbers]
    return Runs(rows, nulls, values, numbers, found[1], *present)


def _codes(column: pa.Array) -> npt.NDArray[Any]:
    """The column's numbers, of a dictionary its indices, as they lie in memory; at nulls there may be anything."""
    numbers = column.indices if pa.types.is_dictionary(column.type) else column
    return memory(numbers, _WIDTHS[numbers.type.bit_width])


def _words(column: pa.Array, codes: npt.NDArray[Any]) -> pa.Array:
    """What the codes stand for."""
    if pa.types.is_dictionary(column.type):
        return column.dictionary.take(new_column(pa.int64(), codes.astype(np.int64)))
    return new_column(column.type, codes)


def _plain(column: pa.Array) -> pa.Array:
    """The column, its dictionary resolved if it has one."""
    return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column


def _varies(codes: npt.NDArray[Any], levels: npt.NDArray[np.uint8] | None) -> bool:
    """True if a few neighbours, looked at here and there, are different too often."""
    if len(codes) < _PROBES * 2:
        return False
    at = np.arange(0, len(codes) - 1, len(codes) // _PROBES)
    different = codes[at] != codes[at + 1]
    if levels is not None:
        different = different & (levels[at] & levels[at + 1] > 0) | (levels[at] != levels[at + 1])
    return int(np.count_nonzero(different)) > _PROBES // 16


def _runs(codes: npt.NDArray[Any], limit: int) -> tuple[npt.NDArray[Any], Numbers] | None:
    """The code and the length of each run; None if there are more than `limit`."""
    starts = np.flatnonzero(codes[1:] != codes[:-1]) + 1
    if len(starts) >= limit:
        return None
    starts = np.concatenate([[0], starts])
    return codes[starts], np.diff(starts, append=len(codes))


def _pick(codes: npt.NDArray[Any], present: Numbers, lengths: Numbers) -> npt.NDArray[Any]:
    """The codes that are present: views if they are in one piece, as with a column that is null or valid to the end."""
    ends = np.cumsum(lengths)
    pieces = [codes[end - n : end] for here, end, n in zip(present, ends, lengths, strict=True) if here]
    return pieces[0] if len(pieces) == 1 else np.concatenate(pieces)


def write_runs(schema: pa.Schema, columns: Mapping[str, Runs]) -> dict[str, Chunk]:
    """The columns as chunks, by name; `schema` says which of them may be null."""
    if not columns:
        return {}
    longest = max(1, *(len(runs.values) for runs in columns.values()))
    fields = [schema.field(name).with_type(runs.values.type) for name, runs in columns.items()]
    arrays = [_filled_up(runs.values, longest) for runs in columns.values()]
    short = write_chunks(pa.Table.from_arrays(arrays, schema=pa.schema(fields)), dict.fromkeys(columns, _RECIPE))
    return {name: _with_runs(short[name], runs, schema.field(name).nullable) for name, runs in columns.items()}


def _filled_up(values: pa.Array, rows: int) -> pa.Array:
    """The values, the last of them again and again: a table's columns are of one length. Nulls if there is none."""
    if not len(values):
        return pa.nulls(rows, values.type)
    return values.take(new_column(pa.int64(), np.minimum(np.arange(rows), len(values) - 1)))


def _with_runs(short: Chunk, runs: Runs, nullable: bool) -> Chunk:
    """The chunk of all rows, from that of the distinct values."""
    at = short.meta[_DATA_OFFSET][1]
    header = thrift.load(bytes(short.content[at:]))
    width = max(1, (len(runs.values) - 1).bit_length())
    levels = _hybrid(runs.present, runs.present_lengths, 1)
    page = _LENGTH.pack(len(levels)) + levels if nullable else b""
    page += bytes([width]) + _hybrid(runs.codes, runs.lengths, width)
    data = dict(header[_PAGE_DATA][1])
    data.pop(_PAGE_STATISTICS, None)
    data[_PAGE_VALUES] = (thrift.I32, runs.rows)
    crc = _SIGNED.unpack(_LENGTH.pack(zlib.crc32(page)))[0]
    sizes = {_PAGE_RAW_SIZE: len(page), _PAGE_SIZE: len(page), _PAGE_CRC: crc}
    page_header = {**header, **{n: (thrift.I32, size) for n, size in sizes.items()}, _PAGE_DATA: (thrift.STRUCT, data)}
    content = bytes(short.content[:at]) + thrift.dump(page_header) + page
    meta = {number: entry for number, entry in short.meta.items() if number != _SIZE_STATISTICS}
    for number, value in {_VALUES: runs.rows, _RAW_SIZE: len(content), _SIZE: len(content)}.items():
        meta[number] = (thrift.I64, value)
    statistics = {**meta[_STATISTICS][1], _NULLS: (thrift.I64, runs.nulls)}
    meta[_STATISTICS] = (thrift.STRUCT, dict(sorted(statistics.items())))
    return Chunk(memoryview(content), meta)


def _hybrid(codes: Numbers, lengths: Numbers, width: int) -> bytes:
    """Runs in Parquet's hybrid of RLE and bit packing, of which RLE is enough here; each code takes `width` bits."""
    size = (width + 7) // 8
    out = bytearray()
    for code, length in zip(codes.tolist(), lengths.tolist(), strict=True):
        out += thrift.varint(length << 1)
        out += code.to_bytes(size, "little")
    return bytes(out)
