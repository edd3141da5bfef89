"""Columns of a batch as Python lists: what is printed is text in the end, and lists are the fastest way there."""

from collections.abc import Container, Iterable, Sequence
from itertools import repeat
from typing import Any

import numpy as np
import pyarrow as pa

ARGS = tuple(f"arg{index}" for index in range(6))
NAMES = tuple(f"name{index}" for index in range(7))
"""What the descriptor in each argument stands for, and the one that was returned; no columns of the schema."""

NEEDED = (
    *("kind", "ts", "dur_ns", "pid", "tid", "ppid", "comm", "nr", "abi", *ARGS, "ret", "fd", "path", "path2", "addr"),
    *("data", "cmdline", "cpu", "uid", "weight", "flags", "syscall"),
)
"""Columns of schemas.arrow.EVENTS that a line is made of."""

STATE_ONLY = 32
CALL = ("syscall",)
ABSENT = -(2**63)
"""Stands for NULL in `numbers`."""


def memory(column: pa.Array) -> np.ndarray:
    """The numbers of a column of integers or times as they lie in memory; anything may stand where it is NULL.

    Array.to_numpy would load pandas, which takes longer than all else.
    """
    if not len(column):  # there may be no memory then
        return np.zeros(0, np.int64)
    width = np.dtype(f"i{column.type.bit_width // 8}")
    plain: np.ndarray = np.frombuffer(column.buffers()[1], width)[column.offset : column.offset + len(column)]
    return plain


def absent_in(column: pa.Array) -> np.ndarray:
    """Where a column, which has nulls, is NULL; bool of shape (rows,)."""
    bits = np.frombuffer(column.buffers()[0], np.uint8)
    present = np.unpackbits(bits, count=column.offset + len(column), bitorder="little")[column.offset :]
    return np.equal(present, 0)


def words(column: pa.Array) -> Iterable[Any]:
    """The values of a column of text or bytes, one a row. Equal values are one object."""
    if column.null_count == len(column):
        return repeat(None, len(column))
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    values = column.dictionary.to_pylist()
    if len(values) == 1 and column.null_count == 0:
        return repeat(values[0], len(column))
    values.append(None)
    codes = numbers(column.indices, len(values) - 1)
    return [values[code] for code in codes.tolist()]


def numbers(column: pa.Array, absent: int = ABSENT) -> np.ndarray:
    """The values of a column of integers or times, `absent` where it is NULL; int64 of shape (rows,)."""
    if column.null_count == len(column):
        return np.full(len(column), absent, np.int64)
    plain = memory(column).astype(np.int64)
    if column.null_count:
        plain[absent_in(column)] = absent
    return plain


def integers(column: pa.Array, absent: int = 0) -> Sequence[int]:
    """The same as Python's integers."""
    listed: list[int] = numbers(column, absent).tolist()
    return listed


def among(column: pa.Array, values: Container[str]) -> np.ndarray:
    """In which rows a column of text has one of these values; bool of shape (rows,)."""
    coded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    chosen = np.array([value in values for value in coded.dictionary.to_pylist()], np.bool_)
    found: np.ndarray = chosen[memory(coded.indices)]
    return found


def where(rows: pa.RecordBatch, chosen: np.ndarray) -> pa.RecordBatch:
    """The rows in which `chosen` (bool, shape (rows,)) is true. Not by pa.array, which would load pandas."""
    if chosen.all():
        return rows
    bits = pa.py_buffer(np.packbits(chosen, bitorder="little"))
    return rows.filter(pa.Array.from_buffers(pa.bool_(), len(chosen), [None, bits]))


def select(batch: pa.RecordBatch, kinds: Container[str]) -> pa.RecordBatch:
    """The rows of these kinds, without the calls that are there for the state alone (flag 32)."""
    kind = batch.column("kind")
    state_only = numbers(batch.column("flags")) & STATE_ONLY != 0
    return where(batch, among(kind, kinds) & ~(state_only & among(kind, CALL)))


def returned(rows: pa.RecordBatch) -> np.ndarray:
    """When each call returned; `ts` of rows without a duration. ns since the epoch, int64 of shape (rows,)."""
    times: np.ndarray = numbers(rows.column("ts")) + numbers(rows.column("dur_ns"), 0)
    return times


def in_order(rows: pa.RecordBatch) -> pa.RecordBatch:
    """The rows in order of return; those of equal times as they were."""
    times = returned(rows)
    if (times[1:] >= times[:-1]).all():
        return rows
    order = np.argsort(times, kind="stable")
    return rows.take(pa.Array.from_buffers(pa.int64(), len(order), [None, pa.py_buffer(order)]))
