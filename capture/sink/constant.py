"""Chunks of constant columns, written here: one run of any length, for the price of a few bytes.

A column with one value needs a dictionary of one word and two runs, of definition levels and of indices into it. Arrow
encodes one row, which settles all but the lengths; the data page is then written again for as many rows as there are.
The pages are those of Apache Parquet's parquet.thrift (PageHeader, DataPageHeader) and Encodings.md (RLE, data page 1).
"""

import struct
import zlib

from capture.sink import thrift
from capture.sink.chunks import Chunk

# Fields of ColumnMetaData, PageHeader and DataPageHeader
_VALUES, _RAW_SIZE, _SIZE, _DATA_OFFSET, _STATISTICS, _SIZE_STATISTICS = 5, 6, 7, 9, 12, 16
_PAGE_RAW_SIZE, _PAGE_SIZE, _PAGE_CRC, _PAGE_DATA = 2, 3, 4, 5
_PAGE_VALUES, _PAGE_STATISTICS = 1, 5
_NULLS = 3

_LENGTH = struct.Struct("<I")
_LENGTH_SIGNED = struct.Struct("<i")
_BIT_WIDTH = b"\x01"


def stretch(one: Chunk, rows: int, *, nullable: bool, null: bool) -> Chunk:
    """The chunk of a column of `rows` equal values, from that of its first row: not compressed, dictionary encoded."""
    at = one.meta[_DATA_OFFSET][1]
    header = thrift.load(bytes(one.content[at:]))
    levels = _run(rows, 0 if null else 1)
    page = _LENGTH.pack(len(levels)) + levels if nullable else b""
    page += _BIT_WIDTH + (b"" if null else _run(rows, 0))
    data = dict(header[_PAGE_DATA][1])
    data.pop(_PAGE_STATISTICS, None)
    data[_PAGE_VALUES] = (thrift.I32, rows)
    text = thrift.dump(
        {
            **header,
            _PAGE_RAW_SIZE: (thrift.I32, len(page)),
            _PAGE_SIZE: (thrift.I32, len(page)),
            _PAGE_CRC: (thrift.I32, _LENGTH_SIGNED.unpack(_LENGTH.pack(zlib.crc32(page)))[0]),
            _PAGE_DATA: (thrift.STRUCT, data),
        }
    )
    content = bytes(one.content[:at]) + text + page
    meta = {number: entry for number, entry in one.meta.items() if number != _SIZE_STATISTICS}
    for number, value in {_VALUES: rows, _RAW_SIZE: len(content), _SIZE: len(content)}.items():
        meta[number] = (thrift.I64, value)
    if null:
        meta[_STATISTICS] = (thrift.STRUCT, {_NULLS: (thrift.I64, rows)})
    return Chunk(memoryview(content), meta)


def _run(count: int, value: int) -> bytes:
    """`count` times `value`, which takes one bit, as an RLE run."""
    return thrift.varint(count << 1) + bytes([value])
