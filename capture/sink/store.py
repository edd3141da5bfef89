"""A capture file and its journal on disk: row groups and waiting rows are committed one by one, and joined at the end.

`Store` is used by the live sink and, after a crash, by repair: `finish` is the same for both and may be done again.
"""

import errno
import json
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import pyarrow as pa

from capture.errors import SinkError
from capture.sink import files
from capture.sink.encode import Encoder, check
from schemas.damage import leave_out, tail_rows
from schemas.journal import (
    GROUP,
    HEAD,
    HEADER_BYTES,
    MAGIC,
    META,
    PARQUET_MAGIC,
    SUFFIX,
    TAIL,
    Group,
    Journal,
    join_footers,
    pack,
    pack_tail,
    read,
)

_RESERVE = 1 << 20
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_NO_RESERVE = {errno.EOPNOTSUPP, errno.EINVAL}
_NEXT = SUFFIX + ".next"
_DEAD_MOST = 16 << 20


class Store:
    """The two files, and what of them is committed (`journal`). Made by `create` or `reopen`."""

    def __init__(self, path: Path, folder: int, data: int, log: int, journal: Journal, *, durable: bool) -> None:
        """Takes over the descriptors of the folder, the capture and the journal."""
        self.path = path
        self.journal = journal
        self.damaged: list[Group] = []
        """Row groups left out by `reopen`: their bytes are not what was written."""
        self.rows = sum(group.rows for group in journal.groups)
        """Rows in whole row groups."""
        self.size = journal.data_end
        """Bytes of whole row groups; after `finish`, of the file."""
        self._folder, self._data, self._log = folder, data, log
        self._durable = durable
        self._reserved = 0
        self._dead = 0
        self._encoder = Encoder(journal.schema)

    @classmethod
    def create(cls, path: Path, schema: pa.Schema, *, force: bool, durable: bool, opened: int | None = None) -> "Store":
        """A new capture with the columns and metadata of `schema`, in its folder if that was `opened` before.

        Raises SinkError if it cannot be made.
        """
        folder = files.open_folder(path, opened)
        data = -1
        try:
            data = files.create(folder, path, force=force)
            files.lock(data, path)
            log = files.create_journal(folder, path)
        except BaseException:
            if data >= 0:
                os.close(data)
                os.unlink(path.name, dir_fd=folder)
            os.close(folder)
            raise
        store = cls(path, folder, data, log, Journal(schema), durable=durable)
        try:
            store._begin()
        except SinkError:
            os.unlink(path.name, dir_fd=folder)
            os.unlink(path.name + SUFFIX, dir_fd=folder)
            store.release()
            raise
        return store

    @classmethod
    def reopen(cls, path: Path) -> "Store":
        """A capture whose writer died. Raises SinkError: a live one, no capture, or not to be written."""
        folder = files.open_folder(path)
        data = log = -1
        try:
            data = os.open(path.name, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
            files.lock(data, path)
            # An empty capture has none yet if its writer died between making the two.
            make = 0 if os.fstat(data).st_size else os.O_CREAT
            log = os.open(path.name + SUFFIX, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC | make, 0o600, dir_fd=folder)
            with os.fdopen(os.dup(log), "rb") as file:
                journal = read(file.read(), os.fstat(data).st_size)
            damaged = leave_out(journal, data)
        except BaseException as error:
            for fd in (folder, data, log):
                if fd >= 0:
                    os.close(fd)
            if isinstance(error, OSError):
                raise files.refused(path, error, "cannot repair") from error
            raise
        store = cls(path, folder, data, log, journal, durable=True)
        store.damaged = damaged
        return store

    def _begin(self) -> None:
        try:
            _write_all(self._data, PARQUET_MAGIC, 0)
            _write_all(self._log, MAGIC, 0)
            if self._durable:
                os.fsync(self._folder)  # the names of the two files
        except OSError as error:
            raise files.refused(self.path, error) from error
        self.journal.end = len(MAGIC)
        self._append(HEAD, self.journal.schema.serialize().to_pybytes())
        self._reserve(len(PARQUET_MAGIC), self._room())

    def add_group(self, batch: pa.RecordBatch) -> None:
        """Commit `batch` as the next row group; the tail, whose rows it holds too, is empty then.

        Raises SinkError, the disk full for one: then nothing has changed.
        """
        journal = self.journal
        encoded = self._encoder.encode(batch, journal.data_end)
        check(encoded.group)
        self._reserve(encoded.group.end, self._room() + encoded.group.footer_bytes)
        self._put(encoded.body, encoded.group.start)
        self._append(GROUP, encoded.group.pack())
        journal.groups.append(encoded.group)
        self.rows += encoded.group.rows
        self.size = encoded.group.end
        self._dead += sum(length for _, length in journal.tail)
        journal.tail.clear()
        if self._dead > max(_DEAD_MOST, journal.end - self._dead):
            self._shorten()

    def add_tail(self, batch: pa.RecordBatch) -> None:
        """Commit rows to the tail. Raises SinkError: then nothing has changed."""
        payload = pack_tail(batch)
        # At the end the tail becomes a row group, which is smaller, and the disk may be full by then.
        self._reserve(self.journal.data_end, self._room() + len(payload))
        self.journal.tail.append((self._append(TAIL, payload), len(payload)))

    def tail(self) -> pa.RecordBatch:
        """The rows of the tail, and those that tell of damaged row groups."""
        payloads = [os.pread(self._log, length, start) for start, length in self.journal.tail]
        return tail_rows(payloads, self.damaged, self.journal.schema).to_batches()[0]

    def finish(self, metadata: Mapping[str, str]) -> int:
        """Make the capture one whole Parquet file, remove the journal, and give up the files. Returns the rows.

        The row groups stay where they are; the tail is encoded after them, then the footer. Whenever this is cut short
        the journal is still there and says the same, so it can be done again. Raises SinkError, after which it can too.
        """
        journal = self.journal
        if metadata:
            journal.metadata.update(metadata)
            self._keep_metadata()
        groups = list(journal.groups)
        end = journal.data_end
        if journal.tail or self.damaged:
            encoded = self._encoder.encode(self.tail(), end)
            self._put(encoded.body, end)
            groups.append(encoded.group)
            end = encoded.group.end
        footer = join_footers(journal.file_schema(), groups)
        if os.pread(self._data, len(PARQUET_MAGIC), 0) != PARQUET_MAGIC:  # writing over it takes room on copy-on-write
            self._put([PARQUET_MAGIC], 0)
        self._put([footer], end)
        try:
            os.ftruncate(self._data, end + len(footer))
            os.fsync(self._data)
            for suffix in (SUFFIX, _NEXT):
                files.unlink_if_there(self._folder, self.path.name + suffix)
            os.fsync(self._folder)
        except OSError as error:
            raise files.refused(self.path, error, "cannot finish") from error
        self.release()
        self.size = end + len(footer)
        return sum(group.rows for group in groups)

    def release(self) -> None:
        """Close the descriptors, which gives up the lock, and leave the files as they are."""
        for fd in (self._log, self._data, self._folder):
            os.close(fd)

    def _keep_metadata(self) -> None:
        """Write what is known only at the end into the journal, for the case that `finish` is cut short.

        Without room for it the file can still be finished: the footer has its room reserved, the journal has not.
        """
        try:
            self._append(META, json.dumps(self.journal.metadata).encode())
        except SinkError as error:
            if not isinstance(error.__cause__, OSError) or error.__cause__.errno not in _FULL:
                raise

    def _room(self) -> int:
        """Bytes to keep free after the last row group, for what `finish` writes there."""
        footers = sum(group.footer_bytes for group in self.journal.groups)
        tail = sum(length for _, length in self.journal.tail)
        return _RESERVE + footers + tail

    def _reserve(self, start: int, room: int) -> None:
        """Have the file system set `room` bytes aside from `start` on; where it cannot, nothing is reserved."""
        if start + room <= self._reserved:
            return
        try:
            os.posix_fallocate(self._data, self.journal.data_end, start + room - self.journal.data_end)
        except OSError as error:
            if error.errno not in _NO_RESERVE:
                raise files.refused(self.path, error) from error
        self._reserved = start + room

    def _put(self, pieces: Sequence[bytes | memoryview], at: int) -> None:
        try:
            for piece in pieces:
                at = _write_all(self._data, piece, at)
            if self._durable:
                os.fdatasync(self._data)
        except OSError as error:
            raise files.refused(self.path, error) from error

    def _append(self, kind: bytes, payload: bytes) -> int:
        """Commit one record; returns where in the journal its payload begins."""
        start = self.journal.end
        record = pack(kind, payload)
        try:
            _write_all(self._log, record, start)
            if self._durable:
                os.fdatasync(self._log)
        except OSError as error:
            with suppress(OSError):  # copy-on-write takes room for that too; what is torn does not count in any case
                os.ftruncate(self._log, start)
            raise files.refused(self.path.with_name(self.path.name + SUFFIX), error) from error
        self.journal.end = start + len(record)
        return start + HEADER_BYTES

    def _shorten(self) -> None:
        """Put a journal without the rows that came into row groups in place of this one.

        Where that cannot be (no room, no right to the folder any more) the journal is merely longer than it need be:
        the row group that led here is committed, so this must not fail. It is tried again when as much has come again.
        """
        self._dead = 0
        records = [pack(HEAD, self.journal.schema.serialize().to_pybytes())]
        records += [pack(GROUP, group.pack()) for group in self.journal.groups]
        text = MAGIC + b"".join(records)
        try:
            log = files.create_journal(self._folder, self.path, _NEXT)
        except SinkError:
            return
        try:
            _write_all(log, text, 0)
            if self._durable:
                os.fdatasync(log)
            names = self.path.name + _NEXT, self.path.name + SUFFIX
            os.rename(*names, src_dir_fd=self._folder, dst_dir_fd=self._folder)
        except OSError:
            os.close(log)
            return  # what was written of it is removed the next time, and at the end
        os.close(self._log)
        self._log, self.journal.end = log, len(text)
        if self._durable:  # else a power cut could bring the old one back, which lacks what comes now
            with suppress(OSError):  # a disk that fails says so at the next flush
                os.fsync(self._folder)


def _write_all(fd: int, content: bytes | memoryview, at: int) -> int:
    """Write all of `content` at byte `at`; returns where it ends."""
    view = memoryview(content)
    while view:
        count = os.pwrite(fd, view, at)
        view = view[count:]
        at += count
    return at
