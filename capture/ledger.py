"""The accounting of a running capture: `seen = written + dropped`, from counts that do not know of each other.

seen      counted by the kernel program, first thing after the filter (and here, for calls unfinished at the stop)
dropped   counted where a call is dropped: by the kernel program, or here
written   added up from the batches that the sink has taken

Where a capture goes on in another file, `cut` gives the account of the one that ends. What the kernel has counted by
then is still on its way in part, so `seen` is there what this file accounts for: its calls, and those of its loss rows.
The last file has the kernel's counts less those of the files before, so it balances if the whole does.
"""

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from capture.arrays import memory
from capture.ring import Words
from schemas.counters import OTHER, Cell, Counters
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
        self._reported: Counts = np.zeros((len(headers), len(Cause), CELLS), np.int64)
        self._told: Counts = np.zeros_like(self._reported)
        self._filed = _Filed(np.zeros(shape, np.int64), np.zeros_like(self._told), {})
        self._limit_at = 0
        self._reported_at = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
        self.unfinished = 0
        self.recursion = 0
        self.unreadable = 0

    def saw(self, cpu: int, records: npt.NDArray[Any]) -> None:
        """Calls that only user space saw, unfinished at the stop: dtype RECORD, shape (n,)."""
        self._extra[cpu] += np.bincount(cell_of(records["nr"], records["abi"]), minlength=CELLS)
        self.unfinished += len(records)

    def wrote(self, batch: pa.RecordBatch) -> None:
        """The sink has taken this batch (schema EVENTS): count its calls, and those it tells the loss of."""
        cpus, cells = _calls_in(batch)
        self._written += _table(cpus, cells, self._written.shape)
        self._count_told(batch)
        self.unreadable += int(np.count_nonzero(memory(batch.column("flags"), np.int32) & Flag.PATH_UNREADABLE))

    def lost(self, words: Words, cpus: npt.NDArray[np.int16], cause: Cause) -> None:
        """These records (shape (WORDS, n)) reached us and did not get into the file."""
        records = np.ascontiguousarray(words.T).view(RECORD).ravel()
        calls = (records["kind"] == Kind.SYSCALL) & (records["flags"] & Flag.STATE_ONLY == 0)
        cells = cell_of(records["nr"][calls], records["abi"][calls])
        self._dropped[cause] += _table(cpus[calls].astype(np.int64), cells, self._written.shape)

    def left_out(self, cpu: int, words: Words) -> None:
        """Records (shape (n, WORDS)) that come after the last one asked for (`-c N`)."""
        records = words.view(RECORD).ravel()
        calls = records[(records["kind"] == Kind.SYSCALL) & (records["flags"] & Flag.STATE_ONLY == 0)]
        cells = cell_of(calls["nr"], calls["abi"])
        self._dropped[Cause.LIMIT][cpu] += np.bincount(cells, minlength=CELLS)
        returned = calls["ts"] + np.where(calls["dur"] == NOT_MEASURED, 0, calls["dur"])
        if len(calls):
            self._limit_at = min(self._limit_at or int(returned.min()), int(returned.min()))

    def total_dropped(self) -> int:
        """Calls dropped so far, for whatever cause."""
        return int(self.headers["dropped"].sum()) + sum(int(counts.sum()) for counts in self._dropped.values())

    def total_seen(self) -> int:
        """Calls seen so far."""
        return int(self.headers["seen"].sum() + self._extra.sum())

    def loss_rows(self, now: int) -> list[tuple[int, npt.NDArray[Any]]]:
        """Per CPU, a loss record for each cause and call with drops since the last time.

        `now` is monotonic. `ret` holds the number of calls, `args[0]` the cause, ts and dur the interval; that of a
        limit begins with the return of the first call that was left out.
        """
        began, self._reported_at = self._reported_at, now
        dropped = self._all_dropped()
        news = dropped - self._reported
        if not news.any():
            return []
        self._reported = dropped
        rows = []
        for cpu in np.flatnonzero(news.any(axis=(1, 2))).tolist():
            causes, cells = np.nonzero(news[cpu])
            records = blank(len(causes), Kind.LOSS, began)
            records["ts"][causes == Cause.LIMIT] = self._limit_at
            records["dur"] = np.maximum(now - records["ts"].astype(np.int64), 0)
            records["args"][:, 0] = causes
            records["ret"] = news[cpu][causes, cells]
            records["nr"] = np.where(cells < CELL_OTHER, cells % CELLS_PER_ABI, np.uint32(0xFFFF_FFFF))
            compat = (cells >= CELLS_PER_ABI) & (cells < CELL_OTHER)
            records["abi"] = np.where(compat, Abi.I386, native_abi())
            rows.append((cpu, records))
        return rows

    def cut(self) -> Counters:
        """The account of the file that ends here; call it on the writer's thread, when its last row is written."""
        before = self._filed
        self._filed = _Filed(self._written.copy(), self._told.copy(), self._totals())
        written, told = self._written - before.written, self._told - before.told
        return self._account(written + told.sum(axis=1), written, told, before.totals)

    def counters(self) -> Counters:
        """The account of the last file, as it goes into its metadata; of the whole, if it is the only one."""
        before = self._filed
        seen = self._seen() - before.written - before.told.sum(axis=1)
        return self._account(seen, self._written - before.written, self._all_dropped() - before.told, before.totals)

    def whole(self) -> Counters:
        """The account of the whole capture, over all files."""
        return self._account(self._seen(), self._written, self._all_dropped(), {})

    def _seen(self) -> Counts:
        return self.headers["seen"].astype(np.int64) + self._extra

    def _all_dropped(self) -> Counts:
        """By CPU, cause and cell."""
        dropped = np.zeros_like(self._reported)
        dropped[:, :KERNEL_CAUSES] = self.headers["dropped"]
        for cause, counts in self._dropped.items():
            dropped[:, cause] = counts
        return dropped

    def _totals(self) -> dict[str, int]:
        """What is counted for the capture, not by call."""
        ours = {"paths_unreadable": self.unreadable, "unfinished": self.unfinished, "recursion": self.recursion}
        return ours | {name: int(self.headers[field].sum()) for name, field in _TOTALS.items()}

    def _account(self, seen: Counts, written: Counts, dropped: Counts, before: dict[str, int]) -> Counters:
        touched = (seen != 0) | (written != 0) | (dropped != 0).any(axis=1)
        cells = [
            _cell(
                cpu,
                cell,
                int(seen[cpu, cell]),
                int(written[cpu, cell]),
                {cause: int(dropped[cpu, cause, cell]) for cause in Cause},
            )
            for cpu, cell in np.argwhere(touched).tolist()
        ]
        totals = self._totals()
        return Counters(cells=cells, **{name: count - before.get(name, 0) for name, count in totals.items()})

    def _count_told(self, batch: pa.RecordBatch) -> None:
        kinds = batch.column("kind")
        names = kinds.dictionary.to_pylist()
        if "loss" not in names:
            return
        rows = np.flatnonzero(memory(kinds.indices, np.int8) == names.index("loss"))
        if not len(rows):
            return
        cells = _cells(batch)[rows]
        cpus = memory(batch.column("cpu"), np.int16)[rows]
        causes = memory(batch.column("arg0"), np.int64)[rows]
        np.add.at(self._told, (cpus, causes, cells), memory(batch.column("weight"), np.int64)[rows])


@dataclass(frozen=True)
class _Filed:
    """What is accounted for in the files before the current one: `told` is what their loss rows say."""

    written: Counts
    told: Counts
    totals: dict[str, int]


def _cell(cpu: int, cell: int, seen: int, written: int, dropped: dict[Cause, int]) -> Cell:
    other = cell >= CELL_OTHER
    return Cell(
        cpu=cpu,
        abi="other" if other else "i386" if cell >= CELLS_PER_ABI else native_abi().name.lower(),
        nr=-1 if other else cell % CELLS_PER_ABI,
        syscall=OTHER if other else names_by_cell()[cell],
        seen=seen,
        written=written,
        dropped={cause.name.lower(): count for cause, count in dropped.items() if count},
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


def _cells(batch: pa.RecordBatch) -> Counts:
    """The cell of each row."""
    abis = batch.column("abi")
    codes = np.array([Abi[name.upper()] for name in abis.dictionary.to_pylist()], np.uint8)
    return cell_of(memory(batch.column("nr"), np.uint32), codes[memory(abis.indices, np.int8)])


def _calls_in(batch: pa.RecordBatch) -> tuple[Counts, Counts]:
    """CPU and cell of each row that is a call and not there only for the state."""
    kinds, cells = batch.column("kind"), _cells(batch)
    cpus = memory(batch.column("cpu"), np.int16).astype(np.int64)
    state_only = memory(batch.column("flags"), np.int32) & Flag.STATE_ONLY != 0
    names = kinds.dictionary.to_pylist()
    if names == ["syscall"] and not state_only.any():
        return cpus, cells
    calls = np.array([name == "syscall" for name in names])[memory(kinds.indices, np.int8)] & ~state_only
    return cpus[calls], cells[calls]


def _table(cpus: Counts, cells: Counts, shape: tuple[int, int]) -> Counts:
    return np.bincount(cpus * CELLS + cells, minlength=shape[0] * shape[1]).reshape(shape)
