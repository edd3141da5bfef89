"""The loop: waits for a tracee to stop, records what it does, and lets it go on.

Only `run` is written for speed, since it runs twice per call: what most calls need is done in it, all else in methods.
"""

import ctypes
import errno
import time
from collections.abc import Callable

from capture.backends.ptrace import requests
from capture.backends.ptrace.calls import Calls
from capture.backends.ptrace.requests import (
    EVENT_CLONE,
    EVENT_EXEC,
    EVENT_EXIT,
    EVENT_FORK,
    EVENT_SECCOMP,
    EVENT_STOP,
    EVENT_VFORK,
    OP_ENTRY,
    OP_EXIT,
    STOP_SIGNALS,
    SYSCALL_STOP,
    WALL,
    quickly,
    request,
    wait,
)
from capture.backends.ptrace.ring import CHILD_RETURNS, HEAD, PLAIN, RECORD_BYTES, SEEN, TAIL
from capture.backends.ptrace.threads import Thread, has_signal, leader_of, parent_of
from schemas.record import CELLS_PER_ABI, RING_HEADER
from schemas.syscalls import native_abi


class Tracer:
    """Traces the threads of `calls`.

    `chosen_only`: they stop at chosen calls by a seccomp filter, and run on without us after any other stop. `follow`:
    processes that they make are traced too.
    """

    def __init__(self, calls: Calls, *, chosen_only: bool, follow: bool) -> None:
        self._calls, self._threads, self._ring = calls, calls.threads, calls.ring
        self._info = calls.info
        self._follow = follow
        self._idle = requests.CONT if chosen_only else requests.SYSCALL
        self._status = ctypes.c_int()
        self._early: set[int] = set()
        """Threads that stopped before their parent said that it had made them."""
        self._armed: int | None = None
        self.stopping = False
        self._events: dict[int, Callable[[Thread, int], None]] = {
            0: self._signal,
            EVENT_FORK: self._birth,
            EVENT_VFORK: self._birth,
            EVENT_CLONE: self._birth,
            EVENT_EXEC: self._exec,
            EVENT_EXIT: self._exit,
            EVENT_SECCOMP: self._chosen,
            EVENT_STOP: self._stop,
        }

    def arm(self, tid: int) -> None:
        """Seized, and to be recorded from its next execve on: the command that we start."""
        self._armed = tid
        request(requests.INTERRUPT, tid, 0, 0)

    def known(self) -> set[int]:
        """All tracees, recorded or not."""
        return {*self._threads.by_tid, *self._early, *({self._armed} if self._armed is not None else ())}

    def run(self) -> None:
        """Until nothing is left to trace, or `stopping` is set by a signal handler."""
        # Locals, since the loop's time is that of the interpreter.
        info, ring, now, by_tid = self._info, self._ring, time.monotonic_ns, self._threads.by_tid
        status, words, signed, given = (
            memoryview(self._status).cast("B").cast("i"),
            info.words,
            info.signed,
            info.arguments,
        )
        status_at, info_at, size = ctypes.c_void_p(ctypes.addressof(self._status)), info.pointer, info.SIZE
        counters, memory, mask, handling = ring.words, ring.memory, ring.mask, self._calls.handling
        entry, leave, native, idle = requests.native(OP_ENTRY), requests.native(OP_EXIT), native_abi(), self._idle
        read, resume, pack = requests.GET_SYSCALL_INFO, requests.SYSCALL, PLAIN.pack_into
        while not self.stopping:
            tid = wait(-1, status_at, WALL)
            if status[0] != SYSCALL_STOP or tid < 0:
                if not self._other(tid, status[0]):
                    return
                continue
            thread = by_tid.get(tid)
            if thread is None:
                self._stray(tid)
                continue
            since = thread.since
            if since:
                dur = now() - since
            if quickly(read, tid, size, info_at) <= 0:
                continue
            if words[0] == leave and since and not handling[thread.cell] and not thread.closely:
                head = counters[HEAD]
                if head - counters[TAIL] < mask:
                    at = RING_HEADER + (head & mask) * RECORD_BYTES
                    counters[SEEN + thread.cell] += 1
                    pack(memory, at, since, dur, thread.arguments, signed[3], thread.ids, thread.nr, thread.plain)
                    counters[HEAD] = head + 1
                    thread.since = 0
                else:
                    self._calls.leave(thread, dur)
                quickly(idle, tid, 0, 0)
            elif words[0] == entry and words[3] < CELLS_PER_ABI and handling[words[3]] < 2 and not thread.closely:
                thread.nr = thread.cell = words[3]
                thread.abi = native
                thread.arguments = given.tobytes()
                thread.since = now()
                quickly(resume, tid, 0, 0)
            else:
                self._closely(thread, dur if since else 0)

    def _closely(self, thread: Thread, dur: int) -> None:
        """At the entry or the return of a call that `run` does not do itself; `dur` is how long it lasts so far."""
        if self._info.words[0] & 0xFF == OP_EXIT:
            if thread.since:
                self._calls.leave(thread, dur)
            request(self._idle, thread.tid, 0, 0)
        else:
            self._calls.enter(thread)
            request(requests.SYSCALL, thread.tid, 0, 0)

    def _stray(self, tid: int) -> None:
        """At a call of a thread that is not recorded yet: the command, which begins with its execve."""
        info = self._info
        if request(requests.GET_SYSCALL_INFO, tid, info.SIZE, info.address) <= 0:
            return
        if tid == self._armed and info.words[0] & 0xFF != OP_EXIT and self._calls.executes():
            self._armed = None
            self._closely(self._threads.attach(tid, tid), 0)
        else:
            request(self._idle, tid, 0, 0)

    def _other(self, tid: int, status: int) -> bool:
        """At any stop that is not at a call, or an end. False if nothing is left to wait for."""
        if tid < 0:
            return ctypes.get_errno() != errno.ECHILD
        thread = self._threads.by_tid.get(tid)
        if status & 0xFF != requests.STOPPED:
            self._early.discard(tid)
            if thread is not None:
                self._calls.gone(thread, status)
            if self._early:
                self._adopt()
            return True
        number, event = status >> 8 & 0xFF, status >> 16
        if thread is not None:
            self._events.get(event, self._pass_on)(thread, event << 8 | number)
        elif tid == self._armed:
            self._stop_unrecorded(tid, number, event)
        else:
            self._early.add(tid)
        return True

    def _adopt(self, executed: int = 0) -> None:
        """Threads that wait for their maker to say so, which has been killed before it could.

        It may have been one of several threads of a process that has `executed` a program.
        """
        for tid in [*self._early]:
            process = leader_of(tid)
            maker = parent_of(tid) if process == tid else process
            if maker == executed or not self._threads.is_alive(maker):
                self._early.remove(tid)
                thread = self._threads.attach(tid, process)
                thread.fresh = True
                self._stop(thread, EVENT_STOP << 8)

    def _stop_unrecorded(self, tid: int, number: int, event: int) -> None:
        if event == EVENT_SECCOMP:
            self._stray(tid)
        elif event == EVENT_STOP and number in STOP_SIGNALS:
            request(requests.LISTEN, tid, 0, 0)
        else:
            request(self._idle, tid, 0, 0 if event else number)

    def _resume(self, thread: Thread, number: int = 0) -> None:
        request(requests.SYSCALL if thread.since else self._idle, thread.tid, 0, number)

    def _pass_on(self, thread: Thread, _: int) -> None:
        self._resume(thread)

    def _signal(self, thread: Thread, number: int) -> None:
        self._calls.signal(thread, number, requests.signal_info(thread.tid))
        self._resume(thread, number)

    def _stop(self, thread: Thread, code: int) -> None:
        """A new thread's first stop, one that we asked for, or one of the whole process by job control."""
        if thread.fresh:
            thread.fresh = False
            self._ring.words[CHILD_RETURNS] += 1
        if thread.interrupted:
            thread.interrupted = False
            self.restart(thread.tid)
        if thread.leave:
            request(requests.DETACH, thread.tid, 0, 0)
            self._threads.end(thread)
            self._threads.remove(thread)
        elif code & 0xFF in STOP_SIGNALS:
            request(requests.LISTEN, thread.tid, 0, 0)
        else:
            self._resume(thread)

    def restart(self, tid: int) -> None:
        """Have a thread go on with the call that our interruption has ended, unless a signal has ended it too."""
        thread = self._threads.by_tid.get(tid)
        if thread is not None and thread.since and not has_signal(tid):
            try:
                requests.Registers(tid).restart(thread.nr)
            except ProcessLookupError:  # killed: its end is reported
                return

    def _chosen(self, thread: Thread, _: int) -> None:
        """At a call that the seccomp filter chose: its entry, where it would not stop else."""
        if request(requests.GET_SYSCALL_INFO, thread.tid, self._info.SIZE, self._info.address) > 0:
            self._closely(thread, 0)

    def _birth(self, thread: Thread, code: int) -> None:
        tid = requests.event_message(thread.tid)
        if tid is None:
            return
        child = self._calls.birth(thread, tid, code >> 8)
        child.leave = not self._follow and child.process is not thread.process
        if tid in self._early:
            self._early.remove(tid)
            self._stop(child, EVENT_STOP << 8)
        self._resume(thread)

    def _exec(self, thread: Thread, _: int) -> None:
        old = requests.event_message(thread.tid)
        if old is not None:
            going = self._calls.execute(thread, old)
            if self._early:
                self._adopt(going.process.pid)
            self._resume(going)

    def _exit(self, thread: Thread, _: int) -> None:
        status = requests.event_message(thread.tid)
        if status is not None:
            self._calls.end(thread, status)
            self._resume(thread)
