"""What the tracer knows of each thread that it traces: who it is, and the call that it is in.

Name, user and group are read from /proc when a thread is attached or executes a program, copied at fork, and read again
after a call that changes them: reading them at each stop would cost more than the stop.
"""

import struct
from dataclasses import dataclass
from pathlib import Path

from capture import procfs
from capture.cgroups import Hierarchy
from capture.filters import Filter
from capture.pieces import NOTHING
from schemas.record import NO_PAYLOAD, NOT_MEASURED, Kind
from schemas.syscalls import native_abi

_IDS = struct.Struct("=II")
_WHO = struct.Struct("=I16sQQ")  # uid, comm, cgroup, runq of struct systape_record
_REST = struct.Struct("=IHBB")  # payload, flags, kind, abi


@dataclass(slots=True)
class Process:
    """A process: `threads` counts those that have not ended, `parent` is a pid."""

    pid: int
    parent: int
    threads: int = 0


class Thread:
    """A traced thread.

    `since` is the entry of its call (monotonic ns), 0 while it is in none; number, abi, cell and arguments (48 bytes)
    belong to that call. `ids`, `who` and `plain` are parts of a record, packed: pid and tid; user, name, group and no
    runq; the same followed by what ends the record of a native call that needs nothing else.
    """

    __slots__ = (
        *("tid", "process", "comm", "uid", "cgroup", "listed", "ids", "who", "plain"),
        *("since", "nr", "abi", "cell", "arguments", "closely", "on_path", "executing", "before"),
        *("fresh", "interrupted", "regroups", "leave", "ended"),
    )

    def __init__(self, tid: int, process: Process) -> None:
        self.tid, self.process = tid, process
        self.comm, self.uid, self.cgroup = b"", 0, 0
        self.ids = _IDS.pack(process.pid, tid)
        self.who = self.plain = b""
        self.listed = True
        """Do the filters on name, user and group keep it?"""
        self.since, self.nr, self.abi, self.cell = 0, 0, native_abi(), 0
        self.arguments = bytes(48)
        self.closely = False
        """Does each of its calls need a closer look?"""
        self.on_path = False
        """Is its call on a descriptor of a file asked for?"""
        self.executing = NOTHING
        """Path and arguments of the execve that it is in."""
        self.before = False
        """Is it still in the call in which it was when it was attached?"""
        self.fresh = False
        """Born to a tracee, and not yet seen to stop."""
        self.interrupted = False
        """Attached, and not yet seen to stop."""
        self.regroups = False
        """Has it opened a file by which processes are moved to another group?"""
        self.leave = False
        """Not asked for: let go when it stops."""
        self.ended = False
        """Its row of kind exit is there."""

    def become(self, comm: bytes, uid: int, cgroup: int) -> None:
        """Take this name, effective user and group."""
        self.comm, self.uid, self.cgroup = comm, uid, cgroup
        self.who = _WHO.pack(uid, comm, cgroup, NOT_MEASURED)
        self.plain = self.who + _REST.pack(NO_PAYLOAD, 0, Kind.SYSCALL, native_abi())

    def move(self, tid: int) -> None:
        """Go on under the tid that an execve gives."""
        self.tid, self.ids = tid, _IDS.pack(self.process.pid, tid)


class Threads:
    """The traced threads by tid, and their processes."""

    def __init__(self, chosen: Filter, groups: Hierarchy | None) -> None:
        self._chosen, self._groups = chosen, groups
        self._comms = {comm.encode() for comm in chosen.comms}
        self.by_tid: dict[int, Thread] = {}
        self.processes: dict[int, Process] = {}

    def attach(self, tid: int, pid: int) -> Thread:
        """A thread that was there before: all that /proc tells of it."""
        thread = self._add(Thread(tid, self._process(pid, parent_of(pid))))
        self.read(thread)
        return thread

    def born(self, tid: int, parent: Thread, *, same_process: bool) -> Thread:
        """A thread that `parent` has just made: it begins as a copy."""
        process = parent.process if same_process else self._process(tid, parent.process.pid)
        thread = self._add(Thread(tid, process))
        thread.comm, thread.uid, thread.cgroup = parent.comm, parent.uid, parent.cgroup
        thread.who, thread.plain, thread.listed = parent.who, parent.plain, parent.listed
        thread.fresh = True
        return thread

    def read(self, thread: Thread) -> None:
        """Name, user and group as they are now; if it is gone, as they were."""
        found = procfs.thread(thread.process.pid, thread.tid)
        if found is not None:
            group = self._groups.of_thread(found.cgroups) if self._groups else 0
            thread.become(found.comm[:15], found.uid, group)
            thread.listed = self._is_listed(thread)

    def read_all(self) -> None:
        """All of them anew: somebody may have moved any of them to another group."""
        for thread in self.by_tid.values():
            self.read(thread)

    def execute(self, tid: int, old_tid: int) -> Thread:
        """The thread `old_tid` has executed a program: the only one of its process now, and with the leader's `tid`."""
        going = self.by_tid.pop(old_tid)
        going.move(tid)
        self.by_tid[tid] = going
        going.process.threads = 1
        going.process.parent = parent_of(going.process.pid)
        self.read(going)
        return going

    def end(self, thread: Thread) -> bool:
        """It ends. Was it the last of its process?"""
        thread.ended = True
        process = thread.process
        process.threads -= 1
        if process.threads > 0:
            return False
        self.processes.pop(process.pid, None)
        return True

    def is_alive(self, pid: int) -> bool:
        """Is it a traced process with a thread that has not ended?"""
        return pid in self.processes

    def remove(self, thread: Thread) -> None:
        """It is gone, and its tid may come again."""
        if self.by_tid.get(thread.tid) is thread:
            del self.by_tid[thread.tid]

    def _add(self, thread: Thread) -> Thread:
        self.by_tid[thread.tid] = thread
        thread.process.threads += 1
        return thread

    def _process(self, pid: int, parent: int) -> Process:
        return self.processes.setdefault(pid, Process(pid, parent))

    def _is_listed(self, thread: Thread) -> bool:
        chosen = self._chosen
        if self._comms and thread.comm not in self._comms:
            return False
        if chosen.uids and thread.uid not in chosen.uids:
            return False
        return not chosen.cgroups or (self._groups is not None and self._groups.is_below(thread.cgroup, chosen.cgroups))


def parent_of(pid: int) -> int:
    """The parent of a process, 0 if it is gone. Source: proc(5)."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return 0


def leader_of(tid: int) -> int:
    """The process of a thread; its own number if it is gone."""
    return int(_status(tid).get("Tgid", tid))


def has_signal(tid: int) -> bool:
    """Is there a signal for the thread that it does not block?"""
    sets = _status(tid)
    pending, shared, blocked = (int(sets.get(name, "0"), 16) for name in ("SigPnd", "ShdPnd", "SigBlk"))
    return bool((pending | shared) & ~blocked)


def _status(tid: int) -> dict[str, str]:
    """The fields of /proc/TID/status, none if it is gone. Source: proc(5)."""
    try:
        lines = Path(f"/proc/{tid}/status").read_text(errors="replace").splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return {}
    return dict(line.split(":\t", 1) for line in lines if ":\t" in line)
