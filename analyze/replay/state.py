"""Replays the descriptor tables of all processes: from the rows that change them to who had what, and since when.

The kernel's own structures are followed: a process has a table of files and a working directory; fork copies or shares
each, exec closes what is to be closed at exec, and a thread may go its own way (unshare). What the rows do not tell is
unknown, and so is what was known before a loss.
"""

from array import array
from collections.abc import Callable, Iterable, Iterator

import numpy as np
import numpy.typing as npt

from analyze.replay.dead_stores import dead_stores, sharing
from analyze.replay.paths import AT_FDCWD, CWD, LONER, absolute
from analyze.replay.rows import RANGE_CLOEXEC, RANGE_UNSHARE, SHARES_ALL, SHARES_FILES, SHARES_FS, Op, Rows
from analyze.replay.sorting import packed
from analyze.replay.tables import ALWAYS, CLOSE_ON_EXEC, MAYBE, UNKNOWN, Directory, Files, History, Owner

ELSEWHERE = -2
"""In place of an id: what a row did has been noted for all whom it concerns."""
NAMELESS = ("unix:", "unix:@")
"""What accept tells of a client that has no name: the server's is more use."""
BLOCK = 1 << 16
"""Rows that become Python objects at a time."""
STRETCH = 1 << 20
"""Rows among which dead stores are looked for."""
WIDE = 64
"""Descriptors in a table above which a fork's copy is limited to those that the child uses."""


def replay(
    rows: Rows, used_by: Callable[[int], set[int]] | None = None, passed: Callable[[float], None] | None = None
) -> History:
    """Run all rows, which are in order of time. `used_by`: the descriptors that a process uses in the whole capture.

    `passed` is told from time to time how much is done, 0 to 1.
    """
    return Machine(rows, used_by).run(passed)


class Machine:
    """The tables at one moment, and what has been noted until then."""

    def __init__(self, rows: Rows, used_by: Callable[[int], set[int]] | None) -> None:
        self._given = rows
        self._used_by = used_by
        self._texts = list(rows.texts)
        self._names = array("i", range(len(self._texts)))
        self._ids = {text: place for place, text in enumerate(self._texts)}
        self._simple = [text[:1] not in "./" and absolute("/x", text) == f"/x/{text}" for text in rows.texts]
        self._absolute = [self._id_of(absolute(None, text)) for text in rows.texts]
        self._processes: dict[int, Owner] = {}
        self._threaded: set[int] = set()
        self._loners: dict[int, Owner] = {}
        self._alone = array("q")
        self._bound: dict[int, int] = {}
        self._snapshot: dict[int, list[tuple[int, int, int]]] = {}
        self._rows = array("q")
        self._peers = array("q")

    def run(self, passed: Callable[[float], None] | None = None) -> History:
        """Everything, from the first row to the last; `passed` is told how much is done."""
        given, steps = self._given, [getattr(self, f"_{op.name.lower()}") for op in Op]
        columns = (given.at, given.process, given.thread, given.fd, given.other, given.mode, given.text, given.addr)
        noted = np.full(len(given.op), ELSEWHERE, np.int32)
        for block in self._alive(noted):
            arguments = zip(*(column[block].tolist() for column in columns), strict=True)
            pairs = zip(given.op[block].tolist(), arguments, strict=True)
            noted[block] = [steps[operation](*values) for operation, values in pairs]
            if passed:
                passed((block[-1] + 1) / len(noted))
        here = noted != ELSEWHERE
        processes, fds, times, ids = np.frombuffer(self._rows, np.int64).reshape(-1, 4).T
        return History(
            np.concatenate([given.process[here], processes], dtype=given.process.dtype, casting="same_kind"),
            np.concatenate([given.fd[here], fds], dtype=given.fd.dtype, casting="same_kind"),
            np.concatenate([given.at[here], times]),
            np.concatenate([noted[here], ids], dtype=np.int32, casting="same_kind"),
            np.frombuffer(self._peers, np.int64).reshape(-1, 3),
            np.frombuffer(self._names, np.int32),
            self._texts,
            np.frombuffer(self._alone, np.int64).reshape(-1, 3),
        )

    def _alive(self, noted: npt.NDArray[np.int32]) -> Iterator[npt.NDArray[np.int64]]:
        """Places of the rows to replay, in order, some at a time; what there is to note of others has then been noted.

        Dead stores are looked for among so many rows at a time that it takes little memory beside all rows.
        """
        others, shared = self._take_snapshot(), sharing(self._given)
        absolute = np.array([*self._absolute, UNKNOWN], np.int32)
        for start in range(0, len(others), STRETCH):
            stretch = slice(start, start + STRETCH)
            dead, ids = dead_stores(self._given.part(stretch), absolute, shared)
            dead &= others[stretch]
            noted[stretch][dead] = ids[dead]
            alive = start + np.flatnonzero(others[stretch] & ~dead)
            yield from (alive[first : first + BLOCK] for first in range(0, len(alive), BLOCK))

    # The snapshot of /proc tells what was open at its time. What no row touched before was so from the start.

    def _take_snapshot(self) -> npt.NDArray[np.bool_]:
        """Keep what the snapshot says and nothing contradicts for the birth of each process; the mask of other rows."""
        given = self._given
        others = ~np.isin(given.op, (Op.CWD, Op.FD))
        snapshot = np.flatnonzero(~others)
        if not len(snapshot):
            return others
        op, process, fd = (column[: snapshot[-1] + 1] for column in (given.op, given.process, given.fd))
        theirs = np.isin(process, process[snapshot])  # first, since it leaves few of many rows
        changed = np.flatnonzero(theirs & (op <= Op.FCHDIR) & (op != Op.MODE))
        early = ~np.isin(packed(process[snapshot], fd[snapshot]), packed(process[changed], fd[changed]))
        early &= ~np.isin(process[snapshot], process[op == Op.CLOSE_RANGE])
        for index in snapshot[early].tolist():
            found = (int(fd[index]), int(given.text[index]), int(given.mode[index]))
            self._snapshot.setdefault(int(process[index]), []).append(found)
        for one in set(self._snapshot).difference(process[op == Op.FORK].tolist()):
            self._owner(one, one)
        others[snapshot[~early]] = True
        return others

    def _recall(self, owner: Owner, at: int) -> None:
        """What the snapshot says of a process that is there since `at`."""
        for fd, text, mode in self._snapshot.pop(owner.key, ()):
            if fd == CWD:
                self._move(owner, at, text)
            else:
                self._put_anyway(owner.files, at, fd, text, mode)

    # Names and owners

    def _owner(self, process: int, thread: int) -> Owner:
        """The owner of the tables that a thread uses; made if this is the first that is heard of the process."""
        owner = self._loners.get(thread) if self._loners else None
        if owner is None:
            owner = self._processes.get(process)
        if owner is None:
            owner = self._processes[process] = Owner(process, Files([process]), Directory([process]))
            self._recall(owner, ALWAYS)
        return owner

    def _id_of(self, text: str | None) -> int:
        """The id of whatever has this name; UNKNOWN for None."""
        if text is None:
            return UNKNOWN
        found = self._ids.get(text)
        if found is None:
            found = self._ids[text] = self._new(len(self._texts))
            self._texts.append(text)
        return found

    def _new(self, name: int) -> int:
        """An id of its own for something whose name is at this place in the texts."""
        self._names.append(name)
        return len(self._names) - 1

    def _path(self, owner: Owner, directory: int, text: int) -> int:
        """The id of the file that a path argument names."""
        if text < 0 or self._absolute[text] >= 0:
            return self._absolute[text] if text >= 0 else UNKNOWN
        base = owner.directory.id if directory == AT_FDCWD else owner.files.ids.get(directory, UNKNOWN)
        if base < 0:
            return UNKNOWN
        above, path = self._texts[self._names[base]], self._texts[text]
        if self._simple[text] and above[1:] and above[0] == "/":
            return self._id_of(f"{above}/{path}")
        return self._id_of(absolute(above, path))

    # What is noted

    def _put(self, files: Files, at: int, fd: int, found: int, mode: int) -> int:
        """A descriptor is made, whatever stood behind its number before.

        Returns what to note of it for the process of the row; ELSEWHERE if that has been done, for all that share it.
        """
        if found < 0:
            files.ids.pop(fd, None)
        else:
            files.ids[fd] = found
        if mode:
            files.modes[fd] = mode
        elif files.modes:
            files.modes.pop(fd, None)
        if files.alone:
            return found
        for key in files.keys:
            self._rows.extend((key, fd, at, found))
        return ELSEWHERE

    def _put_anyway(self, files: Files, at: int, fd: int, found: int, mode: int) -> None:
        """The same for a descriptor that is not the row's own."""
        if self._put(files, at, fd, found, mode) != ELSEWHERE:
            self._rows.extend((files.keys[0], fd, at, found))

    def _drop(self, files: Files, at: int, fds: Iterable[int]) -> None:
        """Descriptors are closed."""
        for fd in fds:
            self._put_anyway(files, at, fd, UNKNOWN, 0)

    def _move(self, owner: Owner, at: int, found: int) -> None:
        """The working directory changes."""
        owner.directory.id = found
        for key in owner.directory.keys:
            self._rows.extend((key, CWD, at, found))

    def _inherit(self, key: int, parent: Owner, shared: int, at: int) -> Owner:
        """The owner of copies of the parent's tables, or of the tables themselves."""
        files, directory = parent.files, parent.directory
        if shared & SHARES_FILES:
            files.keys.append(key)
            files.alone = False
        else:
            files = Files([key], key < LONER, dict(files.ids), dict(files.modes))
        if shared & SHARES_FS:
            directory.keys.append(key)
        else:
            directory = Directory([key], directory.id)
        owner = Owner(key, files, directory)
        self._tell(owner, at)
        return owner

    def _tell(self, owner: Owner, at: int) -> None:
        """Note all that an owner has; of a large table only what is used, since each row costs memory."""
        fds: Iterable[int] = owner.files.ids
        if len(owner.files.ids) > WIDE and self._used_by is not None:
            fds = self._used_by(owner.key).intersection(owner.files.ids)
        for fd in fds:
            self._rows.extend((owner.key, fd, at, owner.files.ids[fd]))
        self._rows.extend((owner.key, CWD, at, owner.directory.id))

    def _end(self, owner: Owner, at: int) -> None:
        """A process ends: nothing of it is left to one that gets its pid."""
        owner.files.keys.remove(owner.key)
        owner.directory.keys.remove(owner.key)
        for fd in [*owner.files.ids, CWD]:
            self._rows.extend((owner.key, fd, at, UNKNOWN))

    # One step for each Op. Arguments are the columns of Rows.

    def _open(self, at: int, process: int, thread: int, fd: int, other: int, mode: int, text: int, _: int) -> int:
        owner = self._owner(process, thread)
        return self._put(owner.files, at, fd, self._path(owner, other, text), mode)

    def _make(self, at: int, process: int, thread: int, fd: int, _: int, mode: int, text: int, __: int) -> int:
        return self._put(self._owner(process, thread).files, at, fd, text, mode)

    def _socket(self, at: int, process: int, thread: int, fd: int, _: int, mode: int, text: int, __: int) -> int:
        return self._put(self._owner(process, thread).files, at, fd, self._new(text), mode)

    def _accept(self, at: int, process: int, thread: int, fd: int, other: int, mode: int, text: int, addr: int) -> int:
        files, made = self._owner(process, thread).files, self._new(text)
        if addr < 0 or self._texts[addr] in NAMELESS:
            addr = self._bound.get(files.ids.get(other, UNKNOWN), UNKNOWN)
        self._peers.extend((made, at, addr))
        return self._put(files, at, fd, made, mode)

    def _close(self, at: int, process: int, thread: int, fd: int, *_: int) -> int:
        return self._put(self._owner(process, thread).files, at, fd, UNKNOWN, 0)

    def _dup(self, at: int, process: int, thread: int, fd: int, other: int, mode: int, *_: int) -> int:
        files = self._owner(process, thread).files
        return self._put(files, at, fd, files.ids.get(other, UNKNOWN), mode)

    def _mode(self, _: int, process: int, thread: int, fd: int, __: int, mode: int, *___: int) -> int:
        modes = self._owner(process, thread).files.modes
        if mode:
            modes[fd] = mode
        else:
            modes.pop(fd, None)
        return ELSEWHERE

    def _chdir(self, at: int, process: int, thread: int, _: int, __: int, ___: int, text: int, ____: int) -> int:
        owner = self._owner(process, thread)
        self._move(owner, at, self._path(owner, AT_FDCWD, text))
        return ELSEWHERE

    def _fchdir(self, at: int, process: int, thread: int, _: int, other: int, *__: int) -> int:
        owner = self._owner(process, thread)
        self._move(owner, at, owner.files.ids.get(other, UNKNOWN))
        return ELSEWHERE

    def _close_range(self, at: int, process: int, thread: int, fd: int, other: int, mode: int, *_: int) -> int:
        if mode & RANGE_UNSHARE:
            self._unshare(at, process, thread, 0, 0, SHARES_FILES)
        files = self._owner(process, thread).files
        inside = [one for one in files.ids if fd <= one <= other]
        if mode & RANGE_CLOEXEC:
            files.modes.update(dict.fromkeys(inside, CLOSE_ON_EXEC))
        else:
            self._drop(files, at, inside)
        return ELSEWHERE

    def _connect(self, at: int, process: int, thread: int, fd: int, _: int, __: int, text: int, addr: int) -> int:
        files = self._owner(process, thread).files
        if fd not in files.ids:  # whatever it is, it is a socket
            self._put_anyway(files, at, fd, self._new(text), MAYBE)
        self._peers.extend((files.ids[fd], at, addr))
        return ELSEWHERE

    def _bind(self, at: int, process: int, thread: int, fd: int, _: int, __: int, text: int, addr: int) -> int:
        files = self._owner(process, thread).files
        if fd not in files.ids:
            self._put_anyway(files, at, fd, self._new(text), MAYBE)
        self._bound[files.ids[fd]] = addr
        return ELSEWHERE

    def _unshare(self, at: int, process: int, thread: int, _: int, __: int, apart: int, *___: int) -> int:
        owner = self._owner(process, thread)
        if thread in self._loners or process not in self._threaded:
            self._split(owner, apart)
        else:
            self._go_alone(thread, owner, SHARES_FILES + SHARES_FS - apart, at)
        return ELSEWHERE

    def _split(self, owner: Owner, apart: int) -> None:
        """Make tables that others share too the owner's own."""
        if apart & SHARES_FILES and len(owner.files.keys) > 1:
            owner.files.keys.remove(owner.key)
            owner.files = Files([owner.key], owner.key < LONER, dict(owner.files.ids), dict(owner.files.modes))
        if apart & SHARES_FS and len(owner.directory.keys) > 1:
            owner.directory.keys.remove(owner.key)
            owner.directory = Directory([owner.key], owner.directory.id)

    def _go_alone(self, thread: int, parent: Owner, shared: int, at: int) -> None:
        """A thread has from now on tables that are not all its process's."""
        self._loners[thread] = self._inherit(thread + LONER, parent, shared, at)
        self._alone.extend((thread, at, 1))

    def _come_back(self, thread: int, at: int) -> Owner | None:
        """The tables that a thread had for itself, if it had some; from now on its number has its process's."""
        loner = self._loners.pop(thread, None)
        if loner is not None:
            self._alone.extend((thread, at, 0))
        return loner

    def _fork(self, at: int, process: int, thread: int, fd: int, other: int, shared: int, *_: int) -> int:
        if (loner := self._come_back(thread, at)) is not None:  # of one that had this number before
            self._end(loner, at)
        if process != thread:
            self._threaded.add(process)
            parent = self._owner(process, other)
            if parent.key != process or shared & SHARES_ALL != SHARES_ALL:
                self._go_alone(thread, parent, shared, at)
            return ELSEWHERE
        if (old := self._processes.pop(process, None)) is not None:
            self._end(old, at)
        child = self._processes[process] = self._inherit(process, self._owner(fd, other), shared, at)
        self._recall(child, at)
        return ELSEWHERE

    def _exec(self, at: int, process: int, _: int, __: int, other: int, *___: int) -> int:
        loner = self._come_back(other, at)
        if (leader := self._come_back(process, at)) is not None:
            self._end(leader, at)  # as its thread has
        owner = self._owner(process, process)
        if loner is not None:
            self._end(owner, at)
            owner = self._processes[process] = self._inherit(process, loner, 0, at)
            self._end(loner, at)
        self._split(owner, SHARES_FILES)
        self._threaded.discard(process)
        self._drop(owner.files, at, list(owner.files.modes))
        return ELSEWHERE

    def _exit(self, at: int, process: int, thread: int, _: int, __: int, last: int, *___: int) -> int:
        if self._loners and (loner := self._come_back(thread, at)) is not None:
            self._end(loner, at)
        if last and (owner := self._processes.pop(process, None)) is not None:
            self._end(owner, at)
        return ELSEWHERE

    def _cwd(self, at: int, process: int, thread: int, _: int, __: int, ___: int, text: int, ____: int) -> int:
        owner = self._owner(process, thread)
        if owner.directory.id < 0:  # else what was seen is newer than what the snapshot found
            self._move(owner, at, text)
        return ELSEWHERE

    def _fd(self, at: int, process: int, thread: int, fd: int, _: int, mode: int, text: int, __: int) -> int:
        files = self._owner(process, thread).files
        if fd not in files.ids:
            self._put_anyway(files, at, fd, text, mode)
        return ELSEWHERE

    def _loss(self, at: int, _: int, __: int, ___: int, ____: int, moved: int, *_____: int) -> int:
        for owner in [*self._processes.values(), *self._loners.values()]:
            owner.files.ids.clear()
            owner.files.modes.clear()
            self._move(owner, at, UNKNOWN if moved else owner.directory.id)
        return ELSEWHERE
