"""What a sink is."""

from collections.abc import Mapping
from typing import Protocol

import pyarrow as pa

BATCH_ROWS = 163_840
"""What a sink collects that has nobody waiting for it: fewer make larger files, more take memory."""


class Sink(Protocol):
    """Takes the rows of a capture, in batches of the schema `schemas.arrow.EVENTS`.

    One thread calls it (the writer's), never two at once. A batch handed over is only borrowed: its memory is used
    again once the method has returned.
    """

    batch_rows: int
    """Rows of a full batch: how many the pipeline collects before it calls `write`."""

    streaming: bool
    """True if somebody reads along: the pipeline then calls `write` with what it has at each flush, never `flush`."""

    def write(self, batch: pa.RecordBatch) -> None:
        """Keep the rows for good.

        Raises SinkError: then those of its rows that a `flush` had secured stay, the others are not kept, and the batch
        must not come again. What was kept before stays readable, and later calls may work.
        """

    def flush(self, batch: pa.RecordBatch) -> None:
        """Make these rows survive the collector's death; a later `write` brings them again, with others after them.

        Called with the rows that follow those of the last `flush` or `write`, so each row comes at most once. Raises
        SinkError: then none of them is secured, and the next `flush` begins with them.
        """

    def close(self, metadata: Mapping[str, str]) -> None:
        """Finish the file, with what is known only at the end added to its metadata. Idempotent."""

    @property
    def bytes_written(self) -> int:
        """Bytes that are in the file so far."""
