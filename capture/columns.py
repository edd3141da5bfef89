"""From records to columns: rows of the kernel's struct in, an Arrow batch of the schema `EVENTS` out.

Every step works on whole columns; names become dictionaries of the values that the batch uses. What is no argument of
a call is NULL, not what happened to be in the register.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from capture.arrays import Array, Mask, column, dictionary, lower, nulls, upper
from capture.errors import CaptureError
from capture.plan import plans
from capture.ring import Bytes, Words
from capture.texts import texts
from schemas.arrow import EVENTS
from schemas.errno import errno_names
from schemas.record import (
    CELL_OTHER,
    CELLS,
    CELLS_PER_ABI,
    NOT_MEASURED,
    PLAN_EXEC,
    PLAN_FOUND_MASK,
    PLAN_FOUND_SHIFT,
    Abi,
    Flag,
    Kind,
    cell_of,
)
from schemas.syscalls import name_of, names_by_cell, native_abi, table

# The words of struct systape_record (schemas/record.h); some hold more than one member.
TS, DUR, ARGS, RET, PID_TID, NR_UID, RUNQ, REST = 0, 1, 2, 8, 9, 10, 14, 15
MAX_ARGS = 6
_RETURNED = 6  # in Table.fd_source: the result is the descriptor
_NO_FD = -1
_UNKNOWN_MOST = 16384  # of unknown calls are named in a batch: the column's index has 16 bits
_STATE_ARGS = np.array([0, 2, 1, 1, 2, 2, 1, 1], np.int8)  # by Kind: arguments of a row that is no call


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
        self._executes = plans() & PLAN_EXEC != 0
        self._finds = plans() >> PLAN_FOUND_SHIFT & PLAN_FOUND_MASK != 0
        for base, abi in ((0, native), (CELLS_PER_ABI, Abi.I386)):
            calls = table(abi)
            self._fd_source[base : base + CELLS_PER_ABI] = calls.fd_source
            self._nargs[base : base + CELLS_PER_ABI] = [calls.nargs(nr) for nr in range(CELLS_PER_ABI)]

    def batch(self, words: Words, cpus: npt.NDArray[np.int16], content: Bytes) -> pa.RecordBatch:
        """The batch of n records: `words` is their matrix, one row a word, shape (16, n); `cpus` has shape (n,).

        `content` holds the payloads, at the positions that the records name.
        """
        rows = _Rows(words, len(cpus))
        found = rows.mask(self._finds[rows.cells], False)
        named, escaped = texts(words, content, self._programs(rows), found, self._cgroup_path)
        if escaped is not None:
            rows.flags[escaped] |= Flag.ESCAPED
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
            **named,
            **_counts(rows),
            "flags": column(pa.int32(), rows.flags),
        }
        for field in EVENTS:
            if field.name not in arrays:
                arrays[field.name] = nulls(field.type, rows.count)
        return pa.RecordBatch.from_arrays([arrays[name] for name in EVENTS.names], schema=EVENTS)

    def _call(self, rows: "_Rows") -> dict[str, pa.Array]:
        """What only calls have: number, name, arguments, result, descriptor."""
        cells = rows.cells
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

    def _programs(self, rows: "_Rows") -> Mask:
        """The rows whose last piece is the arguments of a program."""
        return rows.mask(self._executes[rows.cells], np.isin(rows.kind[rows.others], (Kind.EXEC, Kind.PROCESS)))

    def _error(self, result: Array, failed: Mask) -> pa.Array:
        if not failed.any():
            return nulls(EVENTS.field("errno").type, len(failed))
        return dictionary("errno", np.where(failed, -result, 0), self._errnos, failed)

    def _name_others(self, rows: "_Rows", cells: Array) -> tuple[Array, list[str]]:
        """Codes and names where some numbers have no cell: each such pair of number and abi gets a code of its own.

        A program may make up more numbers than the column can name: the rest are `other`, and have their number.
        """
        codes, names = cells.copy(), list(self._names)
        others = np.flatnonzero(cells >= CELL_OTHER)
        pairs = rows.nr[others].astype(np.int64) << 8 | rows.abi[others]
        distinct, inverse = np.unique(pairs, return_inverse=True)
        codes[others] = np.where(inverse < _UNKNOWN_MOST, inverse + len(names), CELL_OTHER)
        named = distinct[:_UNKNOWN_MOST].tolist()
        names += [name_of(pair >> 8 & 0xFFFF_FFFF, Abi(pair & 0xFF)) for pair in named]
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
        if _RETURNED in present:
            valid &= ~((sources == _RETURNED) & (failed | ~rows.finished))
        descriptors = rows.kind[rows.others] == Kind.FD
        valid = rows.mask(valid, descriptors)
        if descriptors.any():
            values[rows.others[descriptors]] = lower(rows.words[ARGS + 1])[rows.others[descriptors]]
        return column(pa.int32(), values, valid)


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
        if int(self.kind.max(initial=0)) > Kind.LOSS or int(self.abi.max(initial=0)) > Abi.ARM:
            raise CaptureError("a ring holds what the kernel program never writes; please report this")
        self.nr = lower(words[NR_UID]).copy()
        self.others = np.flatnonzero(self.kind)
        self.parents = self.nr[self.others]  # of state rows: see struct systape_record
        kinds = self.kind[self.others]
        lost = kinds == Kind.LOSS
        self.nr[self.others[~lost]] = 0
        self.calls = self.mask(np.ones(count, bool), lost) if len(self.others) else None
        self.cells = cell_of(self.nr, self.abi)
        self.finished = self.mask((self.flags & Flag.UNFINISHED) == 0, False)

    def mask(self, of_calls: Mask, of_others: Mask | bool) -> Mask:
        """`of_calls`, with the values that the rows of other kinds have instead."""
        of_calls[self.others] = of_others
        return of_calls


def _counts(rows: _Rows) -> dict[str, pa.Array]:
    """Weight, and the parent of a process; a loss row holds in `ret` how many calls it stands for."""
    weight = np.ones(rows.count, np.int64)
    if not len(rows.others):
        return {"weight": column(pa.int64(), weight), "ppid": nulls(pa.int32(), rows.count)}
    kinds = rows.kind[rows.others]
    lost = kinds == Kind.LOSS
    weight[rows.others] = np.where(lost, rows.words[RET].view(np.int64)[rows.others], 0)
    parents = np.zeros(rows.count, np.int32)
    parents[rows.others] = rows.parents
    has_parent = (kinds >= Kind.FORK) & (kinds <= Kind.EXEC) | (kinds == Kind.PROCESS)
    return {
        "weight": column(pa.int64(), weight),
        "ppid": column(pa.int32(), parents, rows.mask(np.zeros(rows.count, bool), has_parent)),
    }
