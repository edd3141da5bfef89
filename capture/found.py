"""What the kernel found for calls that made a descriptor, named as in /proc/PID/fd; bpf/found.bpf.h says how it comes.

A file comes as its names from the last one up to the root, a socket or a pipe as the number of its inode.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from capture.arrays import Array, binaries, column, cut, offsets
from schemas.record import FOUND_FILE, FOUND_PIPE, FOUND_SOCKET

# Scalars by way of arrays: `pa.scalar` imports pandas where that is installed.
_NOTHING, _SPACE, _SLASH, _SOCKET, _PIPE, _CLOSE = binaries([b"", b" ", b"/", b"socket:[", b"pipe:[", b"]"])
_NUMBER, _NUMBERS = 1 + 8, 1 + 8 + 8  # bytes of a piece that ends in a number, or in two


def found_names(pieces: pa.Array) -> pa.Array:
    """The names of n pieces (binary, none NULL), binary: `/etc/hosts`, `socket:[123]`, `pipe:[45]`, or `?`.

    Of a pair of sockets both, with a space between.
    """
    starts, ends, content = _memory(pieces)
    kinds = np.where(ends > starts, content[np.minimum(starts, len(content) - 1)], 0)
    numbered = ends - starts == _NUMBER
    groups = [
        (kinds == FOUND_FILE, _files),
        ((kinds == FOUND_SOCKET) & numbered, lambda found: _numbers(_SOCKET, found)),
        ((kinds == FOUND_PIPE) & numbered, lambda found: _numbers(_PIPE, found)),
        ((kinds == FOUND_SOCKET) & (ends - starts == _NUMBERS), _pairs),
    ]
    names, places = [binaries([b"?"])], np.zeros(len(pieces), np.int32)
    count = 1
    for mask, name in groups:
        rows = np.flatnonzero(mask)
        if len(rows):
            names.append(name(pieces.take(column(pa.int64(), rows))))
            places[rows] = np.arange(count, count + len(rows))
            count += len(rows)
    return pa.concat_arrays(names).take(column(pa.int32(), places))


def _memory(values: pa.Array) -> tuple[Array, Array, Array]:
    """Where each value starts and ends in the bytes, and the bytes (at least one)."""
    bounds = offsets(values)
    content = np.frombuffer(values.buffers()[2] or b"\0", np.uint8)
    return bounds[:-1], bounds[1:], content if len(content) else np.zeros(1, np.uint8)


def _files(pieces: pa.Array) -> pa.Array:
    """The names, each with its NUL behind it, in the other order."""
    begin, ends, content = _memory(pieces)
    parts = pc.split_pattern(cut(content, begin + 1, ends), "\0")
    starts = offsets(parts)
    counts = np.diff(starts) - 1  # what comes after the last NUL is none
    places = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    last = starts[:-1] + counts - 1
    order = np.repeat(last + places[:-1], counts) - np.arange(places[-1])
    turned = pa.ListArray.from_arrays(column(pa.int32(), places), parts.values.take(column(pa.int64(), order)))
    return pc.binary_join_element_wise(_NOTHING, pc.binary_join(turned, _SLASH), _SLASH)


def _pairs(pieces: pa.Array) -> pa.Array:
    both = _numbers(_SOCKET, pieces), _numbers(_SOCKET, pieces, _NUMBER)
    return pc.binary_join_element_wise(*both, _SPACE)


def _numbers(before: pa.Scalar, pieces: pa.Array, at: int = 1) -> pa.Array:
    starts, _, content = _memory(pieces)
    numbers = content[starts[:, None] + np.arange(at, at + 8)].view(np.uint64).ravel()
    text = column(pa.uint64(), numbers).cast(pa.string()).cast(pa.binary())
    return pc.binary_join_element_wise(before, text, _CLOSE, _NOTHING)
