"""One row group as the bytes that stand in the capture, and the small footer that describes them.

Columns that hardly vary are written as runs; Arrow encodes the others, each as suits it. The chunks are put together
here, in the schema's order, in a footer that says where they are.
"""

import struct
import zlib
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq

from capture.sink import thrift
from capture.sink.choose import Chooser
from capture.sink.chunks import Chunk, compact, with_statistics, write_chunks
from capture.sink.runs import runs_of, write_runs
from schemas.journal import Group, parse_footer

_LENGTH = struct.Struct("<I")


@dataclass(frozen=True)
class Encoded:
    """A row group that is ready to be copied: the pieces of `body`, one after the other, belong at `group.start`."""

    group: Group
    body: list[memoryview]


class Encoder:
    """Encodes the row groups of one capture. Remembers what suits the columns that vary."""

    def __init__(self, schema: pa.Schema) -> None:
        self._schema = schema.remove_metadata()
        self._chooser = Chooser()
        self._footer = _empty_footer(self._schema)

    def encode(self, batch: pa.RecordBatch, start: int) -> Encoded:
        """`batch`, of at least one row, as the row group whose first byte is byte `start` of the capture."""
        quiet, varying = {}, {}
        for name, column in zip(self._schema.names, batch.columns, strict=True):
            runs = runs_of(column)
            if runs is None:
                varying[name] = column
            else:
                quiet[name] = runs
        chunks = write_runs(self._schema, quiet) | self._encode(varying)
        return self._join([chunks[name] for name in self._schema.names], batch.num_rows, start)

    def _encode(self, columns: dict[str, pa.Array]) -> dict[str, Chunk]:
        if not columns:
            return {}
        words = {name: compact(c) for name, c in columns.items() if pa.types.is_dictionary(c.type)}
        arrays = {**columns, **words}
        fields = [self._schema.field(name).with_type(array.type) for name, array in arrays.items()]
        table = pa.Table.from_arrays(list(arrays.values()), schema=pa.schema(fields))
        chunks = write_chunks(table, self._chooser.recipes(table))
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
        return Encoded(Group.of(start, at, rows, crc, footer), [chunk.content for chunk in chunks])


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
