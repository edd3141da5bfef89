"""From what a log says to rows of a capture."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from analyze.importer.calls import Parsed, Parser
from analyze.importer.log import NOT_KNOWN
from analyze.importer.threads import NO_CALL, Thread, Told
from schemas.arrow import EVENTS
from schemas.counters import Cell, Counters
from schemas.record import Abi, Flag
from schemas.syscalls import OTHER

CPU = UID = -1
"""strace does not tell."""
NOT_UNDERSTOOD = "not_understood"


class Rows:
    """Makes batches of the contract's schema, and counts what goes into them."""

    def __init__(self) -> None:
        """Before the first row."""
        self._parsers = {Abi.X86_64: Parser(Abi.X86_64), Abi.I386: Parser(Abi.I386)}
        self._calls = Counter[tuple[str, int, str]]()
        self._named: set[tuple[int, int]] = set()
        self.strange = 0
        """Lines that were not understood."""
        self.examples: list[str] = []

    def batch(self, told: Told, threads: Sequence[Thread]) -> pa.Table:
        """The rows that follow from some lines, in their order."""
        places = np.array(told.threads, np.int64)
        lines = np.flatnonzero(places != NO_CALL)
        parsed = self._parse(told, threads, lines.tolist(), places)
        kept = [index for index, one in enumerate(parsed) if one is not None]
        if len(kept) < len(parsed):
            self.refuse([told.lines.texts[lines[index]] for index, one in enumerate(parsed) if one is None])
            lines = lines[kept]
        self.refuse(told.strange)
        calls = [one for one in parsed if one is not None]
        who = [threads[place] for place in places[lines].tolist()]
        when = np.array(told.lines.when, np.int64)
        others = told.others + self._descriptors(calls, who, lines.tolist())
        table = self._columns(calls, who, when[lines], np.array(told.lines.lasted, np.int64)[lines])
        if not others:
            return table
        table = pa.concat_tables([table, _others(others, when)])
        order = np.argsort(np.concatenate([lines * 2 + 1, [2 * index for index, _ in others]]), kind="stable")
        return table.take(pa.array(order))

    def refuse(self, texts: Sequence[str]) -> None:
        """Count lines that were not understood."""
        self.strange += len(texts)
        self.examples += texts[: 5 - len(self.examples)]

    def counters(self) -> Counters:
        """The accounting: strace loses nothing; a line that was not understood counts as a call that was dropped."""
        cells = [Cell(CPU, abi, nr, name, calls, calls) for (abi, nr, name), calls in self._calls.items()]
        if self.strange:
            cells.append(Cell(CPU, Abi.X86_64.name.lower(), -1, OTHER, self.strange, 0, {NOT_UNDERSTOOD: self.strange}))
        return Counters(cells)

    def _parse(
        self, told: Told, threads: Sequence[Thread], lines: Sequence[int], places: np.ndarray
    ) -> list[Parsed | None]:
        texts = told.lines.texts
        if len(lines) < len(texts):
            texts = [texts[line] for line in lines]
        abis = [threads[place].abi for place in places[places != NO_CALL].tolist()]
        if abis.count(Abi.X86_64) == len(abis):
            return self._parsers[Abi.X86_64].parse(texts)
        return [self._parsers[abi].parse([text])[0] for abi, text in zip(abis, texts, strict=True)]

    def _columns(
        self, calls: Sequence[Parsed], who: Sequence[Thread], when: np.ndarray, lasted: np.ndarray
    ) -> pa.Table:
        """The rows of calls."""
        count = len(calls)
        columns: dict[str, Any] = dict(zip(Parsed._fields, zip(*calls, strict=True), strict=True)) if calls else {}
        args = zip(*columns.pop("args", ()), strict=True)
        columns.update((f"arg{index}", values) for index, values in enumerate(args))
        abis = [thread.abi.name.lower() for thread in who]
        self._calls.update(zip(abis, columns.get("nr", ()), columns.get("syscall", ()), strict=True))
        flags = np.array(columns.get("flags", ()), np.int32)
        unfinished = flags & Flag.UNFINISHED != 0
        flags |= np.where((lasted == NOT_KNOWN) & ~unfinished, Flag.ENTRY_UNSEEN, 0).astype(np.int32)
        columns |= {
            "kind": _same("kind", "syscall", count),
            "ts": pa.array(when, pa.timestamp("ns")),
            "dur_ns": pa.array(lasted, pa.int64(), mask=(lasted < 0) | unfinished),
            "pid": [thread.pid for thread in who],
            "tid": [thread.tid for thread in who],
            "comm": [thread.comm for thread in who],
            "abi": abis,
            "weight": np.ones(count, np.int64),
            "flags": flags,
        }
        return _table(columns, count)

    def _descriptors(
        self, calls: Sequence[Parsed], who: Sequence[Thread], lines: Sequence[int]
    ) -> list[tuple[int, dict[str, Any]]]:
        """Rows of kind fd for descriptors that were there before the log, where it says what they stand for (-y)."""
        found = []
        for call, thread, line in zip(calls, who, lines, strict=True):
            for fd, name in call.names:
                if (thread.pid, fd) in self._named:
                    continue
                self._named.add((thread.pid, fd))
                if fd >= 0 and not (fd == call.fd and fd == call.ret):
                    row = {"kind": "fd", "pid": thread.pid, "tid": thread.tid, "comm": thread.comm, "flags": 0}
                    found.append((line, {**row, "fd": fd, "path": name, "arg0": 0}))
        return found


def _others(others: Sequence[tuple[int, Mapping[str, Any]]], when: np.ndarray) -> pa.Table:
    names = dict.fromkeys(name for _, row in others for name in row)
    columns: dict[str, Any] = {name: [row.get(name) for _, row in others] for name in names}
    columns["ts"] = pa.array(when[[index for index, _ in others]], pa.timestamp("ns"))
    columns["abi"] = [Abi.X86_64.name.lower()] * len(others)
    columns["weight"] = np.zeros(len(others), np.int64)
    return _table(columns, len(others))


def _table(columns: Mapping[str, Any], count: int) -> pa.Table:
    """The columns in the contract's types; those that are not there are NULL, or what stands for not known."""
    arrays = []
    for column in EVENTS:
        if column.name in columns:
            given = columns[column.name]
            plain = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
            array = given if isinstance(given, pa.Array) else pa.array(given, plain)
            arrays.append(array.cast(column.type) if array.type != column.type else array)
        elif column.nullable:
            arrays.append(pa.nulls(count, column.type))
        else:
            arrays.append(pa.array(np.full(count, CPU, column.type.to_pandas_dtype()), column.type))
    return pa.Table.from_arrays(arrays, schema=EVENTS)


def _same(name: str, word: str, count: int) -> pa.Array:
    kind = EVENTS.field(name).type
    indices = pa.array(np.zeros(count, kind.index_type.to_pandas_dtype()))
    return pa.DictionaryArray.from_arrays(indices, pa.array([word]))
