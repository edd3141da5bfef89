"""Looks up what stood behind many descriptors, each at its own time."""

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from analyze.replay.clock import Clock
from analyze.replay.paths import CWD, LONER, PROCESSES_PER_HOST
from analyze.replay.rows import Integers, Numbers
from analyze.replay.sorting import HALF, LOW, coded, order_of_codes, packed
from analyze.replay.tables import ALWAYS, UNKNOWN, History

if TYPE_CHECKING:
    import pyarrow as pa

FOREVER = (1 << 63) - 1
WORD = 63
"""Bits of a number that is not negative."""


class Changes:
    """A value for each of many keys, that changes with time. A change is at a place, by key and then by time."""

    def __init__(self, key: Numbers, since: Integers, value: Integers) -> None:
        """The changes, in any order; of two at one time the later in the arrays counts. All have shape (n,)."""
        in_time = np.argsort(since, kind="stable")  # nearly sorted already, which a merge sort makes use of
        codes, keys = coded(key[in_time])
        order = order_of_codes(codes)
        self.value = value[in_time[order]]
        """The values, by place; shape (n,)."""
        time = since[in_time]
        del in_time
        self._keys, self._codes = _sorted(keys.astype(np.int64, copy=False))
        self._clock = Clock(time, WORD - len(keys).bit_length())
        self._sorted = codes.astype(np.int64)
        self._sorted <<= self._clock.bits
        self._sorted |= self._clock.ticks(time)
        del time
        self._sorted = self._sorted[order]

    def __len__(self) -> int:
        """How many changes there are."""
        return len(self.value)

    def find(self, key: Numbers, at: Numbers) -> Numbers:
        """For each key the place of its last change at or before a time; -1 where there is none."""
        if not len(self):
            return np.full(len(key), -1)
        place = np.minimum(np.searchsorted(self._keys, key), len(self._keys) - 1)
        lowest = self._codes[place] << self._clock.bits
        found = np.searchsorted(self._sorted, lowest | self._clock.ticks(at), side="right") - 1
        hit = (found >= 0) & (self._keys[place] == key) & (self._sorted[found] >= lowest)
        return np.where(hit, found, -1)

    def key(self, places: Numbers) -> Numbers:
        """The keys that change at these places."""
        by_code = np.empty_like(self._keys)
        by_code[self._codes] = self._keys
        found: Numbers = by_code[self._sorted[places] >> self._clock.bits]
        return found

    def since(self, places: Numbers) -> Integers:
        """When the changes at these places were, anything where a place is negative."""
        return self._clock.times(_take(self._sorted, places) & (1 << self._clock.bits) - 1)


class Timeline:
    """Answers from a history. `unknown`: the edges of the intervals of loss, begin and end in turn."""

    def __init__(self, history: History, unknown: Numbers) -> None:
        import pyarrow as pa

        peers = history.peers
        self._names = history.names
        self._texts = pa.array(history.texts, pa.string())
        self._files = Changes(packed(history.process, history.fd), history.since, history.id)
        self._peers = Changes(peers[:, 0], peers[:, 1], peers[:, 2])
        self._sockets = np.unique(self._files.key(np.flatnonzero(np.isin(self._files.value, peers[:, 0]))))
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

        files, places = self._files, np.arange(len(self._files))
        key, since = files.key(places), files.since(places)
        process, fd = key >> HALF, (key & LOW).astype(np.uint32).astype(np.int32)
        last = np.append(key[1:] != key[:-1], True)[: len(key)]
        until = np.where(last, FOREVER, np.append(since[1:], 0)[: len(key)])
        kept = (files.value >= 0) & (fd != CWD) & (since < until)
        ids, until, since = files.value[kept], until[kept], since[kept]
        peer = self._peers.find(ids, until - 1)
        pid = process[kept] % PROCESSES_PER_HOST
        owners = (process[kept] & LONER - 1) // PROCESSES_PER_HOST
        columns = [
            pa.array(hosts, pa.string()).take(pa.array(owners)),
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
        owners = [_numbers(process)] if not len(self._alone) else [_numbers(process), _numbers(thread) + LONER]
        numbers = _numbers(fd)
        found: npt.NDArray[np.bool_] = np.logical_or.reduce(
            [_among(packed(owner, numbers), self._sockets) for owner in owners]
        )
        return found

    def _ids(self, process: "pa.Array", thread: "pa.Array", fd: "pa.Array", at: "pa.Array") -> Numbers:
        """What stood behind the descriptors; UNKNOWN where that is not known."""
        owner, when = _numbers(process), _numbers(at)
        if len(self._alone):
            threads = _numbers(thread)
            place = self._alone.find(threads, when)
            alone = (place >= 0) & (_take(self._alone.value, place) == 1)
            owner = np.where(alone, threads + LONER, owner)
        place = self._files.find(packed(owner, _numbers(fd)), when)
        found = np.where(place >= 0, _take(self._files.value, place), UNKNOWN)
        if len(self._unknown):
            before = np.searchsorted(self._unknown, self._files.since(place), side="right")
            now = np.searchsorted(self._unknown, when, side="right")
            found[(before != now) | (now % 2 == 1)] = UNKNOWN
        if fd.null_count:
            found[fd.is_null().to_numpy(zero_copy_only=False)] = UNKNOWN
        return found


def _numbered(places: npt.NDArray[Any]) -> "pa.Array":
    """Places in a list as int32, NULL for negative ones."""
    import pyarrow as pa

    return pa.array(places.astype(np.int32, copy=False), mask=places < 0)


def _sorted(values: Numbers) -> tuple[Numbers, Numbers]:
    """The values in order, and where each was."""
    order = np.argsort(values)
    return values[order], order


def _among(values: Numbers, known: Numbers) -> npt.NDArray[np.bool_]:
    """Which values are among the known ones, of which there is at least one, in order."""
    found: npt.NDArray[np.bool_] = known[np.minimum(np.searchsorted(known, values), len(known) - 1)] == values
    return found


def _take(values: Integers, places: Numbers) -> Integers:
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
