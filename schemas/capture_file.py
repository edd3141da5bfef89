"""A capture opened for reading, whatever its state: finished, being written, or left by a writer that died."""

import fcntl
import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from schemas.damage import leave_out, tail_rows
from schemas.journal import PARQUET_MAGIC, Group, Journal, join_footers, journal_path, read

if TYPE_CHECKING:
    import pyarrow as pa


class CaptureFile:
    """A capture that may be unfinished, live or dead: `parquet` holds its row groups, `tail` the rows after them.

    `parquet` is a binary file object that is a whole Parquet file; `journal` is None for a finished capture.
    """

    def __init__(
        self,
        parquet: io.RawIOBase,
        tail: "pa.Table",
        journal: Journal | None,
        *,
        live: bool,
        damaged: Sequence[Group] = (),
    ) -> None:
        """Made by `open_capture_file`."""
        self.parquet = parquet
        self.tail = tail
        self.journal = journal
        self.live = live
        self.damaged = damaged
        """Row groups that are left out: their bytes are not what was written. A row in `tail` tells of each."""

    def read(self, columns: Sequence[str] | None = None) -> "pa.Table":
        """All rows, those of the tail last."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        tail = self.tail.select(columns) if columns is not None else self.tail
        whole = pq.ParquetFile(pa.PythonFile(self.parquet, "r")).read(columns)
        return pa.concat_tables([whole, tail.cast(whole.schema)]) if tail.num_rows else whole

    def close(self) -> None:
        """Give up the file."""
        self.parquet.close()

    def __enter__(self) -> "CaptureFile":
        """Itself; leaving the block closes it."""
        return self

    def __exit__(self, *_exc: object) -> None:
        """Close."""
        self.close()


class _Joined(io.RawIOBase):
    """The first `end` bytes of a descriptor, then `footer`, as one file that can only be read."""

    def __init__(self, fd: int, end: int, footer: bytes) -> None:
        self._fd, self._end, self._footer = fd, end, footer
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._end + len(self._footer)}[whence]
        self._at = base + offset
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill the buffer, across the seam too: Arrow takes a short read for the end."""
        view = memoryview(buffer).cast("B")
        body = max(0, min(len(view), self._end - self._at))
        count = os.preadv(self._fd, [view[:body]], self._at) if body else 0
        if count == body:
            past = self._at + count - self._end
            piece = self._footer[past : past + len(view) - count]
            view[count : count + len(piece)] = piece
            count += len(piece)
        self._at += count
        return count

    def close(self) -> None:
        if not self.closed:
            os.close(self._fd)
        super().close()


def is_live(fd: int) -> bool:
    """True if another process holds the writer's lock on the capture."""
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    fcntl.flock(fd, fcntl.LOCK_UN)
    return False


def open_capture_file(path: Path) -> CaptureFile:
    """A capture for reading: a finished one as it is, else what is safe of it so far.

    Of one whose writer is gone, and with it perhaps the power, all bytes are compared with the journal first. Raises
    OSError if it cannot be read, ValueError for a journal that no writer wrote. Whether a finished one is Parquet at
    all is left to the Parquet reader.
    """
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return _opened(fd, path)
    except BaseException:
        os.close(fd)
        raise


def _opened(fd: int, path: Path) -> CaptureFile:
    try:
        text = journal_path(path).read_bytes()
    except FileNotFoundError:
        if os.fstat(fd).st_size:
            return CaptureFile(io.FileIO(fd, "rb"), _no_rows(), None, live=False)
        text = b""  # the writer died between making the two files
    journal = read(text, os.fstat(fd).st_size)
    live = is_live(fd)
    damaged = [] if live else leave_out(journal, fd)
    tail = tail_rows([text[start : start + length] for start, length in journal.tail], damaged, journal.schema)
    footer = join_footers(journal.file_schema(), journal.groups)
    joined = _Joined(fd, journal.data_end, footer) if journal.groups else _Joined(fd, 0, PARQUET_MAGIC + footer)
    return CaptureFile(joined, tail, journal, live=live, damaged=damaged)


def _no_rows() -> "pa.Table":
    from schemas.arrow import EVENTS

    return EVENTS.empty_table()
