"""When a capture goes on in another file, and the seam between the two.

Both are matters of the draining thread, which alone knows what is on its way: all rows handed to the writer before the
seam go into the one file, all after it into the other. docs/decisions/0009-rotation.md says why it is so.
"""

import time
from collections.abc import Mapping, Sequence

from capture import metadata
from capture.clock import Clock
from capture.errors import SinkError
from capture.ledger import Ledger
from capture.pipeline import BUFFERS, Pipeline
from capture.recorder import Recorder
from capture.report import Report
from capture.sink.names import Rotation
from capture.sink.rotating import RotatingSink
from schemas.journal import MOST_GROUPS

_GROUPS = MOST_GROUPS - 2 * BUFFERS  # those on their way fit too


class Timetable:
    """Says when the next rotation is due; `rows` are those handed to the pipeline so far, over all files."""

    def __init__(self, rotation: Rotation, sink: RotatingSink) -> None:
        self._rotation, self._sink = rotation, sink
        self._asked = False
        self._next = time.monotonic() + (rotation.seconds or 0)
        self._parts = 1
        self._first_row = 0
        self._state_rows: int | None = None

    def ask(self) -> None:
        """Rotate at the next opportunity (HUP)."""
        self._asked = True

    def state_is_written(self, rows: int) -> None:
        """The snapshot that the current file begins with, of so many rows, has been handed over."""
        self._state_rows = rows

    def is_last(self) -> bool:
        """Does the capture end instead of going on in another file (-G with -W)?"""
        return self._rotation.last is not None and self._parts >= self._rotation.last

    def due(self, rows: int) -> str | None:
        """Why to rotate now: "time", "size", "signal" or "groups" (as many as Parquet has numbers for).

        None if not, or if the last rotation is under way.
        """
        if self._sink.parts != self._parts:
            return None
        if self._asked:
            return "signal"
        if self._rotation.seconds is not None and time.monotonic() >= self._next:
            return "time"
        if self._rotation.size is not None and self._is_full(rows, self._rotation.size):
            return "size"
        return "groups" if self._sink.part_groups >= _GROUPS else None

    def rotated(self, why: str, rows: int) -> None:
        """The rotation that was due has been asked of the writer."""
        self._asked = False
        self._parts += 1
        self._first_row, self._state_rows = rows, None
        if why == "time":
            late = time.monotonic() - self._next
            interval = float(self._rotation.seconds or 1)
            self._next += interval * (1 + late // interval)

    def _is_full(self, rows: int, size: int) -> bool:
        """By what is on the disk and an estimate of what is on its way.

        Half of a file at least is calls, also where the state of the host takes more than `size`: else files would
        follow each other that hold nothing but state.
        """
        here = rows - self._first_row
        if self._state_rows is None or here < 2 * self._state_rows:
            return False
        written = self._sink.rows_written
        if not written:
            return False
        each = self._sink.bytes_written / written
        return self._sink.part_bytes + (rows - written) * each >= size


class Rotator:
    """Carries out what the timetable says, and tells of files that are finished."""

    def __init__(
        self,
        rotation: Rotation,
        sink: RotatingSink,
        pipeline: Pipeline,
        recorder: Recorder,
        report: Report,
        clock: Clock,
        ledger: Ledger,
    ) -> None:
        self.timetable = Timetable(rotation, sink)
        self.sink = sink
        self.error: SinkError | None = None
        """Why the first file that could not be finished could not be."""
        self._pipeline, self._recorder = pipeline, recorder
        self._report, self._clock, self._ledger = report, clock, ledger

    def rotate_if_due(self, notes: Sequence[str]) -> bool:
        """If it is time, have the writer go on in another file; the next rows are then to be the state of the host.

        `notes` are for the file that ends.
        """
        self._tell(self.sink.failures())
        why = self.timetable.due(self._pipeline.rows)
        if why is None or not self._pipeline.has_room():  # a writer that is behind has enough to do
            return False
        if why == "time" and self.timetable.is_last():
            self._recorder.stop("files")
            return False
        self._recorder.append_losses(wait=False)
        self._pipeline.then(lambda: self.sink.rotate(lambda: self._end(notes), why))
        self.timetable.rotated(why, self._pipeline.rows)
        return True

    def end(self, *, by_time: bool) -> None:
        """Tell the rest, once the sink is closed. `by_time`: the last file too ended as a rotation does."""
        if by_time:
            self.sink.run_command()
        self._tell(self.sink.failures(last=True))

    def _end(self, notes: Sequence[str]) -> Mapping[str, str]:
        """On the writer's thread, when the last row of the file that ends is written."""
        text = metadata.at_end(self._clock, self._ledger.cut(), notes)
        self._clock.begin_file()
        return text

    def _tell(self, failures: Sequence[str]) -> None:
        for finished in self.sink.news():
            if finished.error is not None:
                self.error = self.error or finished.error
                self._report.trouble(str(finished.error))
            else:
                asked = finished.why in ("signal", "groups")
                self._report.finished(finished.path, finished.rows, self.sink.path, asked=asked)
        for failure in failures:
            self._report.trouble(failure)
