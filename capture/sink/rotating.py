"""A capture in one Parquet file after the other: each a `ParquetSink` of its own, finished while the next is filled.

A file is finished on a thread of its own, since that waits for the disk; one at a time, so that memory stays bounded.
docs/decisions/0009-rotation.md says how the seam works.
"""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue

import pyarrow as pa

from capture.errors import SinkError
from capture.sink import files
from capture.sink.base import BATCH_ROWS
from capture.sink.names import Names, Rotation
from capture.sink.parquet import ParquetSink
from capture.sink.postrotate import PostRotate

Metadata = Mapping[str, str]


@dataclass(frozen=True)
class Finished:
    """A file that is whole now, or, with an `error`, one that is left with its journal."""

    path: Path
    rows: int
    why: str
    """Why the capture went on in another one (capture/rotation.py)."""
    error: SinkError | None = None


class RotatingSink:
    """The sink for `-w FILE.parquet`. Raises SinkError if the first file cannot be made, UsageError for a bad name.

    `start` gives the metadata that part number N begins with (0 is the first). Files are made in the folder of
    `target`, through the descriptor `opened` if there is one. `rotate` and the methods of a sink are called on the
    writer's thread; `path`, `parts` and the counts may be read by any.
    """

    batch_rows = BATCH_ROWS
    streaming = False

    def __init__(
        self,
        target: Path,
        start: Callable[[int], Metadata],
        rotation: Rotation | None = None,
        *,
        force: bool = False,
        durable: bool = False,
        opened: int | None = None,
    ) -> None:
        rotation = rotation or Rotation()
        self._start, self._force, self._durable = start, force, durable
        self._names = Names(target, rotation)
        self._after = PostRotate(rotation.command)
        self.path = self._names.first()
        self._folder = files.open_folder(target, opened)
        self._own: set[str] = set()
        self._refuse_foreign_ring()
        self._sink = self._open(self.path)
        self._earlier_bytes = self._earlier_rows = 0
        self.parts = 1
        """Files begun."""
        self._finisher: threading.Thread | None = None
        self._finished: SimpleQueue[Finished] = SimpleQueue()
        self._closed = False

    def write(self, batch: pa.RecordBatch) -> None:
        """Commit the batch as a row group of the current file."""
        self._sink.write(batch)

    def flush(self, batch: pa.RecordBatch) -> None:
        """Commit the rows to the journal of the current file."""
        self._sink.flush(batch)

    def rotate(self, end: Callable[[], Metadata], why: str) -> None:
        """Go on in the next file, and have the old one finished with what `end` gives added to its metadata.

        Raises SinkError if the next file cannot be made; then the old one stays the current one, and `end` was not
        called.
        """
        names = self._names.following(time.time(), full=why == "size")
        path = next(one for one in names if self._is_free(one))
        self._await_finisher()  # in a ring of two, its file is the one to be replaced
        old, old_path = self._sink, self.path
        self._sink = self._open(path)
        self.path = path
        self._earlier_bytes += old.bytes_written
        self._earlier_rows += old.rows_written
        self.parts += 1
        self._finisher = threading.Thread(target=self._finish, args=(old, old_path, end(), why), name="finisher")
        self._finisher.start()

    def close(self, metadata: Metadata) -> None:
        """Finish the current file, and wait until all others are. Raises SinkError as `ParquetSink.close`."""
        self._await_finisher()
        if not self._closed:
            self._sink.close(metadata)
            self._closed = True

    def run_command(self) -> None:
        """Run the command of -z on the file that `close` has finished."""
        self._after.start(self.path)

    def news(self) -> list[Finished]:
        """The files that were finished since the last time."""
        found = []
        while True:
            try:
                found.append(self._finished.get_nowait())
            except Empty:
                return found

    def failures(self, *, last: bool = False) -> list[str]:
        """What went wrong with the command of -z since the last time; the `last` time some of it is waited for."""
        return self._after.last_failures() if last else self._after.failures()

    @property
    def pattern(self) -> str:
        """What names all files to a shell."""
        return str(self.path) if self.parts == 1 else self._names.pattern

    @property
    def bytes_written(self) -> int:
        """Bytes of finished files, and of whole row groups in the others."""
        return self._earlier_bytes + self._sink.bytes_written

    @property
    def rows_written(self) -> int:
        """Rows of whole row groups, over all files."""
        return self._earlier_rows + self._sink.rows_written

    @property
    def part_bytes(self) -> int:
        """Bytes of whole row groups in the current file."""
        return self._sink.bytes_written

    @property
    def part_groups(self) -> int:
        """Row groups in the current file."""
        return self._sink.groups_written

    def _open(self, path: Path) -> ParquetSink:
        number = 0 if not self._own else self.parts
        ours = path.name in self._own  # the oldest of a ring, or renamed since
        sink = ParquetSink(
            path, self._start(number), force=self._force or ours, durable=self._durable, opened=self._folder
        )
        self._own.add(path.name)
        return sink

    def _is_free(self, path: Path) -> bool:
        """May the next file have this name? One that is there is replaced only in a ring, or with --force."""
        if self._names.is_ring or not files.exists(self._folder, path.name):
            return True
        return self._force and path.name not in self._own

    def _refuse_foreign_ring(self) -> None:
        if self._force:
            return
        for path in self._names.ring():
            if files.exists(self._folder, path.name):
                raise SinkError(f"{path} exists, and would be replaced; choose another name, or --force")

    def _await_finisher(self) -> None:
        if self._finisher is not None:
            self._finisher.join()

    def _finish(self, sink: ParquetSink, path: Path, end: Metadata, why: str) -> None:
        error, before = None, sink.bytes_written
        try:
            sink.close(end)
            self._earlier_bytes += sink.bytes_written - before  # no other thread adds to it before this one has ended
        except Exception as caught:  # noqa: BLE001 - handed to the draining thread, which tells
            error = caught if isinstance(caught, SinkError) else SinkError(f"cannot finish {path}: {caught!r}")
        if error is None:
            self._after.start(path)
        self._finished.put(Finished(path, sink.rows_written, why, error))
