"""One row group as the bytes that stand in the capture, and the small footer that describes them.

Most columns of a busy capture are constant for half a million rows: one command, no errors, no paths. A constant costs
Arrow as much as anything else, so such a column's chunk is made from that of its first row; Arrow encodes the columns
that vary, each as it suits the data, and the chunks are put together here in the schema's order.
"""

import struct
import zlib
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from capture.sink import thrift
from capture.sink.choose import Chooser
from capture.sink.chunks import Chunk, Recipe, compact, with_statistics, write_chunks
from capture.sink.constant import stretch
from schemas.journal import Group, parse_footer

_CONSTANT = Recipe("DICTIONARY", "none")
_KEPT = 512
_LENGTH = struct.Struct("<I")


@dataclass(frozen=True)
class Encoded:
    """A row group that is ready to be copied: the pieces of `body`, one after the other, belong at `group.start`."""

    group: Group
    body: list[memoryview]


class Encoder:
    """Encodes the row groups of one capture. Keeps the first rows of constant columns, and what suits the others."""

    def __init__(self, schema: pa.Schema) -> None:
        self._schema = schema.remove_metadata()
        self._constants: OrderedDict[tuple[str, Hashable], Chunk] = OrderedDict()
        self._chooser = Chooser()
        self._footer = _empty_footer(self._schema)

    def encode(self, batch: pa.RecordBatch, start: int) -> Encoded:
        """`batch`, of at least one row, as the row group whose first byte is byte `start` of the capture."""
        columns = dict(zip(self._schema.names, batch.columns, strict=True))
        values = {name: constant_of(column) for name, column in columns.items()}
        self._learn({name: value for name, value in values.items() if value is not None}, columns)
        varying = self._encode({name: columns[name] for name, value in values.items() if value is None})
        chunks = [
            varying[field.name]
            if field.name in varying
            else self._stretched(field, columns[field.name], values[field.name])
            for field in self._schema
        ]
        return self._join(chunks, batch.num_rows, start)

    def _learn(self, values: dict[str, Hashable], columns: dict[str, pa.Array]) -> None:
        """Encode the first row of constant columns whose value has not been met yet."""
        new = {
            name: columns[name].slice(0, 1) for name, value in values.items() if (name, value) not in self._constants
        }
        for name, chunk in self._encode(new, dict.fromkeys(new, _CONSTANT)).items():
            self._constants[name, values[name]] = chunk
        for name, value in values.items():
            self._constants.move_to_end((name, value))
        while len(self._constants) > _KEPT:
            self._constants.popitem(last=False)

    def _stretched(self, field: pa.Field, column: pa.Array, value: Hashable) -> Chunk:
        one = self._constants[field.name, value]
        return stretch(one, len(column), nullable=field.nullable, null=column.null_count > 0)

    def _encode(self, columns: dict[str, pa.Array], recipes: dict[str, Recipe] | None = None) -> dict[str, Chunk]:
        if not columns:
            return {}
        words = {name: compact(c) for name, c in columns.items() if pa.types.is_dictionary(c.type)}
        arrays = {**columns, **words}
        fields = [self._schema.field(name).with_type(array.type) for name, array in arrays.items()]
        table = pa.Table.from_arrays(list(arrays.values()), schema=pa.schema(fields))
        chunks = write_chunks(table, recipes or self._chooser.recipes(table))
        return chunks | {name: with_statistics(chunks[name], column) for name, column in words.items()}

    def _join(self, chunks: list[Chunk], rows: int, start: int) -> Encoded:
        placed = []
        at, crc = start, 0
        for chunk in chunks:
            placed.append(chunk.placed(at))
            crc = zlib.crc32(chunk.content, crc)
            at += len(chunk.content)
        row_group = {
            1: (thrift.LIST, (thrift.STRUCT, placed)),
            2: (thrift.I64, sum(chunk.meta[6][1] for chunk in chunks)),
            3: (thrift.I64, rows),
            5: (thrift.I64, start),
            6: (thrift.I64, at - start),
        }
        parts = {3: (thrift.I64, rows), 4: (thrift.LIST, (thrift.STRUCT, [row_group]))}
        footer = thrift.dump({**self._footer, **parts})
        return Encoded(Group(start, at, rows, crc, footer), [chunk.content for chunk in chunks])


def constant_of(column: pa.Array) -> Hashable | None:
    """The one value of a column, as something to look it up by; None if it has several, or is of a type that varies."""
    if column.null_count == len(column):
        return ("null",)
    if column.null_count or pa.types.is_binary(column.type) or pa.types.is_string(column.type):
        return None
    codes = column.indices if pa.types.is_dictionary(column.type) else column
    values = codes.to_numpy(zero_copy_only=False)
    first = values[0]
    # A few values spread over the column settle nearly every column that varies.
    if (values[:: max(len(values) // 64, 1)] != first).any() or (values != first).any():
        return None
    return ("value", column[0].as_py() if pa.types.is_dictionary(column.type) else int(first.astype(np.int64)))


def _empty_footer(schema: pa.Schema) -> thrift.Struct:
    """What the footers of all row groups have in common: the columns, the versions."""
    out = pa.BufferOutputStream()
    with pq.ParquetWriter(out, schema, store_schema=False):
        pass
    written = out.getvalue().to_pybytes()
    return thrift.load(written[-8 - _LENGTH.unpack(written[-8:-4])[0] : -8])


def check(group: Group) -> None:
    """Raise AssertionError unless Arrow finds each column of the row group where it is: its chunks were moved."""
    columns = parse_footer(group.footer).row_group(0)
    at = group.start
    for index in range(columns.num_columns):
        column = columns.column(index)
        first = column.dictionary_page_offset if column.has_dictionary_page else column.data_page_offset
        if first != at:
            raise AssertionError(f"column {column.path_in_schema} of the row group begins at {first}, not at {at}")
        at += column.total_compressed_size
    if at != group.end:
        raise AssertionError(f"the row group ends at {at}, not at {group.end}")
