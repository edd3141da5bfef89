"""Between numpy and Arrow without copies, and without `pa.array` and `Array.to_numpy`: both import pandas where that is
installed, which takes half a second of the start."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Array = npt.NDArray[Any]
Mask = npt.NDArray[np.bool_]


def column(kind: pa.DataType, values: Array, valid: Mask | None = None) -> pa.Array:
    """An Arrow array over the memory of `values`; NULL where `valid` is False."""
    if valid is not None and valid.all():
        valid = None
    bits = None if valid is None else pa.py_buffer(np.packbits(valid, bitorder="little"))
    return pa.Array.from_buffers(kind, len(values), [bits, pa.py_buffer(np.ascontiguousarray(values))])


def memory(array: pa.Array, kind: type[np.generic]) -> Array:
    """The values of an Arrow array of fixed width as they lie in memory, whatever stands where it is NULL."""
    return np.frombuffer(array.buffers()[1], kind)[array.offset : array.offset + len(array)]


def strings(values: Sequence[str]) -> pa.StringArray:
    """The values as an array."""
    parts = [value.encode() for value in values]
    offsets = np.cumsum([0, *map(len, parts)], dtype=np.int32)
    return pa.StringArray.from_buffers(len(parts), pa.py_buffer(offsets), pa.py_buffer(b"".join(parts)))
