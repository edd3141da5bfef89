"""What a stop means for the record: rows of calls that need a closer look, of births, programs, signals and ends."""

import errno
import os
import struct
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from capture import procfs
from capture.backends.base import Running
from capture.backends.ptrace import requests
from capture.backends.ptrace.requests import EVENT_FORK, EVENT_VFORK, SyscallInfo
from capture.backends.ptrace.ring import FILTERED, Ring, pack
from capture.backends.ptrace.rules import BIRTHS, CHANGE_USER, ENDS, RENAME, RESTART, Rules, cell_of
from capture.backends.ptrace.threads import Thread, Threads
from capture.pieces import NOTHING, Piece, Pieces, Reader
from capture.unfinished import laid_out
from schemas.record import NOT_MEASURED, PLAN_EXEC, PLAN_FILLED, RECORD, Abi, Flag, Kind
from schemas.syscalls import native_abi

_ARGUMENTS = struct.Struct("=6Q")
_PR_SET_NAME = 15
_ARGV_MOST = 32768
_SIGKILL, _SIGSYS = 9, 31
_SHARED = ((0x400, 1), (0x200, 2), (0x100, 4), (0x10000, 8))  # CLONE_FILES, _FS, _VM, _THREAD; arg1 of a fork row
_THREAD_GROUP = 8
_GROUP_FILES = (b"/cgroup.procs", b"/cgroup.threads", b"/tasks")
_SET_USER_ID = 0o4000


class Calls:
    """Turns the stops of `threads` into rows of `ring`. `say` takes a sentence for the file's metadata."""

    def __init__(self, threads: Threads, ring: Ring, rules: Rules, reader: Reader, say: Callable[[str], None]) -> None:
        self.threads, self.ring, self.rules, self.handling = threads, ring, rules, rules.handling
        self.info = SyscallInfo()
        self._reader, self._say = reader, say
        self._began = 0
        """When the first thread was attached: the time of all calls that hung then."""

    def attach(self, tid: int, pid: int, call: procfs.Call | None) -> Thread:
        """A thread that was there before, and the call in which it hangs, with which it goes on once it was stopped."""
        thread = self.threads.attach(tid, pid)
        thread.interrupted = True
        if call is not None:
            thread.before = thread.closely = True
            thread.nr, thread.abi = call.nr, Abi.I386 if procfs.is_32bit(pid) else native_abi()
            thread.cell, thread.arguments = cell_of(thread.nr, thread.abi), _ARGUMENTS.pack(*call.args)
            thread.since = self._began = self._began or time.monotonic_ns()
        return thread

    def executes(self) -> bool:
        """Is the call at whose entry a tracee stands an execve?"""
        return bool(self.rules.plans[self._identify()[2]] & PLAN_EXEC)

    def enter(self, thread: Thread) -> None:
        """At the entry of its call, which `info` holds."""
        if thread.before:
            if self._is_made_again(thread):
                return
            thread.before = thread.closely = False
        thread.nr, thread.abi, thread.cell = self._identify()
        thread.arguments = self.info.arguments.tobytes()
        plan = self.rules.plans[thread.cell]
        if plan & PLAN_EXEC:
            thread.executing = self._program(thread, plan, self._reader)
        if self.rules.paths:
            thread.on_path = self.rules.is_on_path(thread.tid, plan, _ARGUMENTS.unpack(thread.arguments))
        thread.since = time.monotonic_ns()

    def leave(self, thread: Thread, dur: int) -> None:
        """At the return of its call, which lasted so long; `info` holds the result."""
        ret = self.info.signed[3]
        if thread.before:
            self._finish_unseen(thread, ret)
        else:
            self._finish(thread, dur, ret, 0)

    def signal(self, thread: Thread, number: int, origin: tuple[int, int]) -> None:
        """A signal that is about to take effect; `origin` is si_code and the sender's pid."""
        self.ring.state(Kind.SIGNAL, thread, parent=0, ret=number, args=origin)

    def birth(self, thread: Thread, tid: int, event: int) -> Thread:
        """The thread has made another one, `tid`, which has not run yet."""
        shared = self._shared(thread, tid, event)
        same = bool(shared & _THREAD_GROUP)
        child = self.threads.by_tid.get(tid) or self.threads.born(tid, thread, same_process=same)
        parent = thread.process.parent if same else thread.process.pid
        self.ring.state(Kind.FORK, child, parent=parent, args=(thread.tid, shared))
        return child

    def execute(self, thread: Thread, old_tid: int) -> Thread:
        """The thread that was `old_tid` has executed a program, and is now the leader, as which `thread` was known."""
        if old_tid != thread.tid and not thread.ended:
            self.end(thread, _SIGKILL)
        going = self.threads.execute(thread.tid, old_tid)
        content = Pieces(going.executing.path, data=_command_line(going.process.pid)).payload()
        self.ring.state(Kind.EXEC, going, parent=going.process.parent, args=(old_tid, 0), payload=content)
        if os.geteuid():
            self._say_if_refused(going)
        return going

    def end(self, thread: Thread, status: int) -> None:
        """It ends, with this wait status. A call that it is in returned just now, unless it is one that never does."""
        if thread.since:
            result = self._result_of_killed(thread)
            if thread.before:
                # Killed before it had gone on with the call: that was ended by an interruption, ours or the kill.
                self._finish_unseen(thread, -errno.EINTR if result in (None, -errno.ENOSYS) else result)
            elif result is None or status & 0x7F == _SIGSYS:
                self._finish(thread, NOT_MEASURED, 0, Flag.UNFINISHED)
            else:
                self._finish(thread, time.monotonic_ns() - thread.since, result, 0)
        if status & 0x7F == _SIGKILL:
            self.signal(thread, _SIGKILL, (0, 0))
        last = self.threads.end(thread)
        self.ring.state(Kind.EXIT, thread, parent=0, ret=status, args=(int(last), 0))

    def gone(self, thread: Thread, status: int) -> None:
        """It has ended; killed while it stood at some stop, it did not say so before."""
        if not thread.ended:
            self.end(thread, status)
        self.threads.remove(thread)

    def running(self) -> Running:
        """The calls that have not returned, judged by the filter."""
        now, reader = time.monotonic_ns(), Reader(0)
        records, payloads = b"", []
        for thread in self.threads.by_tid.values():
            if not thread.since or thread.ended:
                continue
            if self.rules.asks_for_running(thread.cell, thread.since, now, listed=thread.listed):
                flags = Flag.UNFINISHED | (Flag.ENTRY_UNSEEN if thread.before else 0)
                pieces = self._given(thread, reader)
                if self.rules.paths and not self._runs_on_path(thread, pieces):
                    continue
                records += pack(thread, NOT_MEASURED, 0, flags | pieces.flags)
                payloads.append(pieces.payload() or b"")
        made = np.frombuffer(records, RECORD).copy()
        return Running(made, laid_out(made, payloads))

    def _runs_on_path(self, thread: Thread, given: Pieces) -> bool:
        plan = self.rules.plans[thread.cell]
        return thread.on_path or self.rules.names_path(thread.tid, plan, -errno.EINTR, given.path, given.path2)

    def _given(self, thread: Thread, reader: Reader) -> Pieces:
        """What a call that runs on points to, if its thread is still in it."""
        plan, arguments = self.rules.plans[thread.cell], _ARGUMENTS.unpack(thread.arguments)
        if not plan & 0xFFFF:
            return NOTHING
        if plan & PLAN_EXEC:
            pieces = self._program(thread, plan, reader)
        else:
            pieces = reader.read(thread.tid, plan, arguments, -errno.EINTR)  # nothing has been given back yet
        call = procfs.call(thread.process.pid, thread.tid)
        if call is not None and (call.nr, call.args) == (thread.nr, arguments):
            return pieces
        has_path = plan & 7 and arguments[(plan & 7) - 1] and not plan & PLAN_FILLED
        return Pieces(flags=Flag.PATH_UNREADABLE) if has_path else NOTHING

    def _program(self, thread: Thread, plan: int, reader: Reader) -> Pieces:
        """Path and arguments of an execve that has not replaced the memory in which they are."""
        place, args = plan & 7, _ARGUMENTS.unpack(thread.arguments)
        return reader.program(thread.tid, args[place - 1], args[place], 4 if thread.abi == Abi.I386 else 8)

    def _result_of_killed(self, thread: Thread) -> int | None:
        """What the call came to in which it was killed; None where that is not to be known."""
        if self.rules.names.get(thread.cell) in ENDS:
            return None
        try:
            return requests.Registers(thread.tid).result
        except ProcessLookupError:
            return None

    def _identify(self) -> tuple[int, Abi, int]:
        """Number, abi and cell of the call at whose entry a tracee stands."""
        nr = self.info.words[3] & 0xFFFF_FFFF
        abi = requests.abi_of(self.info.words[0], nr)
        return nr, abi, cell_of(nr, abi)

    def _finish_unseen(self, thread: Thread, ret: int) -> None:
        """The row of a call that began before it was attached, as of now."""
        thread.before = thread.closely = False
        thread.since = time.monotonic_ns()
        self._finish(thread, NOT_MEASURED, ret, Flag.ENTRY_UNSEEN)

    def _is_made_again(self, thread: Thread) -> bool:
        """At the entry of the first call since a thread was attached: is it the one in which it was then?"""
        nr, abi, cell = self._identify()
        same = (nr, abi, self.info.arguments.tobytes()) == (thread.nr, thread.abi, thread.arguments)
        return same or self.rules.names.get(cell) in RESTART

    def _finish(self, thread: Thread, dur: int, ret: int, flags: int) -> None:
        """The row of a call, as finish_call of bpf/finish.bpf.h makes it."""
        cell, rules = thread.cell, self.rules
        if thread.regroups and ret > 0:
            self.threads.read_all()
        if ret == 0 and cell in rules.names:
            self._change(thread)
        asked_for = rules.asks_for(cell, dur, ret, listed=thread.listed)
        state = rules.keeps_state(cell, ret)
        pieces = self._pieces(thread, ret) if asked_for or state else NOTHING
        if pieces.path is not None and ret >= 0 and pieces.path.endswith(_GROUP_FILES):
            thread.regroups = thread.closely = True
        if asked_for and rules.paths:
            named = rules.names_path(thread.tid, rules.plans[cell], ret, pieces.path, pieces.path2)
            asked_for = named or thread.on_path
        if asked_for:
            self.ring.call(thread, dur, ret, flags | pieces.flags, pieces.payload())
        elif state:
            self.ring.state_call(thread, dur, ret, flags | pieces.flags, pieces.payload())
        else:
            self.ring.words[FILTERED] += 1
        thread.since, thread.executing = 0, NOTHING

    def _pieces(self, thread: Thread, ret: int) -> Pieces:
        plan = self.rules.plans[thread.cell]
        if plan & PLAN_EXEC or not plan:
            return thread.executing
        return self._reader.read(thread.tid, plan, _ARGUMENTS.unpack(thread.arguments), ret)

    def _change(self, thread: Thread) -> None:
        """After a call that succeeded: is the thread another from now on?"""
        name = self.rules.names[thread.cell]
        renames = name in RENAME and _ARGUMENTS.unpack(thread.arguments)[0] & 0xFFFF_FFFF == _PR_SET_NAME
        if name in CHANGE_USER or renames:
            self.threads.read(thread)

    def _shared(self, thread: Thread, tid: int, event: int) -> int:
        """What parent and child share, as in a fork row, by the flags of the call."""
        name = self.rules.names.get(thread.cell) if thread.since else None
        if name not in BIRTHS:
            same = (Path(f"/proc/{thread.process.pid}/task/{tid}")).exists()
            return _THREAD_GROUP | 4 if same else 0
        if event == EVENT_FORK and name == "fork":
            return 0
        if event == EVENT_VFORK and name == "vfork":
            return 4
        flags = _ARGUMENTS.unpack(thread.arguments)[0]
        if name == "clone3":
            flags = self._reader.clone_flags(thread.tid, flags)
        return sum(bit for flag, bit in _SHARED if flags & flag)

    def _say_if_refused(self, thread: Thread) -> None:
        """A program that would run as another user does not, where an ordinary user traces it."""
        try:
            program = Path(f"/proc/{thread.process.pid}/exe")
            state = program.stat()
            if state.st_mode & _SET_USER_ID and state.st_uid != thread.uid:
                self._say(
                    f"{program.readlink()} is set-user-ID, which the kernel ignores while an ordinary user traces it: "
                    f"it ran with the rights of user {thread.uid}"
                )
        except (FileNotFoundError, ProcessLookupError, PermissionError):  # gone, or not for us to see
            return


def _command_line(pid: int) -> Piece:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()[:_ARGV_MOST]
    except (FileNotFoundError, ProcessLookupError):
        return None
