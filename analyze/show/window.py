"""Rows in order of return while they stream: in a file they come one CPU's block after the other."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from schemas.line import in_order, returned

_NEAR = 120_000_000
"""ns: a collector empties the rings ten times a second at least, so rows that lie apart by more are in order."""
_ROWS = 65_536
"""Rows that wait for others at most. When as many come in that time, the rings are emptied far more often."""


def turned(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The same rows, those that returned within a moment of each other in order; none waits for the end of the file."""
    waiting: pa.RecordBatch | None = None
    for batch in batches:
        rows = in_order(batch if waiting is None else pa.concat_batches([waiting, batch]))
        times = returned(rows)
        settled = int(np.searchsorted(times, max(times[-1], _NEAR - 2**63) - _NEAR)) if len(times) else 0
        settled = max(settled, len(times) - _ROWS)
        if settled:
            yield rows[:settled]
        waiting = rows[settled:]
    if waiting is not None:
        yield waiting
