"""The accounting of a running capture: `seen = written + dropped`, from counts that do not know of each other.

seen      counted by the kernel program, first thing after the filter (and here, for calls unfinished at the stop)
dropped   counted where a call is dropped: by the kernel program, or here
written   added up from the batches that the sink has taken
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from capture.ring import Words
from schemas.counters import Cell, Counters
from schemas.record import (
    CELL_OTHER,
    CELLS,
    CELLS_PER_ABI,
    KERNEL_CAUSES,
    NO_PAYLOAD,
    NOT_MEASURED,
    RECORD,
    Abi,
    Cause,
    Flag,
    Kind,
    cell_of,
)
from schemas.syscalls import names_by_cell, native_abi

Counts = npt.NDArray[np.int64]


class Ledger:
    """Counts per CPU and cell; `headers` are the kernel's (dtype RING, shape (cpus,)), read when they are asked for."""

    def __init__(self, headers: npt.NDArray[Any]) -> None:
        self.headers = headers
        shape = (len(headers), CELLS)
        self._extra: Counts = np.zeros(shape, np.int64)
        self._written: Counts = np.zeros(shape, np.int64)
        self._dropped: dict[Cause, Counts] = {
            cause: np.zeros(shape, np.int64) for cause in Cause if cause >= KERNEL_CAUSES
        }
        self._reported: Counts = np.zeros((len(headers), KERNEL_CAUSES, CELLS), np.int64)
        self._reported_at = 0
        self.unfinished = 0
        self.recursion = 0
        self.unreadable = 0

    def saw(self, cpu: int, records: npt.NDArray[Any]) -> None:
        """Calls that only user space saw, unfinished at the stop: dtype RECORD, shape (n,)."""
        self._extra[cpu] += np.bincount(cell_of(records["nr"], records["abi"]), minlength=CELLS)
        self.unfinished += len(records)

    def wrote(self, batch: pa.RecordBatch) -> None:
        """The sink has taken this batch (schema EVENTS): count its calls from its own columns."""
        cpus, cells = _calls_in(batch)
        self._written += _table(cpus, cells, self._written.shape)
        flags = batch.column("flags").to_numpy(zero_copy_only=False)
        self.unreadable += int(np.count_nonzero(flags & Flag.PATH_UNREADABLE))

    def lost(self, batch: pa.RecordBatch, cause: Cause) -> None:
        """This batch reached us and did not get into the file."""
        cpus, cells = _calls_in(batch)
        self._dropped[cause] += _table(cpus, cells, self._written.shape)

    def left_out(self, cpu: int, words: Words) -> None:
        """Records (shape (n, WORDS)) that come after the last one asked for (`-c N`)."""
        records = words.view(RECORD).ravel()
        calls = records[(records["kind"] == Kind.SYSCALL) & (records["flags"] & Flag.STATE_ONLY == 0)]
        cells = cell_of(calls["nr"], calls["abi"])
        self._dropped[Cause.LIMIT][cpu] += np.bincount(cells, minlength=CELLS)

    def total_dropped(self) -> int:
        """Calls dropped so far, for whatever cause."""
        return int(self.headers["dropped"].sum()) + sum(int(counts.sum()) for counts in self._dropped.values())

    def total_seen(self) -> int:
        """Calls seen so far."""
        return int(self.headers["seen"].sum() + self._extra.sum())

    def total_written(self) -> int:
        """Calls in the file so far."""
        return int(self._written.sum())

    def loss_rows(self, now: int) -> list[tuple[int, "npt.NDArray[Any]"]]:
        """Per CPU, one loss record for each cause and call that the kernel dropped since the last time; `now` is monotonic.

        `ret` holds the number of calls, `args[0]` the cause, ts and dur the interval.
        """
        began, self._reported_at = self._reported_at or now, now
        dropped = self.headers["dropped"].astype(np.int64)
        news = dropped - self._reported
        if not news.any():
            return []
        self._reported = dropped
        rows = []
        for cpu in np.flatnonzero(news.any(axis=(1, 2))).tolist():
            causes, cells = np.nonzero(news[cpu])
            records = blank(len(causes), Kind.LOSS, began)
            records["dur"] = now - began
            records["args"][:, 0] = causes
            records["ret"] = news[cpu][causes, cells]
            records["nr"] = np.where(cells < CELL_OTHER, cells % CELLS_PER_ABI, np.uint32(0xFFFF_FFFF))
            compat = (cells >= CELLS_PER_ABI) & (cells < CELL_OTHER)
            records["abi"] = np.where(compat, Abi.I386, native_abi())
            rows.append((cpu, records))
        return rows

    def counters(self) -> Counters:
        """The whole account, as it goes into the file."""
        seen = self.headers["seen"].astype(np.int64) + self._extra
        dropped = {Cause(number): self.headers["dropped"][:, number].astype(np.int64) for number in range(KERNEL_CAUSES)}
        dropped |= self._dropped
        names, native = names_by_cell(), native_abi().name.lower()
        touched = (seen != 0) | (self._written != 0)
        for counts in dropped.values():
            touched |= counts != 0
        cells = []
        for cpu, cell in np.argwhere(touched).tolist():
            other = cell >= CELL_OTHER
            cells.append(
                Cell(
                    cpu=cpu,
                    abi="i386" if CELLS_PER_ABI <= cell < CELL_OTHER else "other" if other else native,
                    nr=-1 if other else cell % CELLS_PER_ABI,
                    syscall="other" if other else names[cell],
                    seen=int(seen[cpu, cell]),
                    written=int(self._written[cpu, cell]),
                    dropped={
                        cause.name.lower(): int(counts[cpu, cell]) for cause, counts in dropped.items() if counts[cpu, cell]
                    },
                )
            )
        return Counters(
            cells=cells,
            paths_unreadable=self.unreadable,
            unfinished=self.unfinished,
            recursion=self.recursion,
            **{name: int(self.headers[field].sum()) for name, field in _TOTALS.items()},
        )


_TOTALS = {
    "own_calls": "own_exits",
    "child_returns": "child_returns",
    "filtered": "filtered",
    "state_dropped": "state_dropped",
    "payload_dropped": "payload_dropped",
    "entries_lost": "entries_lost",
}


def blank(count: int, kind: Kind, ts: int) -> npt.NDArray[Any]:
    """Records made in user space: dtype RECORD, shape (count,), with nothing in them but kind and monotonic time."""
    records = np.zeros(count, RECORD)
    records["ts"], records["kind"] = ts, kind
    records["dur"] = records["runq"] = NOT_MEASURED
    records["payload"] = NO_PAYLOAD
    return records


def _calls_in(batch: pa.RecordBatch) -> tuple[Counts, Counts]:
    """CPU and cell of each row that is a call and not there only for the state."""
    number = {name: index for index, name in enumerate(batch.column("abi").dictionary.to_pylist())}
    abis = np.array([Abi[name.upper()] for name in number], np.uint8)[batch.column("abi").indices.to_numpy()]
    nrs = batch.column("nr").fill_null(0).to_numpy().astype(np.uint32)
    cpus = batch.column("cpu").to_numpy().astype(np.int64)
    kinds = batch.column("kind").dictionary.to_pylist()
    flags = batch.column("flags").to_numpy()
    cells = cell_of(nrs, abis)
    if kinds == ["syscall"] and not (flags & Flag.STATE_ONLY).any():
        return cpus, cells
    calls = np.array([kind == "syscall" for kind in kinds])[batch.column("kind").indices.to_numpy()]
    calls &= flags & Flag.STATE_ONLY == 0
    return cpus[calls], cells[calls]


def _table(cpus: Counts, cells: Counts, shape: tuple[int, int]) -> Counts:
    return np.bincount(cpus * CELLS + cells, minlength=shape[0] * shape[1]).reshape(shape)
