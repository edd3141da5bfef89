"""The ptrace backend: for those who may not load eBPF programs, and for processes that they may trace."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from multiprocessing import Pipe
from types import TracebackType
from typing import Self

import numpy as np

from capture import procfs, seccomp
from capture.backends.base import Running
from capture.backends.ptrace.attach import yama
from capture.backends.ptrace.process import DONE, FAILED, NOTE, READY, REFUSED, TracerProcess, stops_at_chosen
from capture.backends.ptrace.rules import Rules
from capture.errors import CaptureError, PrivilegeError, UsageError
from capture.loaders.base import Settings
from capture.pieces import Reader
from capture.ring import Rings
from schemas.record import RECORD

_ASK_AGAIN = 0.02
_PATIENCE = 1.0
_NOTES = [
    "recorded by ptrace: the CPU of a call is not known (cpu is 0), nor the time that it waited for one (runq_ns)",
    "recorded by ptrace: durations hold the time of two stops; the cgroup is that of the start or the last execve",
]


class PtraceBackend:
    """Records the processes of a command or of -p."""

    name = "ptrace"

    def open(self, settings: Settings, command: int | None) -> "PtraceTracing":
        """Fork the tracer. Raises UsageError without a process to trace, PrivilegeError where nobody may trace."""
        if not settings.only_targets:
            raise UsageError("ptrace cannot record the whole host: give -p PID, or a command after --")
        if yama() == 3:
            raise PrivilegeError(
                "kernel.yama.ptrace_scope is 3: nobody may use ptrace until the next boot; set it lower in "
                "/etc/sysctl.d, or record with eBPF as root"
            )
        return PtraceTracing(replace(settings, cpus=1), command)


class PtraceTracing:
    """The tracer at work."""

    loader, label = "", "ptrace"
    needs: tuple[str, ...] = ("CAP_KILL",)  # the tracer, which keeps its rights, is told by a signal to stop

    def __init__(self, settings: Settings, command: int | None) -> None:
        self.notes = [*_NOTES]
        stops = Rules(settings.filter, Reader(0)).stops() if stops_at_chosen(settings, command) else None
        self.stops_at = b"" if stops is None else seccomp.program(stops)
        memory = os.memfd_create("systape-ring")
        os.ftruncate(memory, settings.ring_stride)
        self.rings = Rings(memory, settings)
        self._running: Running | None = None
        self._failure: str | None = None
        self._ended = False
        self._pipe, theirs = Pipe()
        collector = os.getpid()
        self._tracer = os.fork()
        if self._tracer == 0:
            TracerProcess(settings, memory, command, theirs).main(collector)
        theirs.close()
        os.close(memory)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Raises CaptureError, once the file is closed, if the tracer has failed."""
        self._pipe.close()
        self._await_end()
        if self._failure is not None and error is None:
            raise CaptureError(
                f"the tracer failed ({self._failure}) and let all processes go on: what follows is not in the capture; "
                "please report this"
            )

    def start(self) -> None:
        """Attach. Raises TargetError or PrivilegeError if a process cannot be traced."""
        self._pipe.send(None)
        word, value = self._pipe.recv()
        if word == REFUSED:
            raise value
        if word != READY:
            raise CaptureError(f"the tracer failed ({value}); please report this")

    def processes(self) -> Iterator[int]:
        """Those whose tracer ours is."""
        return procfs.traced_by(self._tracer)

    def is_done(self) -> bool:
        """Has the last process ended?"""
        while self._running is None and self._pipe.poll():
            self._hear()
        return self._running is not None

    def stop(self, meanwhile: Callable[[], None]) -> Running:
        """Have the tracer let go of all processes; the calls that they are in."""
        while not self.is_done():
            os.kill(self._tracer, signal.SIGUSR1)
            meanwhile()
            self._pipe.poll(_ASK_AGAIN)
        if not self.stops_at:
            self._await_end()
        assert self._running is not None
        return self._running

    def recursion(self) -> int:
        """ptrace knows no such thing."""
        return 0

    def _hear(self) -> None:
        try:
            word, value = self._pipe.recv()
        except (EOFError, ConnectionResetError):
            word, value = FAILED, "it was killed"
        if word == NOTE:
            self.notes.append(value)
            print(f"capture: {value}", file=sys.stderr, flush=True)
        elif word == DONE:
            self._running = value
        else:
            self._running = Running(np.empty(0, RECORD), np.empty(0, np.uint8))
            self._failure = str(value)
            self.notes.append(f"the tracer failed before the end: {value}")

    def _await_end(self) -> None:
        """Briefly: it stays as long as a command needs a tracer, and a process may hang where it cannot be stopped."""
        end = time.monotonic() + _PATIENCE
        while not self._ended and time.monotonic() < end:
            self._ended = os.waitpid(self._tracer, os.WNOHANG)[0] != 0
            time.sleep(0.001)
