"""The tracer's process: forked from the collector, it traces, and writes into the ring that both map.

A process of its own, since a tracee waits for each turn of the tracer's loop: in a thread it would wait for the
interpreter's lock too, whenever the collector holds it. It is told to stop by SIGUSR1, and says by a pipe what comes of
it: pairs of a word and a value. It dies with the collector; then the kernel lets all tracees go, but for the command,
which it kills (PTRACE_O_EXITKILL).
"""

import ctypes
import errno
import gc
import os
import signal
import traceback
from multiprocessing.connection import Connection
from types import FrameType

from capture.backends.ptrace import attach, requests
from capture.backends.ptrace.calls import Calls
from capture.backends.ptrace.requests import EVENT_STOP, STOP_SIGNALS, request, wait
from capture.backends.ptrace.ring import Ring
from capture.backends.ptrace.rules import Rules
from capture.backends.ptrace.threads import Threads
from capture.backends.ptrace.tracer import Tracer
from capture.cgroups import hierarchy
from capture.errors import CaptureError
from capture.loaders.base import Settings
from capture.pieces import Reader

READY, REFUSED, NOTE, DONE, FAILED = "ready", "refused", "note", "done", "failed"

_PR_SET_PDEATHSIG = 1
_IGNORED = (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGTSTP, signal.SIGTTOU, signal.SIGPIPE)
_STOPPING = (signal.SIGUSR1, signal.SIGTERM)


class TracerProcess:
    """What runs in the forked process."""

    def __init__(self, settings: Settings, ring_fd: int, command: int | None, pipe: Connection) -> None:
        self._settings, self._command, self._pipe = settings, command, pipe
        reader = Reader(settings.data_bytes)
        self._rules = Rules(settings.filter, reader)
        self._chosen_only = stops_at_chosen(settings, command)
        self._threads = Threads(settings.filter, hierarchy())
        ring = Ring(ring_fd, settings)
        self._calls = Calls(self._threads, ring, self._rules, reader, lambda text: pipe.send((NOTE, text)))
        follow = settings.filter.follow
        self._tracer = Tracer(self._calls, chosen_only=self._chosen_only, follow=follow)

    def main(self, collector: int) -> None:
        """From the fork to the end of the process. `collector` is its parent."""
        status = 1
        try:
            self._settle(collector)
            self._pipe.recv()
            self._trace()
            status = 0
        except (EOFError, BrokenPipeError):  # the collector is gone
            status = 1
        except CaptureError as error:
            self._pipe.send((REFUSED, error))
        except BaseException as error:  # noqa: BLE001 - whatever it is, the tracees must be let go
            traceback.print_exc()
            self._pipe.send((FAILED, f"{type(error).__name__}: {error}"))
        finally:
            try:
                self._let_go()
            finally:
                os._exit(status)

    def _settle(self, collector: int) -> None:
        """Out of the terminal's reach, with no descriptor but what it needs, ended when the collector ends.

        In a session of its own the scheduler would group it apart from its tracees, and make both wait longer.
        """
        os.setpgid(0, 0)
        for number in _IGNORED:
            signal.signal(number, signal.SIG_IGN)
        for number in _STOPPING:
            signal.signal(number, self._stop)
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != collector:
            os._exit(1)
        mine = self._pipe.fileno()
        os.closerange(3, mine)
        os.closerange(mine + 1, os.sysconf("SC_OPEN_MAX"))
        gc.freeze()
        gc.disable()

    def _stop(self, _: int, frame: FrameType | None) -> None:
        self._tracer.stopping = True

    def _trace(self) -> None:
        options = requests.OPTIONS | (requests.SECCOMP if self._chosen_only else 0)
        if self._command is not None:
            attach.command(self._command, options | requests.EXITKILL)
            self._tracer.arm(self._command)
        for pid in self._settings.filter.pids:
            for tid, call in attach.process(pid, options):
                self._calls.attach(tid, pid, call)
                request(requests.INTERRUPT, tid, 0, 0)
        self._pipe.send((READY, None))
        self._tracer.run()
        self._pipe.send((DONE, self._calls.running()))

    def _let_go(self) -> None:
        """Attached processes are let go by the kernel when we end, without being stopped. The command would be killed:
        it is stopped once more and detached. Where it has our seccomp filter it needs a tracer as long as it lives.
        """
        if self._command is None:
            return
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, 0)
        self._pipe.close()
        null = os.open(os.devnull, os.O_RDWR)
        for fd in range(3):
            os.dup2(null, fd)
        for tid in self._tracer.known():
            # Only what stands still is let go, which after an error may be anyone; the others are stopped first.
            free = request(requests.CONT if self._chosen_only else requests.DETACH, tid, 0, 0) == 0
            if not free and not self._chosen_only:
                request(requests.INTERRUPT, tid, 0, 0)
        status = ctypes.c_int()
        where = ctypes.c_void_p(ctypes.addressof(status))
        while (tid := wait(-1, where, requests.WALL)) > 0 or ctypes.get_errno() != errno.ECHILD:
            if tid > 0 and status.value & 0xFF == requests.STOPPED:
                self._pass(tid, status.value >> 8 & 0xFF, status.value >> 16)

    def _pass(self, tid: int, number: int, event: int) -> None:
        at_call = event == 0 and number == signal.SIGTRAP | 0x80
        deliver = number if event == 0 and not at_call else 0
        if not self._chosen_only and not at_call:
            if event == EVENT_STOP:
                self._tracer.restart(tid)
            request(requests.DETACH, tid, 0, deliver)
        elif event == EVENT_STOP and number in STOP_SIGNALS:
            request(requests.LISTEN, tid, 0, 0)
        else:
            if (
                not self._chosen_only
            ):  # at the return of the call that we interrupted: asked for again, a stop comes next
                request(requests.INTERRUPT, tid, 0, 0)
            request(requests.CONT, tid, 0, deliver)


def stops_at_chosen(settings: Settings, command: int | None) -> bool:
    """Can a seccomp filter choose the calls? Only of a command that we start, and all descendants of which we trace."""
    return command is not None and settings.filter.cells is not None and settings.filter.follow
