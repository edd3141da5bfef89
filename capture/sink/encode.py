"""One row group as the bytes that stand in the capture, and the small footer that describes them."""

import os
import struct
import zlib
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq

from schemas.journal import PARQUET_MAGIC, Group, parse_footer

_LENGTH = struct.Struct("<I")


@dataclass(frozen=True)
class Encoded:
    """A row group that is ready to be copied: `body` belongs at `group.start` of the capture."""

    group: Group
    body: memoryview


def encode(table: pa.Table, start: int) -> Encoded:
    """Encode `table` as the row group whose first byte is byte `start` of the capture.

    Arrow takes every offset in a footer from the position of its file, but opens a writer only at position 0. So each
    row group gets a writer of its own on a file in memory, whose position is moved to `start` once the writer is made:
    the offsets are those of the capture, and the body is copied as it is.
    """
    fd = os.memfd_create("row-group", os.MFD_CLOEXEC)
    try:
        with pa.OSFile(os.dup(fd), "wb") as sink:
            writer = _writer(sink, table)
            os.lseek(fd, start, os.SEEK_SET)
            writer.write_table(table, row_group_size=max(table.num_rows, 1))
            writer.close()
        written = memoryview(os.pread(fd, os.fstat(fd).st_size - start, start))
    finally:
        os.close(fd)
    length = _LENGTH.unpack(written[-8:-4])[0] + 2 * len(PARQUET_MAGIC)
    body, footer = written[:-length], bytes(written[-length:-8])
    _check(footer, start, start + len(body))
    return Encoded(Group(start, start + len(body), table.num_rows, zlib.crc32(body), footer), body)


def _writer(sink: pa.NativeFile, table: pa.Table) -> pq.ParquetWriter:
    names = [f.name for f in table.schema if pa.types.is_dictionary(f.type)]
    delta = [f.name for f in table.schema if pa.types.is_integer(f.type) or pa.types.is_timestamp(f.type)]
    return pq.ParquetWriter(
        sink,
        table.schema,
        compression="lz4",
        use_dictionary=names,
        column_encoding=dict.fromkeys(delta, "DELTA_BINARY_PACKED"),
        store_schema=False,
        write_page_checksum=True,
    )


def _check(footer: bytes, start: int, end: int) -> None:
    """Raise AssertionError unless the offsets are those of the capture: this rests on how Arrow works inside."""
    columns = parse_footer(footer).row_group(0)
    at = start
    for index in range(columns.num_columns):
        column = columns.column(index)
        first = column.dictionary_page_offset if column.has_dictionary_page else column.data_page_offset
        if first != at:
            raise AssertionError(f"column {column.path_in_schema} of the row group begins at {first}, not at {at}")
        at += column.total_compressed_size
    if at > end:
        raise AssertionError(f"the row group ends at {at}, beyond its {end}")
