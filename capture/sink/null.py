"""The sink that keeps nothing: to measure the rest, and for `-w /dev/null`."""

from collections.abc import Mapping

import pyarrow as pa

from capture.sink.base import BATCH_ROWS


class NullSink:
    """Counts rows and forgets them."""

    streaming = False

    def __init__(self, batch_rows: int = BATCH_ROWS) -> None:
        """Begin at zero rows."""
        self.batch_rows = batch_rows
        self.rows_written = 0
        self.metadata: dict[str, str] = {}

    def write(self, batch: pa.RecordBatch) -> None:
        """Count the rows."""
        self.rows_written += batch.num_rows

    def flush(self, batch: pa.RecordBatch) -> None:
        """Do nothing: the rows come again."""

    def close(self, metadata: Mapping[str, str]) -> None:
        """Keep the metadata, for tests to look at."""
        self.metadata.update(metadata)

    @property
    def bytes_written(self) -> int:
        """Nothing, ever."""
        return 0
