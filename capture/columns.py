"""From records to columns: rows of the kernel's struct in, an Arrow batch of the schema `EVENTS` out.

Every step works on whole columns; names become dictionaries of the values that the batch uses. What is no argument of
a call is NULL, not what happened to be in the register.
"""

import struct
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from capture.arrays import Array, Mask, column, memory, strings
from capture.ring import Words
from capture.text import escape, is_text
from schemas.arrow import EVENTS
from schemas.errno import errno_names
from schemas.record import CELL_OTHER, CELLS, CELLS_PER_ABI, NOT_MEASURED, Abi, Flag, Kind, cell_of
from schemas.syscalls import name_of, names_by_cell, native_abi, table

# The words of struct systape_record (schemas/record.h); some hold more than one member.
TS, DUR, ARGS, RET, PID_TID, NR_UID, COMM, CGROUP, RUNQ, REST = 0, 1, 2, 8, 9, 10, 11, 13, 14, 15
MAX_ARGS = 6
_RETURNED = 6  # in Table.fd_source: the result is the descriptor
_NO_FD = -1
_INDEX = {8: np.int8, 16: np.int16, 32: np.int32}
_STATE_ARGS = np.array([0, 2, 1, 1, 2, 2, 1, 0], np.int8)  # by Kind: arguments of a row that is no call


def dictionary(name: str, codes: Array, values: Sequence[str], valid: Mask | None = None) -> pa.Array:
    """A dictionary array of the type of column `name`, with only those of `values` that `codes` (>= 0) refer to."""
    kind = EVENTS.field(name).type
    index = _INDEX[kind.index_type.bit_width]
    if valid is not None and not valid.any():
        return pa.nulls(len(codes), kind)
    first = int(codes[0])
    differing = np.flatnonzero(codes != first)
    others = codes[differing]
    present = np.zeros(len(values), bool)
    present[others if valid is None else others[valid[differing]]] = True
    present[first] = True
    used = np.flatnonzero(present).tolist()
    place = np.zeros(len(values), index)
    place[used] = np.arange(len(used))
    places = np.full(len(codes), place[first])
    places[differing] = place[others]
    indices = column(kind.index_type, places, valid)
    return pa.DictionaryArray.from_arrays(indices, strings([values[code] for code in used]))


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


class Columns:
    """Turns records into batches. `wall_offset` is what makes a monotonic time a wall clock time, ns.

    `cgroup_path` names a kernfs id, as bytes, or gives None; it is asked once per batch and distinct id.
    """

    def __init__(self, wall_offset: int, cgroup_path: Callable[[int], bytes | None]) -> None:
        self._offset = np.int64(wall_offset)
        self._cgroup_path = cgroup_path
        native = native_abi()
        self._names = names_by_cell(native)
        self._errnos = ["", *errno_names()[1:]]
        self._fd_source = np.full(CELLS, _NO_FD, np.int8)
        self._nargs = np.full(CELLS, MAX_ARGS, np.int8)
        for base, abi in ((0, native), (CELLS_PER_ABI, Abi.I386)):
            calls = table(abi)
            self._fd_source[base : base + CELLS_PER_ABI] = calls.fd_source
            self._nargs[base : base + CELLS_PER_ABI] = [calls.nargs(nr) for nr in range(CELLS_PER_ABI)]

    def batch(self, words: Words, cpus: npt.NDArray[np.int16]) -> pa.RecordBatch:
        """The batch of n records: `words` is their matrix, one row a word, shape (16, n); `cpus` has shape (n,)."""
        rows = _Rows(words, len(cpus))
        arrays = {
            "kind": dictionary("kind", rows.kind, [one.name.lower() for one in Kind]),
            "ts": column(pa.timestamp("ns"), words[TS].view(np.int64) + self._offset),
            "dur_ns": column(pa.int64(), words[DUR], words[DUR] != NOT_MEASURED),
            "pid": column(pa.int32(), lower(words[PID_TID])),
            "tid": column(pa.int32(), upper(words[PID_TID])),
            "abi": dictionary("abi", rows.abi, [one.name.lower() for one in Abi]),
            "cpu": column(pa.int16(), cpus),
            "uid": column(pa.int32(), upper(words[NR_UID])),
            "runq_ns": column(pa.int64(), words[RUNQ], words[RUNQ] != NOT_MEASURED),
            **self._call(rows),
            **self._texts(rows),
            **_counts(rows),
            "flags": column(pa.int32(), rows.flags),
        }
        for field in EVENTS:
            if field.name not in arrays:
                arrays[field.name] = pa.nulls(rows.count, field.type)
        return pa.RecordBatch.from_arrays([arrays[name] for name in EVENTS.names], schema=EVENTS)

    def _call(self, rows: "_Rows") -> dict[str, pa.Array]:
        """What only calls have: number, name, arguments, result, descriptor."""
        cells = cell_of(rows.nr, rows.abi)
        codes, names = cells, self._names
        if len(rows.others) or int(cells.max(initial=0)) >= CELL_OTHER:
            codes, names = self._name_others(rows, cells)
        result = rows.words[RET].view(np.int64)
        failed = rows.mask((result < 0) & (result >= -4095) & rows.finished, False)
        nargs = self._nargs[cells]
        kinds = rows.kind[rows.others]
        arrays = {
            "syscall": dictionary("syscall", codes, names, rows.calls),
            "nr": column(pa.int32(), rows.nr, rows.calls),
            "ret": column(pa.int64(), result, rows.mask(rows.finished, (kinds == Kind.EXIT) | (kinds == Kind.SIGNAL))),
            "errno": self._error(result, failed),
            "fd": self._descriptor(rows, cells, result, failed),
        }
        for index in range(MAX_ARGS):
            valid = rows.mask(nargs > index, _STATE_ARGS[kinds] > index)
            arrays[f"arg{index}"] = column(pa.int64(), rows.words[ARGS + index], valid)
        return arrays

    def _error(self, result: Array, failed: Mask) -> pa.Array:
        if not failed.any():
            return pa.nulls(len(failed), EVENTS.field("errno").type)
        return dictionary("errno", np.where(failed, -result, 0), self._errnos, failed)

    def _name_others(self, rows: "_Rows", cells: Array) -> tuple[Array, list[str]]:
        """Codes and names where some numbers have no cell: each such pair of number and abi gets a code of its own."""
        codes, names = cells.copy(), list(self._names)
        others = np.flatnonzero(cells >= CELL_OTHER)
        pairs = rows.nr[others].astype(np.int64) << 8 | rows.abi[others]
        distinct, inverse = np.unique(pairs, return_inverse=True)
        codes[others] = inverse + len(names)
        names += [name_of(int(pair) >> 8 & 0xFFFF_FFFF, Abi(int(pair) & 0xFF)) for pair in distinct]
        return codes, names

    def _descriptor(self, rows: "_Rows", cells: Array, result: Array, failed: Mask) -> pa.Array:
        sources = self._fd_source[cells]
        present = np.flatnonzero(np.bincount(sources + 1, minlength=_RETURNED + 2)) - 1
        values = lower(rows.words[ARGS]).astype(np.int32)
        for source in present.tolist():
            if source == _RETURNED:
                np.copyto(values, result, where=sources == source, casting="unsafe")
            elif source > 0:
                np.copyto(values, lower(rows.words[ARGS + source]), where=sources == source, casting="unsafe")
        valid = rows.mask(sources != _NO_FD, False)
        if _RETURNED in present:
            valid &= ~((sources == _RETURNED) & (failed | ~rows.finished))
        return column(pa.int32(), values, valid)

    def _texts(self, rows: "_Rows") -> dict[str, pa.Array]:
        """Names of the thread and of its cgroup; rows in which one is not UTF-8 are escaped and say so."""
        comm_codes, comm_keys = encode_runs((rows.words[COMM], rows.words[COMM + 1]))
        comms = [struct.pack("=2Q", *key).split(b"\0")[0] for key in comm_keys]
        group_codes, group_keys = encode_runs((rows.words[CGROUP],))
        paths = [self._cgroup_path(key) if key else None for (key,) in group_keys]
        known = np.array([path is not None for path in paths], bool)
        texts = {
            "comm": (comm_codes, comms, None),
            "cgroup": (group_codes, [path or b"" for path in paths], None if known.all() else known[group_codes]),
        }
        escaped = np.zeros(rows.count, bool)
        for codes, values, _ in texts.values():
            bad = np.array([not is_text(value) for value in values], bool)
            if bad.any():
                escaped |= bad[codes]
        rows.flags[escaped] |= Flag.ESCAPED
        return {
            name: _escaped_dictionary(name, codes, values, valid, escaped)
            for name, (codes, values, valid) in texts.items()
        }


class _Rows:
    """The records of a batch, and what several columns need to know of them.

    Nearly all are calls: columns are made as if all were, and then mended in the few rows that are not, `others`.
    """

    def __init__(self, words: Words, count: int) -> None:
        self.words, self.count = words, count
        rest = words[REST]  # payload 32 bits, flags 16, kind 8, abi 8
        self.flags = rest.view(np.uint16)[2::4].astype(np.int32)
        self.kind = rest.view(np.uint8)[6::8].copy()
        self.abi = rest.view(np.uint8)[7::8].copy()
        self.nr = lower(words[NR_UID]).copy()
        self.others = np.flatnonzero(self.kind)
        self.parents = self.nr[self.others]  # of state rows: see struct systape_record
        kinds = self.kind[self.others]
        lost = kinds == Kind.LOSS
        self.nr[self.others[~lost]] = 0
        self.calls = self.mask(np.ones(count, bool), lost) if len(self.others) else None
        self.finished = self.mask((self.flags & Flag.UNFINISHED) == 0, False)

    def mask(self, of_calls: Mask, of_others: Mask | bool) -> Mask:
        """`of_calls`, with the values that the rows of other kinds have instead."""
        of_calls[self.others] = of_others
        return of_calls


def _counts(rows: _Rows) -> dict[str, pa.Array]:
    """Weight, and the parent of a process; a loss row holds in `ret` how many calls it stands for."""
    weight = np.ones(rows.count, np.int64)
    if not len(rows.others):
        return {"weight": column(pa.int64(), weight), "ppid": pa.nulls(rows.count, pa.int32())}
    kinds = rows.kind[rows.others]
    lost = kinds == Kind.LOSS
    weight[rows.others] = np.where(lost, rows.words[RET].view(np.int64)[rows.others], 0)
    parents = np.zeros(rows.count, np.int32)
    parents[rows.others] = rows.parents
    has_parent = (kinds >= Kind.FORK) & (kinds <= Kind.EXIT) | (kinds == Kind.PROCESS)
    return {
        "weight": column(pa.int64(), weight),
        "ppid": column(pa.int32(), parents, rows.mask(np.zeros(rows.count, bool), has_parent)),
    }


def _escaped_dictionary(name: str, codes: Array, values: list[bytes], valid: Mask | None, escaped: Mask) -> pa.Array:
    texts = [value.decode(errors="replace") for value in values]
    if escaped.any():
        codes = np.where(escaped, codes + len(values), codes)
        texts += [escape(value) for value in values]
    return dictionary(name, codes, texts, valid)
