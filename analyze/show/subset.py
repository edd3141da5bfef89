"""Part of a capture as a capture of its own.

Calls that the filters leave out but from which the names behind descriptors follow stay as state-only rows (flag 32),
and so do all rows that are no calls: what can be said of the calls that are left is the same as before.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from analyze.errors import QueryError, UsageError, first_line
from analyze.session import Session
from analyze.show.query import CALLS, RETURNED, Asked, lookups, uses
from analyze.show.stream import batches
from analyze.sqltext import literal
from schemas.arrow import EVENTS, Key
from schemas.counters import OTHER, Cell, Counters
from schemas.record import Cause
from schemas.state import STATE_CALLS

GROUP = 500_000
"""Rows of a row group."""

STATE_ONLY = 32
CAUSES = {int(cause): cause.name.lower() for cause in Cause}


def write_subset(session: Session, asked: Asked, out: BinaryIO, *, parquet: bool) -> None:
    """Write the rows that the session's filters keep, as Parquet or Arrow stream, at most `asked.limit` calls.

    Raises UsageError if the captures are of several hosts.
    """
    if len(session.hosts) > 1:
        raise UsageError(f"-w: a capture is of one host, these are of {', '.join(session.hosts)}; give those of one")
    schema = EVENTS.with_metadata(_metadata(session))
    counting = _Counting()
    tables = (counting.count(_sound(table, schema)) for table in _tables(session, asked))
    finished = all(source.finished for source in session.sources)
    if parquet:
        with pq.ParquetWriter(out, schema, compression="zstd", write_page_checksum=True) as file:
            for table in tables:
                file.write_table(table, row_group_size=GROUP)
            file.add_key_value_metadata(counting.metadata() if finished else {})
        return
    with pa.ipc.new_stream(out, schema) as stream:
        for table in tables:
            stream.write_table(table.combine_chunks())
        empty = pa.RecordBatch.from_pylist([], schema=schema)
        stream.write_batch(empty, custom_metadata=counting.metadata() if finished else {})


def _sound(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """The rows in the contract's types. Raises QueryError for what no capture holds, as NULL where there is none."""
    try:
        return table.cast(schema)
    except ValueError as error:
        raise QueryError(f"the capture is damaged: {first_line(error)}") from error


def subset_statement(session: Session) -> str:
    """The rows of the subset, in the order of the file; sorted by return if a filter is about what is looked up."""
    wheres = [compiled.where for compiled in session.filters]
    wanted = " AND ".join(wheres) or "true"
    losses = " AND ".join(["kind = 'loss'", *(one.losses for one in session.filters)])
    state = f"syscall IN ({', '.join(map(literal, sorted(STATE_CALLS)))})"
    others = f"kind NOT IN ('syscall', 'loss')\nOR (kind = 'syscall' AND flags & {STATE_ONLY} <> 0)\nOR ({losses})"
    marked = _columns(f"flags | CASE WHEN {CALLS} AND ({wanted}) IS NOT TRUE THEN {STATE_ONLY} ELSE 0 END")
    if not any(uses(where, lookups(session)) for where in wheres):
        return f"SELECT {marked}\nFROM events\nWHERE ({CALLS} AND (({wanted}) OR {state}))\nOR {others}"
    rows = (
        f"FROM calls\nWHERE ({wanted}) OR {state}\nUNION ALL\nSELECT {_columns('flags')}\nFROM events\nWHERE {others}"
    )
    return f"SELECT *\nFROM (\nSELECT {marked}\n{rows}\n)\nORDER BY {RETURNED}, tid"


def _columns(flags: str) -> str:
    return ", ".join(f"{flags} AS flags" if name == "flags" else name for name in EVENTS.names)


def _tables(session: Session, asked: Asked) -> Iterator[pa.Table]:
    """The rows in portions of a row group, up to the last call that the limit allows."""
    waiting: list[pa.RecordBatch] = []
    left = asked.limit
    for batch in batches(session.prepare(subset_statement(session))):
        if asked.limit:
            places = pc.indices_nonzero(_calls(batch)).to_pylist()
            batch = batch.slice(0, places[left - 1] + 1) if len(places) >= left else batch
            left -= min(left, len(places))
        waiting.append(batch)
        if sum(one.num_rows for one in waiting) >= GROUP or (asked.limit and not left):
            yield pa.Table.from_batches(waiting)
            waiting = []
        if asked.limit and not left:
            return
    if waiting:
        yield pa.Table.from_batches(waiting)


def _calls(rows: pa.RecordBatch | pa.Table) -> pa.Array:
    """Which rows are calls and not there for the state alone."""
    state = pc.not_equal(pc.bit_wise_and(rows.column("flags"), STATE_ONLY), 0)
    return pc.and_not(pc.equal(rows.column("kind").cast(pa.string()), "syscall"), state)


def _metadata(session: Session) -> dict[str, str]:
    """What was known of the first capture when it began, and what this one is."""
    first = session.sources[0].metadata.pairs
    known = {str(key): first[key.value.partition(".")[2]] for key in Key if key.value.partition(".")[2] in first}
    known.pop(Key.COUNTERS, None)
    texts = [compiled.text for compiled in session.filters]
    names = ", ".join(source.name for source in session.sources)
    known[Key.NOTES] = json.dumps([*session.sources[0].metadata.notes, f"part of {names}, written by analyze show -w"])
    if texts:
        known[Key.FILTER] = "; ".join([known.get(Key.FILTER, "everything"), *texts])
    ends = [source.metadata.pairs.get("end") for source in session.sources]
    if all(ends):
        known[Key.END] = max(end for end in ends if end)
    return known


class _Counting:
    """Counts what is written, for the accounting of the new capture."""

    def __init__(self) -> None:
        self._cells: dict[tuple[int, str, str], Cell] = {}

    def count(self, table: pa.Table) -> pa.Table:
        """Count the rows; returns them."""
        for group in _sums(table.filter(_calls(table)), "nr"):
            cell = self._cell(group)
            cell.nr = group["nr"]
            cell.written += group["weight_sum"]
            cell.seen += group["weight_sum"]
        for group in _sums(table.filter(pc.equal(table.column("kind").cast(pa.string()), "loss")), "arg0"):
            cell = self._cell(group)
            cause = CAUSES.get(group["arg0"], "unknown")
            cell.dropped[cause] = cell.dropped.get(cause, 0) + group["weight_sum"]
            cell.seen += group["weight_sum"]
        return table

    def metadata(self) -> dict[str, str]:
        """The accounting as the file's metadata."""
        return {str(Key.COUNTERS): Counters(list(self._cells.values())).to_json()}

    def _cell(self, group: Mapping[str, Any]) -> Cell:
        place = (group["cpu"], group["abi"], group["syscall"] or OTHER)
        return self._cells.setdefault(place, Cell(place[0], place[1], -1, place[2]))


def _sums(rows: pa.Table, key: str) -> list[dict[str, Any]]:
    """The weights of the rows, added up by CPU, call and `key`."""
    keys = ["cpu", "abi", "syscall", key]
    plain = {"abi": pa.string(), "syscall": pa.string()}
    columns = {name: rows.column(name).cast(plain.get(name, rows.column(name).type)) for name in [*keys, "weight"]}
    sums: list[dict[str, Any]] = pa.table(columns).group_by(keys).aggregate([("weight", "sum")]).to_pylist()
    return sums
