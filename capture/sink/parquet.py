"""The Parquet sink: every batch a row group, readable after any death of the collector (docs: schemas/journal.py)."""

from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa

from capture.errors import SinkError
from capture.sink.base import BATCH_ROWS
from capture.sink.store import Store
from schemas.arrow import EVENTS
from schemas.journal import with_text


class ParquetSink:
    """Writes `path` as Parquet, each batch a row group, with a journal beside it until `close`.

    `metadata` is what is known at the start (`schemas.arrow.Key`). With `durable` each row group and flush is on the
    disk when the call returns, so that a power cut spares it too. Raises SinkError if the file cannot be made.
    """

    streaming = False

    def __init__(
        self,
        path: Path,
        metadata: Mapping[str, str],
        *,
        force: bool = False,
        durable: bool = False,
        batch_rows: int = BATCH_ROWS,
        opened: int | None = None,
    ) -> None:
        """Create the capture and its journal, in its folder if that was `opened` before."""
        self.batch_rows = batch_rows
        schema = with_text(EVENTS, metadata)
        self._store = Store.create(path, schema, force=force, durable=durable, opened=opened)
        self._stranded = False
        self._closed = False

    def write(self, batch: pa.RecordBatch) -> None:
        """Commit the batch as a row group."""
        if not batch.num_rows:
            return
        self._settle()
        try:
            self._store.add_group(batch)
        except SinkError:
            self._stranded = bool(self._store.journal.tail)
            raise

    def flush(self, batch: pa.RecordBatch) -> None:
        """Commit the rows to the journal's tail."""
        if not batch.num_rows:
            return
        self._settle()
        self._store.add_tail(batch)

    def close(self, metadata: Mapping[str, str]) -> None:
        """Finish the file and remove the journal. Raises SinkError; then it may be called again, or `repair` later."""
        if self._closed:
            return
        later = f"`capture repair {self._store.path}` finishes it"
        try:
            self._store.finish(metadata)
        except SinkError as error:
            raise SinkError(f"{error}; then {later}") from error
        except (MemoryError, pa.ArrowException) as error:
            raise SinkError(f"cannot finish {self._store.path} ({type(error).__name__}: {error}); {later}") from error
        self._closed = True

    @property
    def bytes_written(self) -> int:
        """Bytes of whole row groups; once it is closed, of the file."""
        return self._store.size

    @property
    def rows_written(self) -> int:
        """Rows of whole row groups."""
        return self._store.rows

    @property
    def groups_written(self) -> int:
        """Row groups."""
        return len(self._store.journal.groups)

    def _settle(self) -> None:
        """Give the tail of a batch that could not be written a row group of its own: its other rows will not come."""
        if self._stranded:
            self._store.add_group(self._store.tail())
            self._stranded = False
