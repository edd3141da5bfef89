"""The calls that are still running when a capture stops: rows too, with a flag, never silently missing.

Two kinds. Calls that began while we recorded wait in the kernel program's table. Calls that began before, and did not
end, show in /proc: a thread that hangs there in a call that is asked for, and holds no place in the table, entered it
before the start, since any such call after it would have claimed a place. To look there takes rights over others'
processes, so it is done soon after the start where the end can do without (`Watch`).
"""

import errno
import os
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from capture import procfs
from capture.cgroups import Hierarchy
from capture.filters import Filter
from capture.ledger import blank
from capture.pieces import NOTHING, Pieces, Reader
from capture.plan import plans
from schemas.record import PAYLOAD_ALIGN, PLAN_EXEC, PLAN_FILLED, Abi, Flag, Kind, cell_of
from schemas.syscalls import native_abi

Records = npt.NDArray[Any]


class _InCall(NamedTuple):
    """A thread and the call in which it is."""

    pid: int
    tid: int
    abi: int
    call: procfs.Call


def in_table(entries: Records, chosen: Filter, groups: Hierarchy | None) -> Records:
    """Records of the calls in progress in the table (dtype ENTRY, any shape (n,)).

    With a filter on paths, those on a descriptor of such a file: other paths are only read at the return.
    """
    running = entries[(entries["owner"] != 0) & (entries["ts"] != 0)]
    if chosen.paths:
        running = running[running["on_path"] != 0]
    records = blank(len(running), Kind.SYSCALL, 0)
    for name in ("ts", "args", "nr", "abi", "pid"):
        records[name] = running[name]
    records["tid"] = running["owner"]
    records["flags"] = Flag.UNFINISHED
    return _judged(records, chosen, groups)


def hanging(entries: Records, chosen: Filter, groups: Hierarchy | None, targets: Records | None, start: int) -> Records:
    """Records of the calls that hang since before `start` (monotonic ns, given as their time). Read while attached.

    `targets` (uint8 by pid) says which processes are asked for; None means all.
    """
    if chosen.paths:  # on which path they are is not known
        return blank(0, Kind.SYSCALL, start)
    owners = set(entries["owner"].tolist())
    found = []
    for pid in procfs.processes():
        if pid != os.getpid() and (targets is None or targets[pid] == 1):
            found += _in_calls(pid, owners)
    return _judged(_begun_before(found, start), chosen, groups)


class Watch:
    """The calls in which threads hung soon after `start` (monotonic ns), and which of them they have not left.

    `complete` says that all processes have been looked at.
    """

    def __init__(self, start: int) -> None:
        self._start = start
        self._found: list[_InCall] = []
        self.complete = False

    def look(self, pids: Iterator[int]) -> Iterator[None]:
        """Note in which calls the threads of these processes are; a step of the iteration is one process."""
        for pid in pids:
            if pid != os.getpid():
                self._found += _in_calls(pid, set())
            yield
        self.complete = True

    def still(self, entries: Records, chosen: Filter, groups: Hierarchy | None) -> Records:
        """Records of those whose thread sleeps, through a look into the table, and is not there.

        In a later call it would be: `chosen` must not leave any out. (A page of its memory, which it waits for in no
        call, would be a mistake.) `entries` is the table itself; no rights are needed.
        """
        asleep = [] if chosen.paths else [(one, procfs.naps(one.pid, one.tid)) for one in self._found]
        later = set(entries["owner"].tolist())
        found = [
            one
            for one, naps in asleep
            if naps is not None and one.tid not in later and procfs.naps(one.pid, one.tid) == naps
        ]
        return _judged(_begun_before(found, self._start), chosen, groups)


def not_returned(hung: Records, entries: Records, stopped: int) -> Records:
    """Of the records that `hanging` gave, those whose call had not returned when it was `stopped` (monotonic ns).

    A return claims a place in the table. So does the next call, which, if it began after the stop, says nothing.
    """
    returned = entries["owner"][entries["ts"] < stopped]
    return hung[~np.isin(hung["tid"], returned)]


def point_to(records: Records) -> npt.NDArray[np.uint8]:
    """What the calls point to that they were given: paths, socket addresses, arguments of programs.

    Read from the memory of the threads now; of one that has left the call, or is not ours to see, nothing. The records'
    `payload` are positions in the bytes that are returned, and their flags say what was unreadable.
    """
    reader, content = Reader(0), bytearray()
    cells = cell_of(records["nr"], records["abi"])
    for record, plan in zip(records, plans(buffers=False)[cells].tolist(), strict=True):
        pieces = _read(reader, record, plan) if plan & 0xFFFF else NOTHING
        payload = pieces.payload()
        record["flags"] |= pieces.flags
        if payload is not None:
            record["payload"] = len(content)
            content += payload + bytes(-len(payload) % PAYLOAD_ALIGN)
    return np.frombuffer(bytes(content), np.uint8)


def _read(reader: Reader, record: np.void, plan: int) -> Pieces:
    tid, args = int(record["tid"]), tuple(int(value) for value in record["args"])
    if plan & PLAN_EXEC:
        place = (plan & 7) - 1
        pieces = reader.program(tid, args[place], args[place + 1], 4 if record["abi"] == Abi.I386 else 8)
    else:
        pieces = reader.read(tid, plan, args, -errno.EINTR)  # nothing has been given back yet
    call = procfs.call(int(record["pid"]), tid)
    if call is not None and (call.nr, call.args) == (int(record["nr"]), args):
        return pieces
    has_path = plan & 7 and args[(plan & 7) - 1] and not plan & PLAN_FILLED
    return Pieces(flags=Flag.PATH_UNREADABLE) if has_path else NOTHING


def _in_calls(pid: int, but: set[int]) -> list[_InCall]:
    """What the threads of a process, `but` these, are in."""
    found = [(tid, procfs.call(pid, tid)) for tid in procfs.threads(pid) if tid not in but]
    abi = (Abi.I386 if procfs.is_32bit(pid) else native_abi()) if any(call for _, call in found) else 0
    return [_InCall(pid, tid, abi, call) for tid, call in found if call is not None]


def _begun_before(found: list[_InCall], start: int) -> Records:
    records = blank(len(found), Kind.SYSCALL, start)
    for record, one in zip(records, found, strict=True):
        record["pid"], record["tid"], record["abi"] = one.pid, one.tid, one.abi
        record["nr"], record["args"] = one.call.nr, one.call.args
    records["flags"] = Flag.UNFINISHED | Flag.ENTRY_UNSEEN
    return records


def _judged(records: Records, chosen: Filter, groups: Hierarchy | None) -> Records:
    """The records that the filter keeps, with name, user and group of their threads filled in."""
    if chosen.failed_only:
        return records[:0]
    if chosen.cells is not None:  # the table holds calls that are not asked for but keep names
        records = records[chosen.cells[cell_of(records["nr"], records["abi"])]]
    now = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
    keep = np.ones(len(records), bool)
    for index, record in enumerate(records):
        thread = procfs.thread(int(record["pid"]), int(record["tid"]))
        if thread is not None:
            record["comm"], record["uid"] = thread.comm[:15], thread.uid
            record["cgroup"] = groups.of_thread(thread.cgroups) if groups else 0
        long_enough = now - int(record["ts"]) >= chosen.min_latency
        keep[index] = long_enough and _is_wanted(record, chosen, groups)
    return records[keep]


def _is_wanted(record: np.void, chosen: Filter, groups: Hierarchy | None) -> bool:
    if chosen.comms and os.fsdecode(bytes(record["comm"])) not in chosen.comms:
        return False
    if chosen.uids and int(record["uid"]) not in chosen.uids:
        return False
    return not chosen.cgroups or (groups is not None and groups.is_below(int(record["cgroup"]), chosen.cgroups))
