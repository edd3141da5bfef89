"""Columns of a batch as Python lists: what is printed is text in the end, and lists are the fastest way there."""

from collections.abc import Iterable, Sequence
from itertools import repeat
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

ARGS = tuple(f"arg{index}" for index in range(6))
NAMES = tuple(f"name{index}" for index in range(7))
"""What the descriptor in each argument stands for, and the one that was returned; no columns of the schema."""

NEEDED = (
    *("kind", "ts", "dur_ns", "pid", "tid", "ppid", "comm", "nr", "abi", *ARGS, "ret", "fd", "path", "path2", "addr"),
    *("data", "cmdline", "cpu", "uid", "weight", "flags", "syscall"),
)
"""Columns of schemas.arrow.EVENTS that a line is made of."""

STATE_ONLY = 32
ABSENT = -(2**63)
"""Stands for NULL in `numbers`."""


def words(column: pa.Array) -> Iterable[Any]:
    """The values of a column of text or bytes, one a row. Equal values are one object."""
    if column.null_count == len(column):
        return repeat(None, len(column))
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    values = column.dictionary.to_pylist()
    if len(values) == 1 and column.null_count == 0:
        return repeat(values[0], len(column))
    if column.null_count == 0:
        return [values[index] for index in column.indices.to_numpy().tolist()]
    values.append(None)  # where -1 leads
    return [values[index] for index in column.indices.fill_null(-1).to_numpy().tolist()]


def numbers(column: pa.Array, absent: int = ABSENT) -> np.ndarray:
    """The values of a column of integers or times, `absent` where it is NULL; int64 of shape (rows,)."""
    if not pa.types.is_int64(column.type):
        column = column.cast(pa.int64())
    plain: np.ndarray = (column.fill_null(absent) if column.null_count else column).to_numpy()
    return plain


def integers(column: pa.Array, absent: int = 0) -> Sequence[int]:
    """The same as Python's integers."""
    listed: list[int] = numbers(column, absent).tolist()
    return listed


def select(batch: pa.RecordBatch, kinds: Iterable[str]) -> pa.RecordBatch:
    """The rows of these kinds, without the calls that are there for the state alone (flag 32)."""
    kind = batch.column("kind").cast(pa.string())
    wanted = pc.is_in(kind, pa.array(list(kinds), pa.string()))
    state = pc.not_equal(pc.bit_wise_and(batch.column("flags"), pa.scalar(STATE_ONLY, pa.int32())), 0)
    kept = pc.and_not(wanted, pc.and_(state, pc.equal(kind, "syscall")))
    return batch if pc.all(kept).as_py() else batch.filter(kept)
