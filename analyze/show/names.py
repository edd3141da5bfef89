"""Names of descriptors, by the replay of their tables."""

from functools import cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from analyze.replay.paths import PROCESSES_PER_HOST
from analyze.session import Session
from schemas.line.calls import ABIS
from schemas.line.columns import ARGS, NAMES, numbers
from schemas.record import CELLS, CELLS_PER_ABI, Abi, cell_of
from schemas.syscalls import FD_RETURNED, native_abi, table

DESCRIPTORS = ("fd", "dirfd")
RETURNED = 6
DUPLICATES = {"fcntl": RETURNED, "fcntl64": RETURNED}
"""Calls that return a descriptor with some of their commands."""

F_DUPFD = (0, 1030)


class Namer:
    """Adds the columns NAMES to rows: what the descriptors in arguments and result stood for at that time."""

    def __init__(self, session: Session) -> None:
        """Run the replay, if that has not been done."""
        self._timeline = session.replay.timeline
        self._hosts = session.replay.hosts

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The rows with NAMES."""
        places = self._places(batch)
        began = numbers(batch.column("ts")) - 1  # before the entry: what the call closes is still there
        ended = began + 1 + numbers(batch.column("dur_ns"), 0)
        np.maximum(ended, began + 1, out=ended)  # of an absurd duration, beyond the end of time
        for index, name in enumerate(NAMES):
            values = numbers(batch.column("ret" if index == RETURNED else ARGS[index]), -1)
            rows = np.flatnonzero(places[:, index] & (values != -1))
            names = self._look_up(batch, rows, values, ended if index == RETURNED else began)
            batch = batch.append_column(name, names)
        return batch

    def _look_up(
        self, batch: pa.RecordBatch, rows: npt.NDArray[np.int64], values: np.ndarray, times: np.ndarray
    ) -> pa.Array:
        """The names for some of the rows, NULL in the others."""
        if not len(rows):
            return pa.nulls(batch.num_rows, pa.string())
        host = self._host(batch)
        ids = (host + numbers(batch.column("pid")), host + numbers(batch.column("tid")), values.astype(np.int32), times)
        found = self._timeline.text(self._timeline.names(*(pa.array(column[rows]) for column in ids)))
        spread = np.full(batch.num_rows, -1)
        spread[rows] = np.arange(len(rows))
        return found.take(pa.array(spread, mask=spread < 0))

    def _host(self, batch: pa.RecordBatch) -> np.ndarray:
        """What the replay adds to the pids of each row's host."""
        if "host" not in batch.schema.names:
            return np.zeros(batch.num_rows, np.int64)
        places = {host: place * PROCESSES_PER_HOST for place, host in enumerate(self._hosts)}
        return np.array([places[host] for host in batch.column("host").to_pylist()], np.int64)

    def _places(self, batch: pa.RecordBatch) -> np.ndarray:
        """Where the descriptors of each row are: shape (rows, 7), the last column for the result."""
        abi = batch.column("abi")
        codes = abi if pa.types.is_dictionary(abi.type) else abi.dictionary_encode()
        names = codes.dictionary.to_pylist()
        abis = np.array([ABIS.get(name, Abi.ARM) for name in [*names, None]], np.uint8)
        abis = abis[codes.indices.fill_null(len(names)).to_numpy()]
        places = _descriptors()[cell_of(numbers(batch.column("nr"), -1), abis)]
        duplicates = np.isin(numbers(batch.column("arg1"), -1), F_DUPFD)
        returned = places[:, RETURNED]
        places[:, RETURNED] = (returned == 1) | ((returned == 2) & duplicates)
        found: np.ndarray = places != 0
        return found


@cache
def _descriptors() -> npt.NDArray[np.int8]:
    """For each accounting cell, where descriptors are; 2 where that depends. Shape (CELLS, 7)."""
    places = np.zeros((CELLS, len(NAMES)), np.int8)
    for base, abi in ((0, native_abi()), (CELLS_PER_ABI, Abi.I386)):
        for call in table(abi).by_number.values():
            for index, kind in enumerate(call.kinds):
                places[base + call.nr, index] = kind in DESCRIPTORS
            places[base + call.nr, RETURNED] = 1 if call.fd == FD_RETURNED else 2 * (call.name in DUPLICATES)
    return places
