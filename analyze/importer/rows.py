"""From what a log says to rows of a capture."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from analyze.importer.block import NO_CALL, UNTOLD, Calls, Reader, as_table, joined, same
from analyze.importer.log import NOT_KNOWN
from analyze.importer.texts import Numbers, Texts
from analyze.importer.threads import Thread, Told
from schemas.arrow import EVENTS
from schemas.counters import OTHER, Cell, Counters
from schemas.record import Abi, Flag

NOT_UNDERSTOOD = "not_understood"
KEYS = {"abi": pa.string(), "nr": pa.int32(), "syscall": pa.string()}


class Rows:
    """Makes batches of the contract's schema, and counts what goes into them."""

    def __init__(self) -> None:
        """Before the first row."""
        self._readers = {abi: Reader(abi) for abi in (Abi.X86_64, Abi.I386)}
        self._calls = Counter[tuple[str, int, str]]()
        self._named: set[tuple[int, int]] = set()
        self.strange = 0
        """Lines that were not understood."""
        self.examples: list[str] = []

    def batch(self, told: Told, threads: Sequence[Thread]) -> pa.Table:
        """The rows that follow from some lines, in their order."""
        lines = np.flatnonzero(told.threads != NO_CALL)
        texts, places = told.lines.texts.take(lines), told.threads[lines]
        calls, which = self._read(texts, np.array([thread.abi for thread in threads], np.int64)[places])
        understood = which != NO_CALL
        if not understood.all():
            self.refuse([texts[index] for index in np.flatnonzero(~understood).tolist()])
            lines, which, places = lines[understood], which[understood], places[understood]
        self.refuse(told.strange)
        table = _columns(calls.rows, which, told.lines.when[lines], told.lines.lasted[lines])
        table = _with_threads(table, threads, places)
        others = told.others + self._descriptors(calls, which, threads, places, lines)
        if not others:
            return table
        table = pa.concat_tables([table, _others(others, told.lines.when)])
        order = np.argsort(np.concatenate([lines * 2 + 1, [2 * index for index, _ in others]]), kind="stable")
        return table.take(pa.array(order))

    def refuse(self, texts: Sequence[str]) -> None:
        """Count lines that were not understood."""
        self.strange += len(texts)
        self.examples += texts[: 5 - len(self.examples)]

    def counters(self) -> Counters:
        """The accounting: strace loses nothing; a line that was not understood counts as a call that was dropped."""
        cells = [Cell(UNTOLD, abi, nr, name, calls, calls) for (abi, nr, name), calls in self._calls.items()]
        if self.strange:
            cells.append(
                Cell(UNTOLD, Abi.X86_64.name.lower(), -1, OTHER, self.strange, 0, {NOT_UNDERSTOOD: self.strange})
            )
        return Counters(cells)

    def _read(self, texts: Texts, abis: Numbers) -> tuple[Calls, Numbers]:
        """The distinct calls, and for each text which of them it is; NO_CALL for what is none."""
        found, which = list[Calls](), np.full(len(texts), NO_CALL)
        for abi in np.unique(abis).tolist():
            here = np.flatnonzero(abis == abi)
            encoded = texts.take(here).array().dictionary_encode()
            calls, places = self._readers[Abi(abi)].read(encoded.dictionary)
            places = np.where(places == NO_CALL, NO_CALL, places + sum(one.rows.num_rows for one in found))
            which[here] = places[encoded.indices.to_numpy()]
            found.append(calls)
        return joined(found), which

    def _descriptors(
        self, calls: Calls, which: Numbers, threads: Sequence[Thread], places: Numbers, lines: Numbers
    ) -> list[tuple[int, dict[str, Any]]]:
        """Rows of kind fd for descriptors that were there before the log, where it says what they stand for (-y)."""
        if not len(calls.names.calls):
            return []
        first = np.searchsorted(calls.names.calls, np.arange(calls.rows.num_rows + 1))
        counts = np.diff(first)[which]
        line = np.repeat(np.arange(len(which)), counts)
        name = np.arange(len(line)) - np.repeat(np.cumsum(counts) - counts, counts) + first[which[line]]
        pids = np.array([thread.pid for thread in threads], np.int64)[places[line]]
        fds = calls.names.fds[name]
        _, once = np.unique(np.stack([pids, fds]), axis=1, return_index=True)
        own, returned = (calls.rows.column(column).to_pylist() for column in ("fd", "ret"))
        rows = []
        for index in np.sort(once).tolist():
            thread, call, fd = threads[places[line[index]]], which[line[index]], int(fds[index])
            if (thread.pid, fd) in self._named:
                continue
            self._named.add((thread.pid, fd))
            if 0 <= fd < 1 << 31 and not fd == own[call] == returned[call]:
                text = calls.names.texts[name[index]].as_py().decode("latin-1")
                row = {"kind": "fd", "pid": thread.pid, "tid": thread.tid, "comm": thread.comm, "flags": 0}
                rows.append((int(lines[line[index]]), {**row, "fd": fd, "path": text, "arg0": 0}))
        return rows

    def count(self, table: pa.Table) -> None:
        """Count the calls among the rows, for the accounting."""
        calls = table.filter(pc.equal(table.column("weight"), 1)).select(["abi", "nr", "syscall"])
        plain = pa.table({name: calls.column(name).cast(KEYS[name]) for name in KEYS})
        for group in plain.group_by(list(KEYS)).aggregate([([], "count_all")]).to_pylist():
            self._calls[group["abi"], group["nr"], group["syscall"]] += group["count_all"]


def _columns(calls: pa.Table, which: Numbers, when: Numbers, lasted: Numbers) -> pa.Table:
    """The rows of calls, without who made them."""
    table = calls.take(pa.array(which))
    flags = table.column("flags").to_numpy().copy()
    unfinished = flags & Flag.UNFINISHED != 0
    flags[(lasted == NOT_KNOWN) & ~unfinished] |= Flag.ENTRY_UNSEEN
    return _with(
        table,
        ts=pa.array(when, pa.timestamp("ns")),
        dur_ns=pa.array(lasted, pa.int64(), mask=(lasted < 0) | unfinished),
        flags=pa.array(flags, pa.int32()),
        kind=same("kind", "syscall", len(which)),
        weight=pa.array(np.ones(len(which), np.int64)),
    )


def _with_threads(table: pa.Table, threads: Sequence[Thread], places: np.ndarray) -> pa.Table:
    """The rows with who made each: its place among the threads."""
    taken = pa.array(places)
    ids = {
        name: pa.array([getattr(thread, name) for thread in threads], pa.int32()).take(taken) for name in ("pid", "tid")
    }
    comms, abis = ([thread.comm for thread in threads], [thread.abi.name.lower() for thread in threads])
    words = {name: _words(name, texts).take(taken) for name, texts in (("comm", comms), ("abi", abis))}
    return _with(table, **ids, **words)


def _words(name: str, texts: Sequence[str]) -> pa.Array:
    """Texts as the dictionary column of a name."""
    return pa.array(texts, pa.string()).cast(EVENTS.field(name).type)


def _with(table: pa.Table, **columns: pa.Array) -> pa.Table:
    """The table with some columns replaced."""
    arrays = [columns.get(name, table.column(name)) for name in EVENTS.names]
    return pa.Table.from_arrays(arrays, schema=EVENTS)


def _others(others: Sequence[tuple[int, Mapping[str, Any]]], when: np.ndarray) -> pa.Table:
    names = dict.fromkeys(name for _, row in others for name in row)
    columns: dict[str, Any] = {name: [row.get(name) for _, row in others] for name in names}
    columns["ts"] = pa.array(when[[index for index, _ in others]], pa.timestamp("ns"))
    columns["abi"] = [Abi.X86_64.name.lower()] * len(others)
    columns["weight"] = np.zeros(len(others), np.int64)
    return as_table(columns, len(others))
