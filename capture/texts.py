"""The columns that are text or bytes: names from the records, and the pieces of their payloads.

A piece is copied once, by a take over (offset, length); what many rows share is decoded on the distinct values. A row
in which any text is not UTF-8 is flagged, and then all its texts are escaped, so that they can be turned back.
"""

import shlex
import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from capture import address
from capture.arrays import Array, Mask, binaries, column, cut, dictionary, encode_runs, lower, memory, offsets
from capture.found import found_names
from capture.ring import Bytes, Words
from schemas.record import ABSENT, NO_PAYLOAD, PIECES
from schemas.text import escape, is_text

COMM, CGROUP, REST = 11, 13, 15  # words of struct systape_record
_PATH, _PATH2, _ADDR, _DATA = range(4)  # members of struct systape_pieces


@dataclass
class Coded:
    """A column of few values: the code of each row, the values, and where there is one at all."""

    codes: Array
    values: list[bytes]
    valid: Mask | None = None

    def bad(self) -> Mask | None:
        """The rows whose value is not UTF-8; None if there are none."""
        bad = np.array([not is_text(value) for value in self.values], bool)
        if not bad.any():
            return None
        rows: Mask = bad[self.codes] if self.valid is None else bad[self.codes] & self.valid
        return rows

    def finish(self, name: str, escaped: Mask | None) -> pa.Array:
        """The column `name`, a dictionary array; the values of escaped rows are."""
        codes, values = self.codes, [value.decode(errors="replace") for value in self.values]
        if escaped is not None:
            codes = np.where(escaped, codes + len(values), codes)
            values += [escape(value) for value in self.values]
        return dictionary(name, codes, values, self.valid)


@dataclass
class Plain:
    """A column of many values; `text` is the same as strings once `bad` has found them to be."""

    array: pa.Array
    text: pa.Array | None = None

    def bad(self) -> Mask | None:
        """The rows whose value is not UTF-8; None if there are none. Only what is not ASCII is looked at."""
        try:
            self.text = self.array.cast(pa.string())
        except pa.ArrowInvalid:
            content = np.frombuffer(self.array.buffers()[2], np.uint8)
            foreign = np.unique(np.searchsorted(offsets(self.array), np.flatnonzero(content >= 0x80), "right") - 1)
            bad = np.zeros(len(self.array), bool)
            bad[[row for row in foreign.tolist() if not is_text(self.array[row].as_py() or b"")]] = True
            return bad
        return None

    def finish(self, _: str, escaped: Mask | None) -> pa.Array:
        """The column, as strings."""
        if escaped is None:
            return self.text
        rows = [row for row in np.flatnonzero(escaped).tolist() if self.array[row].is_valid]
        places = np.arange(len(self.array), dtype=np.int32)
        places[rows] = len(places) + np.arange(len(rows))
        mended = binaries([escape(self.array[row].as_py()).encode() for row in rows])
        return pa.concat_arrays([self.array, mended]).take(column(pa.int32(), places)).cast(pa.string())


class Payloads:
    """The pieces of the records of a batch, n of them. What leads out of `content`, or back in it, is none."""

    def __init__(self, words: Words, content: Bytes) -> None:
        positions = lower(words[REST])
        end = len(content)
        self.rows = np.flatnonzero(positions < max(end - PIECES.itemsize + 1, 0))  # hence not NO_PAYLOAD
        self.count = words.shape[1]
        self._content = content
        at = positions[self.rows].astype(np.int64)
        headers = content.view(np.uint64)[at // PIECES.itemsize].view(np.uint16).reshape(-1, 4)
        self._there = headers != ABSENT
        self._lengths = np.where(self._there, headers, 0).astype(np.int64)
        ends = at[:, None] + PIECES.itemsize + np.cumsum(self._lengths, axis=1)
        self._there &= ends <= end  # whatever stands in a ring, nothing outside of it is read
        furthest = np.maximum.accumulate(np.where(self._there, ends, 0).max(axis=1, initial=0))
        self._there[1:] &= (at[1:] >= furthest[:-1])[:, None]  # nor twice: `cut` wants them ascending
        self._starts = ends - self._lengths

    def has(self, which: int, wanted: Mask | None = None) -> Mask | None:
        """The payloads (a mask over `rows`) that have that piece, and are `wanted`; None if there are none."""
        there = self._there[:, which] if wanted is None else self._there[:, which] & wanted
        return there if there.any() else None

    def pieces(self, which: int, there: Mask) -> pa.Array:
        """That piece of the payloads `there`."""
        starts = self._starts[there, which]
        return cut(self._content, starts, starts + self._lengths[there, which])

    def column(self, which: int, there: Mask) -> pa.Array:
        """That piece of the payloads `there` in their rows, NULL in all others."""
        return self.spread(self.pieces(which, there), there)

    def spread(self, values: pa.Array, there: Mask) -> pa.Array:
        """`values` (binary, from offset 0), one for each payload `there`, in their rows, NULL in all others.

        Their bytes are not moved. Not by `take`, which sets memory aside for as many rows of their mean length.
        """
        rows = self.rows[there]
        lengths, valid = np.zeros(self.count + 1, np.int32), np.zeros(self.count, bool)
        lengths[rows + 1], valid[rows] = np.diff(offsets(values)), True
        bits = pa.py_buffer(np.packbits(valid, bitorder="little"))
        buffers = [bits, pa.py_buffer(np.cumsum(lengths, dtype=np.int32)), values.buffers()[2]]
        return pa.Array.from_buffers(pa.binary(), self.count, buffers)


def texts(
    words: Words, content: Bytes, programs: Mask, found: Mask, cgroup_path: Callable[[int], bytes | None]
) -> tuple[dict[str, pa.Array], Mask | None]:
    """The columns comm, cgroup, path, path2, addr, data and cmdline, and the mask of escaped rows (None: none is).

    `words` is the matrix of the records, shape (16, n), `content` holds their payloads. `programs` says in which rows
    the last piece is the arguments of a program, `found` in which the second is what the kernel found.
    """
    columns: dict[str, Coded | Plain] = {"comm": _comms(words), "cgroup": _cgroups(words, cgroup_path)}
    arrays: dict[str, pa.Array] = {}
    payloads = Payloads(words, content) if (lower(words[REST]) != NO_PAYLOAD).any() else None
    if payloads is not None:
        if (there := payloads.has(_PATH)) is not None:
            columns["path"] = Plain(payloads.column(_PATH, there))
        if second := _second_paths(payloads, found[payloads.rows]):
            columns["path2"] = second
        if (there := payloads.has(_ADDR)) is not None:
            columns["addr"] = _addresses(payloads, there)
        runs = programs[payloads.rows]
        if (there := payloads.has(_DATA, runs)) is not None:
            columns["cmdline"] = _command_lines(payloads, there)
        if (there := payloads.has(_DATA, ~runs)) is not None:
            arrays["data"] = payloads.column(_DATA, there)
    escaped = _union(one.bad() for one in columns.values())
    return arrays | {name: one.finish(name, escaped) for name, one in columns.items()}, escaped


def _second_paths(payloads: Payloads, found: Mask) -> Plain | None:
    """The second paths that calls were given, and what the kernel found for others."""
    given, walked = payloads.has(_PATH2, ~found), payloads.has(_PATH2, found)
    if walked is None:
        return None if given is None else Plain(payloads.column(_PATH2, given))
    names = found_names(payloads.pieces(_PATH2, walked))
    if given is None:
        return Plain(payloads.spread(names, walked))
    both = pa.concat_arrays([names, payloads.pieces(_PATH2, given)])
    places = np.zeros(len(given), np.int32)
    places[walked] = np.arange(len(names))
    places[given] = len(names) + np.arange(len(both) - len(names))
    there = walked | given
    return Plain(payloads.spread(both.take(column(pa.int32(), places[there])), there))


def _comms(words: Words) -> Coded:
    codes, keys = encode_runs((words[COMM], words[COMM + 1]))
    return Coded(codes, [struct.pack("=2Q", *key).split(b"\0")[0] for key in keys])


def _cgroups(words: Words, path: Callable[[int], bytes | None]) -> Coded:
    codes, keys = encode_runs((words[CGROUP],))
    paths = [path(key) if key else None for (key,) in keys]
    known = np.array([one is not None for one in paths], bool)
    return Coded(codes, [one or b"" for one in paths], None if known.all() else known[codes])


def _distinct(values: pa.Array) -> tuple[npt.NDArray[np.int32], list[bytes]]:
    encoded = values.dictionary_encode()
    return memory(encoded.indices, np.int32), encoded.dictionary.to_pylist()


def _addresses(payloads: Payloads, there: Mask) -> Coded:
    places, distinct = _distinct(payloads.pieces(_ADDR, there))
    names = [address.text(one) for one in distinct]
    known = np.array([name is not None for name in names], bool)
    rows = payloads.rows[there]
    codes, valid = np.zeros(payloads.count, np.int32), np.zeros(payloads.count, bool)
    codes[rows], valid[rows] = places, known[places]
    return Coded(codes, [name or b"" for name in names], valid)


def _command_lines(payloads: Payloads, there: Mask) -> Plain:
    places, distinct = _distinct(payloads.pieces(_DATA, there))
    lines = binaries([command_line(one) for one in distinct]).take(column(pa.int32(), places))
    return Plain(payloads.spread(lines, there))


def command_line(argv: bytes) -> bytes:
    """Arguments, each with its NUL, quoted as shlex.join does."""
    arguments = argv.removesuffix(b"\0").split(b"\0") if argv else []
    return shlex.join(one.decode(errors="surrogateescape") for one in arguments).encode(errors="surrogateescape")


def _union(masks: Iterable[Mask | None]) -> Mask | None:
    union: Mask | None = None
    for mask in masks:
        if mask is not None:
            union = mask if union is None else union | mask
    return union
