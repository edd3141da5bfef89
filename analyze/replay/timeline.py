"""Looks up what stood behind many descriptors, each at its own time."""

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from analyze.replay.paths import CWD, LONER, PROCESSES_PER_HOST
from analyze.replay.rows import Numbers
from analyze.replay.tables import ALWAYS, UNKNOWN, History

if TYPE_CHECKING:
    import pyarrow as pa

FD_BITS = 32
FD_MASK = (1 << FD_BITS) - 1
FOREVER = (1 << 63) - 1


class Changes:
    """A value for each of many keys, that changes with time. All arrays have shape (n,) and type int64."""

    def __init__(self, key: Numbers, since: Numbers, value: Numbers) -> None:
        """The changes, in any order; of two at one time the later in the arrays counts."""
        import pyarrow as pa

        in_time = np.argsort(since, kind="stable")  # nearly sorted already, which a merge sort makes use of
        time = since[in_time]
        fresh = np.diff(time, prepend=time[:1] - 1) != 0
        coded = pa.array(key[in_time]).dictionary_encode()
        code = np.asarray(coded.indices).astype(np.int64)
        order = _order_of_codes(code)
        self._keys, self._codes = _sorted(np.asarray(coded.dictionary).astype(np.int64, copy=False))
        self._times = time[fresh]
        self._sorted = (code << 32 | np.cumsum(fresh) - 1)[order]
        places = in_time[order]
        self.key, self.since, self.value = key[places], since[places], value[places]

    def find(self, key: Numbers, at: Numbers) -> Numbers:
        """For each key the place of its last change at or before a time; -1 where there is none."""
        if not len(self.key):
            return np.full(len(key), -1)
        place = self._codes[np.minimum(np.searchsorted(self._keys, key), len(self._keys) - 1)]
        time = np.searchsorted(self._times, at, side="right") - 1
        found = np.searchsorted(self._sorted, place << 32 | np.maximum(time, 0), side="right") - 1
        hit = (time >= 0) & (found >= 0) & (self.key[np.maximum(found, 0)] == key)
        return np.where(hit, found, -1)


class Timeline:
    """Answers from a history. `unknown`: the edges of the intervals of loss, begin and end in turn."""

    def __init__(self, history: History, unknown: Numbers) -> None:
        import pyarrow as pa

        rows, peers = history.rows, history.peers
        self._names = history.names
        self._texts = pa.array(history.texts, pa.string())
        self._files = Changes(_key(rows[:, 0], rows[:, 1]), rows[:, 2], rows[:, 3])
        self._peers = Changes(peers[:, 0], peers[:, 1], peers[:, 2])
        self._sockets = np.unique(self._files.key[np.isin(self._files.value, peers[:, 0])])
        self._unknown = unknown
        self._alone = Changes(*history.alone.T)

    def names(self, process: "pa.Array", thread: "pa.Array", fd: "pa.Array", at: "pa.Array") -> "pa.Array":
        """The numbers of the names of what stood behind descriptors (int32), NULL where that is not known.

        Arrays of one length n: processes and threads as `on_host` numbers them, descriptors (CWD for the working
        directory), times in ns since the epoch. Any of them may be NULL.
        """
        found = self._ids(process, thread, fd, at)
        return _numbered(np.where(found >= 0, _take(self._names, found), UNKNOWN))

    def peers(self, process: "pa.Array", thread: "pa.Array", fd: "pa.Array", at: "pa.Array") -> "pa.Array":
        """The numbers of the addresses at the other end of sockets; arguments as for `names`."""
        import pyarrow as pa

        ever = self._ever_sockets(process, thread, fd)
        found = np.full(len(fd), UNKNOWN)
        if ever.any():
            few = [column.filter(pa.array(ever)) for column in (process, thread, fd, at)]
            ids = self._ids(*few)
            place = self._peers.find(ids, _numbers(few[-1]))
            found[ever] = np.where((ids >= 0) & (place >= 0), _take(self._peers.value, place), UNKNOWN)
        return _numbered(found)

    def text(self, numbers: "pa.Array") -> "pa.Array":
        """The texts with these numbers, NULL for NULL."""
        return self._texts.take(numbers)

    def lives(self, hosts: list[str]) -> "pa.Table":
        """Each descriptor whose name is known, from when to when, and its last peer: the columns of the view `fds`."""
        import pyarrow as pa

        files = self._files
        process, fd = files.key >> FD_BITS, (files.key & FD_MASK).astype(np.uint32).astype(np.int32)
        last = np.append(files.key[1:] != files.key[:-1], True)[: len(files.key)]
        until = np.where(last, FOREVER, np.append(files.since[1:], 0)[: len(files.key)])
        kept = (files.value >= 0) & (fd != CWD) & (files.since < until)
        ids, until = files.value[kept], until[kept]
        peer = self._peers.find(ids, until - 1)
        pid = process[kept] % PROCESSES_PER_HOST
        since = files.since[kept]
        places = (process[kept] & LONER - 1) // PROCESSES_PER_HOST
        columns = [
            pa.array(hosts, pa.string()).take(pa.array(places)),
            pa.array(pid.astype(np.int32)),
            pa.array(fd[kept]),
            pa.array(since, mask=since == ALWAYS),
            pa.array(until, mask=until == FOREVER),
            self.text(_numbered(self._names[ids])),
            self.text(_numbered(np.where(peer >= 0, _take(self._peers.value, peer), UNKNOWN))),
        ]
        return pa.Table.from_arrays(columns, schema=lives_schema())

    def _ever_sockets(self, process: "pa.Array", thread: "pa.Array", fd: "pa.Array") -> npt.NDArray[np.bool_]:
        """Whether a socket with a peer ever stood behind the descriptors: of most it never did, which is soon told."""
        if not len(self._sockets):
            return np.zeros(len(fd), np.bool_)
        owners = [_numbers(process)] if not len(self._alone.key) else [_numbers(process), _numbers(thread) + LONER]
        numbers = _numbers(fd)
        found: npt.NDArray[np.bool_] = np.logical_or.reduce(
            [_among(_key(owner, numbers), self._sockets) for owner in owners]
        )
        return found

    def _ids(self, process: "pa.Array", thread: "pa.Array", fd: "pa.Array", at: "pa.Array") -> Numbers:
        """What stood behind the descriptors; UNKNOWN where that is not known."""
        owner, when = _numbers(process), _numbers(at)
        if len(self._alone.key):
            threads = _numbers(thread)
            place = self._alone.find(threads, when)
            alone = (place >= 0) & (_take(self._alone.value, place) == 1)
            owner = np.where(alone, threads + LONER, owner)
        place = self._files.find(_key(owner, _numbers(fd)), when)
        found = np.where(place >= 0, _take(self._files.value, place), UNKNOWN)
        if len(self._unknown):
            before = np.searchsorted(self._unknown, _take(self._files.since, place), side="right")
            now = np.searchsorted(self._unknown, when, side="right")
            found[(before != now) | (now % 2 == 1)] = UNKNOWN
        if fd.null_count:
            found[fd.is_null().to_numpy(zero_copy_only=False)] = UNKNOWN
        return found


def _numbered(places: npt.NDArray[Any]) -> "pa.Array":
    """Places in a list as int32, NULL for negative ones."""
    import pyarrow as pa

    return pa.array(places.astype(np.int32, copy=False), mask=places < 0)


def _order_of_codes(codes: Numbers) -> Numbers:
    """The stable order of small numbers: by 16 bits at a time, for which numpy has a radix sort."""
    order = np.argsort(codes.astype(np.uint16), kind="stable")
    if len(codes) and codes.max() >> 16:
        order = order[np.argsort((codes[order] >> 16).astype(np.uint16), kind="stable")]
    return order


def _sorted(values: Numbers) -> tuple[Numbers, Numbers]:
    """The values in order, and where each was."""
    order = np.argsort(values)
    return values[order], order


def _among(values: Numbers, known: Numbers) -> npt.NDArray[np.bool_]:
    """Which values are among the known ones, of which there is at least one, in order."""
    found: npt.NDArray[np.bool_] = known[np.minimum(np.searchsorted(known, values), len(known) - 1)] == values
    return found


def _key(process: Numbers, fd: Numbers) -> Numbers:
    return process << FD_BITS | fd & FD_MASK


def _take(values: npt.NDArray[np.signedinteger[Any]], places: Numbers) -> npt.NDArray[np.signedinteger[Any]]:
    """values[places], anything where the place is negative."""
    return values[np.maximum(places, 0)] if len(values) else np.zeros(len(places), np.int64)


def _numbers(column: "pa.Array") -> Numbers:
    """A column as int64; what is NULL becomes 0."""
    if column.null_count:
        column = column.fill_null(0)
    return np.asarray(column.to_numpy(zero_copy_only=False)).astype(np.int64, copy=False)


def lives_schema() -> "pa.Schema":
    """The columns of Timeline.lives."""
    import pyarrow as pa

    kinds = {"host": "string", "pid": "int32", "fd": "int32", "since_ns": "int64", "until_ns": "int64"}
    return pa.schema(
        [(name, pa.type_for_alias(kind)) for name, kind in {**kinds, "file": "string", "peer": "string"}.items()]
    )
