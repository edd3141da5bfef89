"""The journal beside an unfinished capture, `FILE.journal`: its format, and how both files are read together.

A Parquet file has its index, the footer, at its end, so a capture whose writer died would be unreadable. Until the
footer is written the journal holds what it is made of. After eight bytes of magic come records, each a header (kind,
length of the payload, CRC-32 of the payload, CRC-32 of the header itself; little-endian) and its payload:

    HEAD  Arrow IPC schema message: the columns and the file's metadata; always the first
    GRUP  start, end, rows, CRC-32 of one row group's bytes in the capture, and its own small footer: length, deflated
    TAIL  an Arrow IPC stream of rows that are not in a row group yet
    META  JSON object, metadata that was known only at the end

Appending a record is the commit of what it says. A GRUP record holds the rows of all TAIL records before it, which
count no longer from then on; when these have grown large, the writer puts a journal without them in place of this one
by renaming. The first record that is incomplete or does not match its CRC ends the journal: it was being written when
the writer died.

The writer holds an exclusive flock on the capture for as long as it lives.
"""

import json
import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

MAGIC = b"SYSTAPE\x01"
SUFFIX = ".journal"
PARQUET_MAGIC = b"PAR1"
MOST_GROUPS = 32_767
"""Row groups in one file: Parquet numbers them in 16 bits (RowGroup.ordinal in parquet.thrift); readers refuse more."""
HEAD, GROUP, TAIL, META = b"HEAD", b"GRUP", b"TAIL", b"META"

_HEADER = struct.Struct("<4sQI")
_CRC = struct.Struct("<I")
_GROUP = struct.Struct("<QQQII")
HEADER_BYTES = _HEADER.size + _CRC.size


@dataclass(frozen=True)
class Group:
    """A whole row group: bytes `start` to `end` of the capture, their CRC-32, and a Parquet footer for it alone.

    The footer is the Thrift structure, without the length and the magic that follow it in a file.
    """

    start: int
    end: int
    rows: int
    crc: int
    footer_bytes: int
    deflated: bytes

    @classmethod
    def of(cls, start: int, end: int, rows: int, crc: int, footer: bytes) -> "Group":
        """A row group with its footer as it is."""
        return cls(start, end, rows, crc, len(footer), zlib.compress(footer, 1))

    @property
    def footer(self) -> bytes:
        """The footer as it is. Raises ValueError if what was deflated is none of that length."""
        try:
            footer = zlib.decompressobj().decompress(self.deflated, self.footer_bytes + 1)
        except zlib.error as error:
            raise ValueError(f"a footer in it is damaged: {error}") from error
        if len(footer) != self.footer_bytes:
            raise ValueError("a footer in it has not the length that it says")
        return footer

    def pack(self) -> bytes:
        """The payload of its record."""
        return _GROUP.pack(self.start, self.end, self.rows, self.crc, self.footer_bytes) + self.deflated

    @classmethod
    def unpack(cls, payload: bytes) -> "Group":
        """The reverse of `pack`. Raises ValueError for what is too short."""
        if len(payload) < _GROUP.size:
            raise ValueError("a record in it is too short")
        start, end, rows, crc, footer_bytes = _GROUP.unpack_from(payload)
        return cls(start, end, rows, crc, footer_bytes, payload[_GROUP.size :])


@dataclass
class Journal:
    """What a journal says: everything of the capture that is safe."""

    schema: "pa.Schema"
    """The columns; its metadata is the file's, as known at the start."""
    metadata: dict[str, str] = field(default_factory=dict)
    """What was added at the end; empty unless the writer died while it finished the file."""
    groups: list[Group] = field(default_factory=list)
    tail: list[tuple[int, int]] = field(default_factory=list)
    """Offset and length, in the journal, of each IPC stream that counts."""
    end: int = 0
    """Bytes of the journal that hold whole records; the next one belongs here."""

    @property
    def data_end(self) -> int:
        """Bytes of the capture that hold whole row groups."""
        return self.groups[-1].end if self.groups else len(PARQUET_MAGIC)

    def file_schema(self) -> "pa.Schema":
        """The columns, with all metadata known so far."""
        start = self.schema.metadata or {}
        return self.schema.with_metadata(start | {key.encode(): text.encode() for key, text in self.metadata.items()})


def pack(kind: bytes, payload: bytes) -> bytes:
    """One record, as it stands in the journal."""
    header = _HEADER.pack(kind, len(payload), zlib.crc32(payload))
    return header + _CRC.pack(zlib.crc32(header)) + payload


def pack_tail(batch: "pa.RecordBatch") -> bytes:
    """Rows as the payload of a TAIL record: an IPC stream of one batch, lz4 (zstd takes three times as long)."""
    import pyarrow as pa

    out = pa.BufferOutputStream()
    bare = batch.schema.remove_metadata()
    with pa.ipc.new_stream(out, bare, options=pa.ipc.IpcWriteOptions(compression="lz4", use_threads=False)) as stream:
        stream.write_batch(batch)
    payload: bytes = out.getvalue().to_pybytes()
    return payload


def unpack_tail(payloads: Sequence[bytes], schema: "pa.Schema") -> "pa.Table":
    """The rows of TAIL payloads as one table of `schema`, dictionaries made common."""
    import pyarrow as pa

    batches = [batch for payload in payloads for batch in pa.ipc.open_stream(payload)]
    if not batches:
        return schema.empty_table()
    table = pa.Table.from_batches(batches).unify_dictionaries().combine_chunks()
    return pa.Table.from_arrays(table.columns, schema=schema)


def read(text: bytes, data_size: int) -> Journal:
    """What a journal's bytes say about a capture of `data_size` bytes. A torn or empty one is no error.

    Raises ValueError for a whole record that no writer wrote.
    Ask for that size after reading the journal. A capture that has not even its magic is one whose journal was yet to
    be made: this one is an older capture's. Whether the row groups are there schemas/damage.py finds out.
    """
    from schemas.arrow import EVENTS

    journal = Journal(EVENTS)
    if data_size < len(PARQUET_MAGIC) or not text.startswith(MAGIC):
        return journal
    journal.end = len(MAGIC)
    for kind, start, payload in _records(text):
        _take(journal, kind, start, payload)
        journal.end = start + len(payload)
    return journal


def _records(text: bytes) -> Iterator[tuple[bytes, int, bytes]]:
    """Kind, offset of the payload, and payload of each whole record, up to the first that is not."""
    at = len(MAGIC)
    while at + HEADER_BYTES <= len(text):
        kind, length, crc = _HEADER.unpack_from(text, at)
        if zlib.crc32(text[at : at + _HEADER.size]) != _CRC.unpack_from(text, at + _HEADER.size)[0]:
            return
        start = at + HEADER_BYTES
        payload = text[start : start + length]
        if len(payload) < length or zlib.crc32(payload) != crc:
            return
        yield kind, start, payload
        at = start + length


def _take(journal: Journal, kind: bytes, start: int, payload: bytes) -> None:
    """Add what a record says."""
    import pyarrow as pa

    if kind == HEAD:
        journal.schema = pa.ipc.read_schema(pa.py_buffer(payload))
    elif kind == GROUP:
        journal.groups.append(Group.unpack(payload))
        journal.tail.clear()
    elif kind == TAIL:
        journal.tail.append((start, len(payload)))
    elif kind == META:
        journal.metadata = _texts(payload)


def _texts(payload: bytes) -> dict[str, str]:
    try:
        found = json.loads(payload)
    except RecursionError as error:
        raise ValueError("metadata in it is no object of texts") from error
    if not isinstance(found, dict) or not all(isinstance(text, str) for text in found.values()):
        raise ValueError("metadata in it is no object of texts")
    return found


def parse_footer(footer: bytes) -> "pq.FileMetaData":
    """A footer's Thrift structure, read by pyarrow."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    return pq.read_metadata(pa.BufferReader(PARQUET_MAGIC + footer + _CRC.pack(len(footer)) + PARQUET_MAGIC))


def join_footers(schema: "pa.Schema", groups: Sequence[Group]) -> bytes:
    """The end of a whole Parquet file with these row groups: footer, its length, magic.

    `schema` gives the file's metadata and the Arrow types that readers restore.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    with pq.ParquetWriter(pa.BufferOutputStream(), schema) as writer:
        pass
    joined = writer.writer.metadata
    for group in groups:
        joined.append_row_groups(parse_footer(group.footer))
    out = pa.BufferOutputStream()
    joined.write_metadata_file(out)
    return bytes(out.getvalue()[len(PARQUET_MAGIC) :])


def journal_path(path: Path) -> Path:
    """Where the journal of a capture is."""
    return path.with_name(path.name + SUFFIX)


def with_text(schema: "pa.Schema", metadata: Mapping[str, str]) -> "pa.Schema":
    """`schema` with `metadata` in place of its own."""
    return schema.with_metadata({str(key): value for key, value in metadata.items()})
