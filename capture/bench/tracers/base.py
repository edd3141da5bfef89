"""What every tracer is to bench: something that starts, records while the workload runs, and says what it has."""

from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from capture.bench.process import Patience
from capture.bench.timed import Timed, Took


@dataclass(frozen=True)
class Setting:
    """For one run: a folder for what the tracer writes, the process to trace (None: all, or the command), and for how
    long to be patient."""

    scratch: Path
    target: int | None = None
    patience: Patience = field(default_factory=Patience)


@dataclass(frozen=True)
class Count:
    """What a tracer says that it has. Calls recorded, calls lost, bytes written; None: it does not say."""

    seen: int | None = None
    lost: int | None = None
    bytes: int | None = None


@dataclass(frozen=True)
class Outcome:
    """What a run took of the tracer: CPU in seconds from the workload's start to the tracer's end, peak memory in
    bytes (None: there is no process), and its count."""

    cpu: float | None = None
    peak: int | None = None
    count: Count = Count()


class Tracing:
    """A tracer that records. This one does not: it is `none`, and the base of the others.

    Entering the context returns once it is true that calls are recorded; raises Unresponsive or OSError.
    """

    prefix: tuple[str, ...] = ()
    """What goes before the command."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it, whatever happened."""

    def pids(self) -> list[int]:
        """The processes that hold its eBPF programs."""
        return []

    def begin(self, timed: Timed) -> None:
        """The workload is about to run."""

    def end(self, timed: Timed) -> None:
        """The workload has run; the tracer is still there."""

    def stop(self, timed: Timed, took: Took) -> Outcome:
        """Stop recording and wait for the tracer's end. Raises Unresponsive, or OSError where its output is missing."""
        return Outcome()


class Tracer(Protocol):
    """A way to trace, on the list."""

    @property
    def name(self) -> str:
        """As the user selects it."""

    @property
    def about(self) -> str:
        """The command, or what is done, in one line."""

    @property
    def every(self) -> int:
        """It takes part in each n-th round: what slows the workload a hundredfold need not be measured as often."""

    @property
    def complete(self) -> bool:
        """Does it claim to see each call of the workload?"""

    @property
    def in_kernel(self) -> bool:
        """Does it run eBPF programs, so that the kernel can tell their time?"""

    @property
    def follows(self) -> bool:
        """Can it trace a process that runs already, so that others are bystanders?"""

    def unavailable(self) -> str | None:
        """None if it can run here, else why not, in one line."""

    def start(self, setting: Setting) -> AbstractContextManager[Tracing]:
        """To be entered for one run."""
