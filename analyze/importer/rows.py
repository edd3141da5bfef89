"""From what a log says to rows of a capture."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from analyze.importer.calls import NONE, Parsed, Parser
from analyze.importer.log import NOT_KNOWN
from analyze.importer.threads import NO_CALL, Thread, Told
from schemas.arrow import EVENTS
from schemas.counters import Cell, Counters
from schemas.record import Abi, Flag
from schemas.syscalls import OTHER

CPU = UID = -1
"""strace does not tell."""
NOT_UNDERSTOOD = "not_understood"
NOTHING = Parsed("", None, NONE, None, None, None, None, None, None, None, None, 0, ())
"""In place of what was not understood; no row is made of it."""
KEYS = {"abi": pa.string(), "nr": pa.int32(), "syscall": pa.string()}


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
        texts = told.lines.texts if len(lines) == len(places) else [told.lines.texts[line] for line in lines.tolist()]
        abis = np.array([thread.abi for thread in threads], np.int64)[places[lines]]
        found, which = self._parse(texts, abis)
        understood = np.array([call is not None for call in found], bool)[which]
        if not understood.all():
            self.refuse([texts[index] for index in np.flatnonzero(~understood).tolist()])
            lines, which = lines[understood], which[understood]
        self.refuse(told.strange)
        when = np.array(told.lines.when, np.int64)
        table = self._columns(found, which, when[lines], np.array(told.lines.lasted, np.int64)[lines])
        table = _with_threads(table, threads, places[lines])
        others = told.others + self._descriptors(found, which, threads, places, lines)
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

    def _parse(self, texts: Sequence[str], abis: np.ndarray) -> tuple[list[Parsed | None], np.ndarray]:
        """The distinct calls, and for each text which of them it is."""
        if (abis == Abi.X86_64).all():
            places = {text: place for place, text in enumerate(dict.fromkeys(texts))}
            which = np.fromiter(map(places.__getitem__, texts), np.int64, len(texts))
            return self._parsers[Abi.X86_64].parse(list(places)), which
        calls = [self._parsers[Abi(abi)].parse([text])[0] for abi, text in zip(abis.tolist(), texts, strict=True)]
        return calls, np.arange(len(calls))

    def _columns(
        self, found: Sequence[Parsed | None], which: np.ndarray, when: np.ndarray, lasted: np.ndarray
    ) -> pa.Table:
        """The rows of calls, without who made them."""
        calls = [call or NOTHING for call in found]
        columns: dict[str, Any] = dict(zip(Parsed._fields, zip(*calls, strict=True), strict=True)) if calls else {}
        columns.update(
            (f"arg{index}", values) for index, values in enumerate(zip(*columns.pop("args", ()), strict=True))
        )
        table = _table(columns, len(calls)).take(pa.array(which))
        flags = table.column("flags").to_numpy().copy()
        unfinished = flags & Flag.UNFINISHED != 0
        flags[(lasted == NOT_KNOWN) & ~unfinished] |= Flag.ENTRY_UNSEEN
        return _with(
            table,
            ts=pa.array(when, pa.timestamp("ns")),
            dur_ns=pa.array(lasted, pa.int64(), mask=(lasted < 0) | unfinished),
            flags=pa.array(flags, pa.int32()),
            kind=_same("kind", "syscall", len(which)),
            weight=pa.array(np.ones(len(which), np.int64)),
        )

    def _descriptors(
        self,
        found: Sequence[Parsed | None],
        which: np.ndarray,
        threads: Sequence[Thread],
        places: np.ndarray,
        lines: np.ndarray,
    ) -> list[tuple[int, dict[str, Any]]]:
        """Rows of kind fd for descriptors that were there before the log, where it says what they stand for (-y)."""
        named = np.array([call is not None and bool(call.names) for call in found], bool)[which]
        rows = []
        for line, place in zip(lines[named].tolist(), which[named].tolist(), strict=True):
            call, thread = found[place], threads[places[line]]
            for fd, name in call.names if call else ():
                if call is None or (thread.pid, fd) in self._named:
                    continue
                self._named.add((thread.pid, fd))
                if fd >= 0 and not (fd == call.fd and fd == call.ret):
                    row = {"kind": "fd", "pid": thread.pid, "tid": thread.tid, "comm": thread.comm, "flags": 0}
                    rows.append((line, {**row, "fd": fd, "path": name, "arg0": 0}))
        return rows

    def count(self, table: pa.Table) -> None:
        """Count the calls among the rows, for the accounting."""
        calls = table.filter(pc.equal(table.column("weight"), 1)).select(["abi", "nr", "syscall"])
        plain = pa.table({name: calls.column(name).cast(KEYS[name]) for name in KEYS})
        for group in plain.group_by(list(KEYS)).aggregate([([], "count_all")]).to_pylist():
            self._calls[group["abi"], group["nr"], group["syscall"]] += group["count_all"]


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
        elif pa.types.is_dictionary(column.type) and not column.nullable:
            arrays.append(_same(column.name, "", count))
        elif column.nullable:
            arrays.append(pa.nulls(count, column.type))
        else:
            arrays.append(pa.array(np.full(count, CPU, column.type.to_pandas_dtype()), column.type))
    return pa.Table.from_arrays(arrays, schema=EVENTS)


def _same(name: str, word: str, count: int) -> pa.Array:
    kind = EVENTS.field(name).type
    indices = pa.array(np.zeros(count, kind.index_type.to_pandas_dtype()))
    return pa.DictionaryArray.from_arrays(indices, pa.array([word]))
