"""Between numpy and Arrow without copies, and without `pa.array` and `Array.to_numpy`: both import pandas where that is
installed, which takes half a second of the start."""

import struct
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from schemas.arrow import EVENTS

Array = npt.NDArray[Any]
Mask = npt.NDArray[np.bool_]

_SELDOM = 16
_INDEX: dict[int, type[np.signedinteger[Any]]] = {8: np.int8, 16: np.int16, 32: np.int32}


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
    return binaries([value.encode() for value in values]).cast(pa.string())


def binaries(values: Sequence[bytes]) -> pa.Array:
    """The values as an array of binary."""
    offsets = np.cumsum([0, *map(len, values)], dtype=np.int32)
    return pa.Array.from_buffers(
        pa.binary(), len(values), [None, pa.py_buffer(offsets), pa.py_buffer(b"".join(values))]
    )


def offsets(texts: pa.Array) -> npt.NDArray[np.int32]:
    """Where each of n texts or binaries, or each of n lists, begins, and where the last one ends: shape (n + 1,)."""
    return np.frombuffer(texts.buffers()[1], np.int32)[texts.offset : texts.offset + len(texts) + 1]


def cut(content: Array, starts: Array, ends: Array) -> pa.Array:
    """The binaries content[start:end], ascending."""
    bounds = np.empty(2 * len(starts), np.int32)
    bounds[::2], bounds[1::2] = starts, ends
    # What lies between two of them counts as an element, which is not taken.
    buffers = [None, pa.py_buffer(bounds), pa.py_buffer(content)]
    everything = pa.Array.from_buffers(pa.binary(), len(bounds) - 1, buffers)
    return everything.take(column(pa.int32(), np.arange(0, len(bounds), 2, dtype=np.int32)))


def nulls(kind: pa.DataType, count: int) -> pa.Array:
    """An array of NULLs. Its memory is zeroes that nobody has touched, where `pa.nulls` would fill as many anew."""
    zeroes = pa.py_buffer(np.zeros(count + 1, np.int64))
    if pa.types.is_dictionary(kind):
        return pa.DictionaryArray.from_arrays(nulls(kind.index_type, count), strings([]))
    buffers = [zeroes] * (3 if pa.types.is_string(kind) or pa.types.is_binary(kind) else 2)
    return pa.Array.from_buffers(kind, count, buffers, null_count=count)


def dictionary(name: str, codes: Array, values: Sequence[str], valid: Mask | None = None) -> pa.Array:
    """A dictionary array of the type of column `name`, of the `values` that `codes` (>= 0) refer to, each once."""
    kind = EVENTS.field(name).type
    index = _INDEX[kind.index_type.bit_width]
    if valid is not None and not valid.any():
        return nulls(kind, len(codes))
    present = np.zeros(len(values), bool)
    differing = np.flatnonzero(codes != codes[0])
    if len(differing) * _SELDOM < len(codes):  # nearly all are alike: only the others are looked at
        present[codes[0]] = True
        present[codes[differing] if valid is None else codes[differing][valid[differing]]] = True
        place, words = _places(present, values, index)
        places = np.full(len(codes), place[codes[0]])
        places[differing] = place[codes[differing]]
    else:
        present[codes if valid is None else codes[valid]] = True
        place, words = _places(present, values, index)
        places = place[codes]
    indices = column(kind.index_type, places, valid)
    return pa.DictionaryArray.from_arrays(indices, strings(words))


def _places(present: Mask, values: Sequence[str], index: type[np.signedinteger[Any]]) -> tuple[Array, list[str]]:
    """The words of the codes that are present, each once, and the place of each code's word among them."""
    used = np.flatnonzero(present).tolist()
    words: dict[str, int] = {}
    place = np.zeros(len(present), index)
    place[used] = [words.setdefault(values[code], len(words)) for code in used]
    return place, list(words)


def encode_runs(keys: Sequence[Array]) -> tuple[Array, list[tuple[int, ...]]]:
    """Codes of the rows of `keys` (arrays of uint64, shape (n,)), and the distinct rows.

    The keys change seldom from one row to the next, so only the first row of each run is looked up.
    """
    changed = keys[0][1:] != keys[0][:-1]
    for key in keys[1:]:
        changed |= key[1:] != key[:-1]
    starts = np.concatenate(([0], np.flatnonzero(changed) + 1))
    runs = np.stack([key[starts] for key in keys], axis=1)
    raw = pa.Array.from_buffers(pa.binary(8 * len(keys)), len(runs), [None, pa.py_buffer(runs)]).dictionary_encode()
    distinct = [struct.unpack(f"={len(keys)}Q", value) for value in raw.dictionary.to_pylist()]
    return np.repeat(memory(raw.indices, np.int32), np.diff(starts, append=len(keys[0]))), distinct


def upper(words: Array) -> npt.NDArray[np.uint32]:
    """The upper half of each word."""
    return words.view(np.uint32)[1::2]


def lower(words: Array) -> npt.NDArray[np.uint32]:
    """The lower half of each word."""
    return words.view(np.uint32)[::2]
