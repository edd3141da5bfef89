"""Tracers that are programs of their own, started as their users start them: beside the command, or around it."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from capture.bench.process import Process, Unresponsive, cpu_of, peak_memory
from capture.bench.timed import Timed, Took
from capture.bench.tracers.base import Count, Outcome, Setting, Tracing

_LOOK = 0.02  # s


@dataclass(frozen=True)
class External:
    """A tracer's command line, how one knows that it records, and how one reads what it has.

    `argv(output, target)` is the command that writes to the file `output`, of the process `target`, or where that is
    None of the whole system; with `around`, what starts a command that follows. `ready(process, scratch)` is asked
    until it is true. `count(output, said)` reads the result.
    """

    name: str
    about: str
    argv: Callable[[Path, int | None], list[str]]
    ready: Callable[[Process, Path], bool]
    count: Callable[[Path, str], Count]
    why_not: Callable[[], str | None]
    suffix: str = ""
    around: bool = False
    every: int = 1
    complete: bool = True
    in_kernel: bool = False
    follows: bool = True

    def unavailable(self) -> str | None:
        """Why it cannot run here."""
        return self.why_not()

    def start(self, setting: Setting) -> Tracing:
        """To be entered for one run."""
        return Around(self, setting) if self.around and setting.target is None else Beside(self, setting)


class _Program(Tracing):
    """What both kinds have in common: their output, and the account of what they took."""

    def __init__(self, tracer: External, setting: Setting) -> None:
        self._tracer, self._setting = tracer, setting
        self._output = setting.scratch / f"trace{tracer.suffix}"
        self._argv = tracer.argv(self._output, setting.target)
        self._before = 0.0
        self._peak = 0

    def _await_end(self, process: Process) -> None:
        """Wait, and watch its memory grow. (ru_maxrss is no use: it begins with what we had when we started it.)"""
        patience = self._setting.patience.left()
        end = time.monotonic() + patience
        while not process.exited():
            self._peak = max(self._peak, self._memory(process))
            if time.monotonic() > end:
                raise Unresponsive(f"did not end within {patience:.0f} s")
            time.sleep(_LOOK)

    def _memory(self, process: Process) -> int:
        return peak_memory(process.tree())

    def _count(self, process: Process) -> Count:
        try:
            return self._tracer.count(self._output, process.said())
        except (OSError, ValueError) as error:
            raise Unresponsive(f"left no account ({error}); it said: {process.last_words()}") from error


class Beside(_Program):
    """Started before the command, and interrupted after it."""

    def __enter__(self) -> Self:
        setting = self._setting
        self._process = process = Process(self._argv, setting.scratch / "tracer.log", setting.scratch)
        patience = setting.patience.left()
        end = time.monotonic() + patience
        try:
            while not self._tracer.ready(process, setting.scratch):
                if process.exited():
                    raise Unresponsive(f"ended before it recorded: {process.last_words()}")
                if time.monotonic() > end:
                    raise Unresponsive(f"did not record within {patience:.0f} s: {process.last_words()}")
                time.sleep(_LOOK)
        except BaseException:
            process.kill()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()

    def pids(self) -> list[int]:
        """The program and what it started."""
        return self._process.tree()

    def begin(self, timed: Timed) -> None:
        """Its CPU up to here is its start."""
        self._before = self._process.cpu()

    def end(self, timed: Timed) -> None:
        """Its memory, at the height of the load."""
        if self._process.exited():
            raise Unresponsive(f"ended before the workload did: {self._process.last_words()}")
        self._peak = self._memory(self._process)

    def stop(self, timed: Timed, took: Took) -> Outcome:
        """Interrupt it, and let it write what it still has."""
        self._process.interrupt()
        self._await_end(self._process)
        assert self._process.usage is not None
        return Outcome(cpu_of(self._process.usage) - self._before, self._peak, self._count(self._process))


class Around(_Program):
    """The command's own parent."""

    def __init__(self, tracer: External, setting: Setting) -> None:
        super().__init__(tracer, setting)
        self.prefix = tuple(self._argv)

    def begin(self, timed: Timed) -> None:
        """Its CPU up to here is its start."""
        self._before = timed.process.cpu()

    def end(self, timed: Timed) -> None:
        """Its memory, while it is still there."""
        self._peak = self._memory(timed.process)

    def stop(self, timed: Timed, took: Took) -> Outcome:
        """It ends with the command; what the command took is not its own."""
        self._await_end(timed.process)
        assert timed.process.usage is not None
        cpu = cpu_of(timed.process.usage) - self._before - took.user - took.system - took.own
        return Outcome(max(cpu, 0.0), self._peak, self._count(timed.process))

    def _memory(self, process: Process) -> int:
        return peak_memory([process.pid])


def says(word: str) -> Callable[[Process, Path], bool]:
    """Ready when it has written this."""
    return lambda process, _: word in process.said()
