"""The Arrow IPC stream sink: to a file, or to a program that reads along."""

import os
import stat
from collections.abc import Callable, Mapping
from pathlib import Path

import pyarrow as pa

from capture.errors import ReaderGone, SinkError
from capture.sink import files
from schemas.arrow import EVENTS
from schemas.journal import with_text


class IpcSink:
    """Writes an Arrow IPC stream; every batch written is readable at once, and whatever happens later.

    What is known only at the end goes into the custom metadata of a last, empty batch. Dictionaries may grow or change
    from batch to batch: the stream then carries the new entries, or the new dictionary.
    """

    batch_rows = 65_536
    streaming = True

    def __init__(
        self,
        fd: int,
        name: str,
        metadata: Mapping[str, str],
        *,
        compression: str | None = None,
        batch_rows: int = batch_rows,
    ) -> None:
        """Takes over `fd`, which is called `name` in errors. `compression` is None, "lz4" or "zstd"."""
        self.batch_rows = batch_rows
        self.rows_written = 0
        self._name = name
        self._fd = fd
        self._schema = with_text(EVENTS, metadata)
        # Arrow asks its file for the position, which a pipe has not. A Python object would need the GIL a buffer.
        self._memory = os.memfd_create("stream", os.MFD_CLOEXEC)
        options = pa.ipc.IpcWriteOptions(compression=compression, emit_dictionary_deltas=True)
        self._stream = pa.ipc.new_stream(pa.OSFile(os.dup(self._memory), "wb"), self._schema, options=options)
        self._end = 0
        self._failure: SinkError | None = None
        self._closed = False

    def write(self, batch: pa.RecordBatch) -> None:
        """Send the batch. Raises ReaderGone if nobody reads any more, else SinkError; and then each time."""
        self._do(lambda: self._stream.write_batch(batch))
        self.rows_written += batch.num_rows

    def flush(self, batch: pa.RecordBatch) -> None:
        """Do nothing: as a streaming sink it gets every row by `write`."""

    def close(self, metadata: Mapping[str, str]) -> None:
        """End the stream. After a failed write there is nothing to add: what was complete stays readable."""
        if self._closed:
            return
        self._closed = True
        text = {str(key): value for key, value in metadata.items()}
        last = pa.RecordBatch.from_arrays([column.combine_chunks() for column in EVENTS.empty_table()], schema=EVENTS)
        try:
            if self._failure is None:
                self._do(lambda: self._stream.write_batch(last, custom_metadata=text))
                self._do(self._stream.close)
        finally:
            os.close(self._memory)
            os.close(self._fd)

    @property
    def bytes_written(self) -> int:
        """Bytes of complete batches."""
        return self._end

    def _do(self, step: Callable[[], None]) -> None:
        """One step of the writer, passed on in whole. One that failed is undone in a file, and is the last one."""
        if self._failure is not None:
            raise self._failure
        step()
        try:
            self._pass_on()
        except BrokenPipeError as error:
            self._failure = ReaderGone(f"whoever read {self._name} has gone")
            raise self._failure from error
        except OSError as error:
            if stat.S_ISREG(os.fstat(self._fd).st_mode):
                os.ftruncate(self._fd, self._end)
            self._failure = files.refused(Path(self._name), error)
            raise self._failure from error

    def _pass_on(self) -> None:
        """Write what has come into memory since the last time, and free it; positions go on counting."""
        size = os.fstat(self._memory).st_size
        pending = memoryview(os.pread(self._memory, size - self._end, self._end))
        os.ftruncate(self._memory, 0)
        while pending:
            pending = pending[os.write(self._fd, pending) :]
        self._end = size


def open_stream(path: Path, *, force: bool, opened: int | None = None) -> int:
    """A descriptor for `path`: a new file, or a pipe or device that is there. Raises SinkError."""
    folder = files.open_folder(path, opened)
    try:
        mode = _mode(folder, path.name)
        if mode is not None and (stat.S_ISFIFO(mode) or stat.S_ISCHR(mode)):
            return os.open(path.name, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
        return files.create(folder, path, force=force)
    except OSError as error:
        raise files.refused(path, error) from error
    finally:
        os.close(folder)


def _mode(folder: int, name: str) -> int | None:
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
    except FileNotFoundError:
        return None
