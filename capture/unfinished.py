"""The calls that are still running when a capture stops: rows too, with a flag, never silently missing.

Two kinds. Calls that began while we recorded wait in the kernel program's table. Calls that began before, and did not
end, are seen by another program (capture/loaders/running.py), which looks at all threads: one that hangs in a call that
is asked for, and holds no place in the table, entered it before the start, since any such call after it would have
claimed a place. It also reads what the calls of both kinds point to.
"""

import os
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from capture import procfs
from capture.cgroups import Hierarchy
from capture.filters import Filter
from capture.ledger import blank
from capture.loaders.running import InCall
from capture.plan import plans
from schemas.record import ABSENT, PAYLOAD_ALIGN, PIECES, PLAN_FILLED, RUNNING, Flag, Kind, cell_of

Records = npt.NDArray[Any]
Bytes = npt.NDArray[np.uint8]

_CONTENT_MOST = 16 << 20


def in_table(entries: Records, chosen: Filter, groups: Hierarchy | None, look: Sequence[InCall]) -> Records:
    """Records of the calls in progress in the table (dtype ENTRY, any shape (n,)).

    With a filter on paths, those on a descriptor of such a file, and those that `look` saw to be given such a path.
    """
    running = entries[(entries["owner"] != 0) & (entries["ts"] != 0)]
    if chosen.paths:
        running = running[(running["on_path"] != 0) | np.isin(running["owner"], _given(chosen.paths, look))]
    records = blank(len(running), Kind.SYSCALL, 0)
    for name in ("ts", "args", "nr", "abi", "pid"):
        records[name] = running[name]
    records["tid"] = running["owner"]
    records["flags"] = Flag.UNFINISHED
    return _judged(records, chosen, groups)


def hanging(
    entries: Records,
    chosen: Filter,
    groups: Hierarchy | None,
    targets: Records | None,
    start: int,
    look: Sequence[InCall],
) -> Records:
    """Records of the calls that hang since before `start` (monotonic ns, given as their time).

    `look` is what was seen while attached. `targets` (uint8 by pid) says which processes are asked for; None means all.
    With a filter on paths, those that were given such a path: what their descriptors are of is not known.
    """
    seen = np.array([one.thread for one in look], RUNNING)
    seen = seen[~np.isin(seen["tid"], entries["owner"]) & (seen["pid"] != os.getpid())]
    if targets is not None:
        seen = seen[targets[seen["pid"]] == 1]
    if chosen.paths:
        seen = seen[np.isin(seen["tid"], _given(chosen.paths, look))]
    records = blank(len(seen), Kind.SYSCALL, start)
    for name in ("args", "nr", "abi", "pid", "tid"):
        records[name] = seen[name]
    records["flags"] = Flag.UNFINISHED | Flag.ENTRY_UNSEEN
    return _judged(records, chosen, groups)


def not_returned(hung: Records, entries: Records, stopped: int) -> Records:
    """Of the records that `hanging` gave, those whose call had not returned when it was `stopped` (monotonic ns).

    A return claims a place in the table. So does the next call, which, if it began after the stop, says nothing.
    """
    returned = entries["owner"][entries["ts"] < stopped]
    return hung[~np.isin(hung["tid"], returned)]


def point_to(records: Records, look: Sequence[InCall]) -> Bytes:
    """What the calls point to that they were given: paths, socket addresses, arguments of programs.

    As `look` saw it, of a thread that was in that very call; of others nothing. The records' `payload` are positions in
    the bytes that are returned, and their flags say what was unreadable.
    """
    by_tid = {int(one.thread["tid"]): one for one in look}
    names = _names_a_path(records)
    payloads: list[bytes] = []
    for record, has_path in zip(records, names.tolist(), strict=True):
        one = by_tid.get(int(record["tid"]))
        if one is not None and all(np.array_equal(one.thread[name], record[name]) for name in ("nr", "args")):
            record["flags"] |= one.thread["flags"]
            payloads.append(one.payload)
        else:
            record["flags"] |= Flag.PATH_UNREADABLE if has_path else 0
            payloads.append(b"")
    return laid_out(records, payloads)


def laid_out(records: Records, payloads: Sequence[bytes]) -> Bytes:
    """The payloads one after the other, and in each record where its own begins, if it has one.

    What would be more than so many bytes in all is left out, and flagged.
    """
    content = bytearray()
    for record, payload in zip(records, payloads, strict=True):
        if len(content) + len(payload) > _CONTENT_MOST:
            record["flags"] |= Flag.PAYLOAD_LOST
        elif payload:
            record["payload"] = len(content)
            content += payload + bytes(-len(payload) % PAYLOAD_ALIGN)
    return np.frombuffer(bytes(content), np.uint8)


def _names_a_path(records: Records) -> npt.NDArray[np.bool_]:
    """Which of the calls are given a path."""
    plan = plans(buffers=False)[cell_of(records["nr"], records["abi"])]
    first = (plan & 7).astype(np.intp)
    pointers = records["args"][np.arange(len(records)), np.maximum(first, 1) - 1]
    given: npt.NDArray[np.bool_] = (first != 0) & (plan & PLAN_FILLED == 0) & (pointers != 0)
    return given


def _given(paths: Sequence[str], look: Sequence[InCall]) -> list[int]:
    """The threads that are in a call that was given one of these paths."""
    wanted = {os.fsencode(path) for path in paths}
    return [int(one.thread["tid"]) for one in look if one.payload and not wanted.isdisjoint(_paths(one.payload))]


def _paths(payload: bytes) -> list[bytes]:
    lengths = np.frombuffer(payload, PIECES, 1)[0]
    found, at = [], PIECES.itemsize
    for length in (int(lengths["path"]), int(lengths["path2"])):
        if length != ABSENT:
            found.append(payload[at : at + length])
            at += length
    return found


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
