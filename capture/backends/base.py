"""What every backend gets and gives: settings and targets in, a ring of records out."""

from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, NamedTuple, Protocol, Self

import numpy as np
import numpy.typing as npt

from capture.loaders.base import Settings
from capture.ring import Rings


class Running(NamedTuple):
    """The calls that run on when a capture stops."""

    records: npt.NDArray[Any]
    """Dtype RECORD, shape (n,)."""

    content: npt.NDArray[np.uint8]
    """What they point to: the records' `payload` are positions in it, in their order."""


class Tracing(Protocol):
    """A backend at work. Leaving the context lets go of every process and frees everything."""

    rings: Rings
    """Where the records come, and the counters of what was seen and dropped."""

    loader: str
    """For the file's metadata."""

    label: str
    """For people: what records."""

    notes: list[str]
    """What could not be recorded, one sentence each: for the file's metadata."""

    needs: tuple[str, ...]
    """Capabilities that it takes to go on and to stop, once it has started."""

    stops_at: bytes
    """The seccomp filter that the command is to put on itself (capture/seccomp.py), or nothing."""

    def start(self) -> None:
        """Record from now on. Raises TargetError or PrivilegeError if a process cannot be recorded."""

    def processes(self) -> Iterator[int]:
        """The pids that are recorded now, as far as they are known."""

    def is_done(self) -> bool:
        """Have all processes ended that are asked for? False where all of the host's are."""

    def stop(self, meanwhile: Callable[[], None]) -> Running:
        """Record no more; the calls that still run, judged by the filter.

        `meanwhile` empties the rings, and is called while there is something to wait for.
        """

    def recursion(self) -> int:
        """Calls that were not seen because the kernel would not run a program within itself."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class Backend(Protocol):
    """A way to see calls."""

    name: str

    def open(self, settings: Settings, command: int | None) -> Tracing:
        """Get ready to record; `command` is the pid of the one that we start, which has not executed its program.

        Raises PrivilegeError or UnsupportedError if it cannot run here, UsageError if it cannot do what is asked.
        """
