"""The distinct calls of a block of lines, as columns: most by bulk.py, all at once, the others by calls.py."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from analyze.importer.bulk import Bulk, Names
from analyze.importer.calls import Parsed, Parser
from analyze.importer.texts import Numbers
from schemas.arrow import EVENTS
from schemas.record import Abi

NO_CALL = -1
UNTOLD = -1
"""CPU and user, which strace does not tell."""


class Calls(NamedTuple):
    """Distinct calls."""

    rows: pa.Table
    """In the contract's columns, all that do not depend on when and by whom they were made."""
    names: Names
    """What they say of descriptors, by row."""


class Reader:
    """Reads the calls of one ABI."""

    def __init__(self, abi: Abi) -> None:
        """Start with nothing remembered."""
        self._bulk, self._parser = Bulk(abi), Parser(abi)

    def read(self, texts: pa.BinaryArray) -> tuple[Calls, Numbers]:
        """The calls, and for each text which of them it is; NO_CALL for what is none."""
        many = self._bulk.read(texts)
        places = np.full(len(texts), NO_CALL)
        places[many.calls] = np.arange(len(many.calls))
        left = np.flatnonzero(places == NO_CALL)
        parsed = self._parser.parse([text.decode("latin-1") for text in texts.take(pa.array(left)).to_pylist()])
        calls = [call for call in parsed if call is not None]
        understood = left[[call is not None for call in parsed]]
        places[understood] = len(many.calls) + np.arange(len(calls))
        names = Names(places[many.names.calls], many.names.fds, many.names.texts)
        rows = [as_table(many.columns, len(many.calls)), as_table(_columns(calls), len(calls))]
        return joined([Calls(rows[0], names), Calls(rows[1], _names(calls))]), places


def joined(parts: Sequence[Calls]) -> Calls:
    """Several lots of calls, one behind the other."""
    rows = pa.concat_tables([part.rows for part in parts] or [EVENTS.empty_table()])
    first = np.cumsum([0, *(part.rows.num_rows for part in parts)])
    calls = [part.names.calls + begin for part, begin in zip(parts, first[:-1], strict=True)]
    names = Names(
        np.concatenate([*calls, np.zeros(0, np.int64)]),
        np.concatenate([*(part.names.fds for part in parts), np.zeros(0, np.int64)]),
        pa.concat_arrays([part.names.texts for part in parts] or [pa.array([], pa.binary())]),
    )
    return Calls(rows.unify_dictionaries().combine_chunks(), names)


def _columns(calls: Sequence[Parsed]) -> dict[str, Any]:
    columns: dict[str, Any] = dict(zip(Parsed._fields, zip(*calls, strict=True), strict=True)) if calls else {}
    columns.update((f"arg{index}", values) for index, values in enumerate(zip(*columns.pop("args", ()), strict=True)))
    return columns


def _names(calls: Sequence[Parsed]) -> Names:
    told = [(index, *name) for index, call in enumerate(calls) for name in call.names]
    places, fds = (np.array([one[column] for one in told], np.int64) for column in (0, 1))
    return Names(places, fds, pa.array([name.encode("latin-1") for _, _, name in told], pa.binary()))


def as_table(columns: Mapping[str, Any], count: int) -> pa.Table:
    """The columns in the contract's types; those that are not there are NULL, or what stands for not known."""
    arrays = []
    for column in EVENTS:
        if column.name in columns:
            given = columns[column.name]
            plain = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
            array = given if isinstance(given, pa.Array) else pa.array(given, plain)
            arrays.append(array.cast(column.type) if array.type != column.type else array)
        elif pa.types.is_dictionary(column.type) and not column.nullable:
            arrays.append(same(column.name, "", count))
        elif column.nullable:
            arrays.append(pa.nulls(count, column.type))
        else:
            arrays.append(pa.array(np.full(count, UNTOLD, column.type.to_pandas_dtype()), column.type))
    return pa.Table.from_arrays(arrays, schema=EVENTS)


def same(name: str, word: str, count: int) -> pa.Array:
    """One word in all rows of a dictionary column."""
    kind = EVENTS.field(name).type
    indices = pa.array(np.zeros(count, kind.index_type.to_pandas_dtype()))
    return pa.DictionaryArray.from_arrays(indices, pa.array([word]))
