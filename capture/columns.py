"""From records to columns: rows of the kernel's struct in, an Arrow batch of the schema `EVENTS` out.

Every step works on whole columns; names become dictionaries of the values that the batch uses. What is no argument of
a call is NULL, not what happened to be in the register.
"""

import struct
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from capture.ring import Words
from capture.text import escape, is_text
from schemas.arrow import EVENTS
from schemas.errno import errno_names
from schemas.record import CELL_OTHER, CELLS, CELLS_PER_ABI, NOT_MEASURED, Abi, Flag, Kind, cell_of
from schemas.syscalls import name_of, names_by_cell, native_abi, table

Mask = npt.NDArray[np.bool_]
Array = npt.NDArray[np.generic]

# The words of struct systape_record (schemas/record.h); some hold more than one member.
TS, DUR, ARGS, RET, PID_TID, NR_UID, COMM, CGROUP, RUNQ, REST = 0, 1, 2, 8, 9, 10, 11, 13, 14, 15
MAX_ARGS = 6
_RETURNED = 6  # in Table.fd_source: the result is the descriptor
_NO_FD = -1
_STATE_ARGS = np.array([0, 2, 1, 1, 2, 2, 1, 0], np.int8)  # by Kind: arguments of a row that is no call


def column(kind: pa.DataType, values: Array, valid: Mask | None = None) -> pa.Array:
    """An Arrow array over the memory of `values`; NULL where `valid` is False."""
    if valid is not None and valid.all():
        valid = None
    bits = None if valid is None else pa.py_buffer(np.packbits(valid, bitorder="little"))
    return pa.Array.from_buffers(kind, len(values), [bits, pa.py_buffer(np.ascontiguousarray(values))])


def dictionary(name: str, codes: Array, values: Sequence[str], valid: Mask | None = None) -> pa.Array:
    """A dictionary array of the type of column `name`, with only those of `values` that `codes` (>= 0) refer to."""
    kind = EVENTS.field(name).type
    index = kind.index_type.to_pandas_dtype()
    if valid is not None and not valid.any():
        return pa.nulls(len(codes), kind)
    if (codes == codes[0]).all():
        used, places = [int(codes[0])], np.zeros(len(codes), index)
    else:
        counts = np.bincount(codes if valid is None else codes[valid], minlength=len(values))
        used = np.flatnonzero(counts).tolist()
        place = np.zeros(len(values), index)
        place[used] = np.arange(len(used))
        places = place[codes]
    indices = column(kind.index_type, places, valid)
    return pa.DictionaryArray.from_arrays(indices, pa.array([values[code] for code in used], pa.string()))


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
    return np.repeat(raw.indices.to_numpy(), np.diff(starts, append=len(keys[0]))), distinct


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
        """The batch of n records: `words` is the matrix of their words, one row a word, shape (16, n); `cpus` has (n,)."""
        count = len(cpus)
        rest = upper(words[REST])
        flags, kind, abi = rest & 0xFFFF, rest >> 16 & 0xFF, rest >> 24
        rows = _Rows(words, count, flags.astype(np.int32), kind.astype(np.uint8), abi.astype(np.uint8))
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
                arrays[field.name] = pa.nulls(count, field.type)
        return pa.RecordBatch.from_arrays([arrays[name] for name in EVENTS.names], schema=EVENTS)

    def _call(self, rows: "_Rows") -> dict[str, pa.Array]:
        """What only calls have: number, name, arguments, result, descriptor."""
        words, calls = rows.words, rows.calls
        cells = cell_of(rows.nr, rows.abi)
        codes, names = cells, self._names
        if (cells >= CELL_OTHER).any():
            codes, names = self._name_others(rows, cells)
        returned = rows.finished
        result = words[RET].view(np.int64)
        failed = (result < 0) & (result >= -4095) & returned
        if rows.has_state:
            failed &= calls
        errors = np.where(failed, -result, 0)
        nargs = self._nargs[cells]
        has_result = (returned & calls) | rows.state_has_result if rows.has_state else returned
        arrays = {
            "syscall": dictionary("syscall", codes, names, rows.only_calls),
            "nr": column(pa.int32(), rows.nr, rows.only_calls),
            "ret": column(pa.int64(), result, has_result),
            "errno": dictionary("errno", errors, self._errnos, failed),
            "fd": self._descriptor(rows, cells, result, failed),
        }
        for index in range(MAX_ARGS):
            valid = nargs > index
            if rows.has_state:
                valid = np.where(calls, valid, rows.state_args > index)
            arrays[f"arg{index}"] = column(pa.int64(), words[ARGS + index], valid)
        return arrays

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
        valid = sources != _NO_FD
        if rows.has_state:
            valid &= rows.calls
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
    """The records of a batch, and what several columns need to know of them. Not calls: the state rows."""

    def __init__(self, words: Words, count: int, flags: npt.NDArray[np.int32], kind: Array, abi: Array) -> None:
        self.words, self.count, self.flags, self.kind, self.abi = words, count, flags, kind, abi
        self.nr = lower(words[NR_UID]).view(np.uint32)
        self.has_state = bool(kind.any())
        self.calls: Mask = np.ones(count, bool)
        self.finished: Mask = (flags & Flag.UNFINISHED) == 0
        self.only_calls: Mask | None = None
        if self.has_state:
            self.calls = (kind == Kind.SYSCALL) | (kind == Kind.LOSS)
            self.finished &= kind != Kind.LOSS
            self.only_calls = self.calls
            self.state_has_result: Mask = (kind == Kind.EXIT) | (kind == Kind.SIGNAL)
            self.state_args = _STATE_ARGS[kind]


def _counts(rows: _Rows) -> dict[str, pa.Array]:
    """Weight, and the parent of a process; a loss row holds in `ret` how many calls it stands for."""
    if not rows.has_state:
        ones = np.ones(rows.count, np.int64)
        return {"weight": column(pa.int64(), ones), "ppid": pa.nulls(rows.count, pa.int32())}
    weight = (rows.kind == Kind.SYSCALL).astype(np.int64)
    np.copyto(weight, rows.words[RET].view(np.int64), where=rows.kind == Kind.LOSS)
    parent = (rows.kind >= Kind.FORK) & (rows.kind <= Kind.EXIT) | (rows.kind == Kind.PROCESS)
    return {
        "weight": column(pa.int64(), weight),
        "ppid": column(pa.int32(), rows.nr.view(np.int32), parent),
    }


def _escaped_dictionary(name: str, codes: Array, values: list[bytes], valid: Mask | None, escaped: Mask) -> pa.Array:
    texts = [value.decode(errors="replace") for value in values]
    if escaped.any():
        codes = np.where(escaped, codes + len(values), codes)
        texts += [escape(value) for value in values]
    return dictionary(name, codes, texts, valid)
