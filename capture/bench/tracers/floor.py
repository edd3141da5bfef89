"""No tracer at all, and the least that one must cost: programs that do nothing, or only read the clock, and a
seccomp filter that stops at no call."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from capture.bench.tracers.base import Setting, Tracing
from capture.bench.tracers.privileges import why_no_bpf
from capture.loaders import _libbpf
from capture.loaders._libbpf import check

OBJECT = Path(__file__).parents[2] / "bpf" / ".output" / "floor.bpf.o"

_BELOW_A_FILTER = """
import os, sys
import numpy
from capture import seccomp
from schemas.record import CELLS
seccomp.install(seccomp.program(numpy.zeros(CELLS, bool)))
os.execvp(sys.argv[1], sys.argv[1:])
"""


@dataclass(frozen=True)
class Plain:
    """The command itself, below `prefix`, with no tracer: what all others are compared with."""

    name: str
    about: str
    prefix: tuple[str, ...] = ()
    every: int = 1
    complete: bool = False
    in_kernel: bool = False
    follows: bool = True

    def unavailable(self) -> str | None:
        """It always can."""
        return None

    def start(self, setting: Setting) -> Tracing:
        """A tracing that does nothing but begin the command as it is to be begun."""
        tracing = Tracing()
        tracing.prefix = self.prefix
        return tracing


NOTHING = Plain("none", "untraced")
FILTER = Plain(
    "filter",
    "a seccomp filter that stops at no call",  # what tracing by seccomp pays for the calls that it leaves
    prefix=(sys.executable, "-c", _BELOW_A_FILTER),
    follows=False,
)


@dataclass(frozen=True)
class Floor:
    """Programs of bpf/floor.bpf.c, attached to the entry and the return of every call."""

    name: str
    about: str
    programs: tuple[str, ...]
    every: int = 1
    complete: bool = False
    in_kernel: bool = True
    follows: bool = True

    def unavailable(self) -> str | None:
        """Why the programs cannot be loaded."""
        if not OBJECT.exists():
            return f"{OBJECT.name} is not built: run `make bpf` in the checkout"
        return why_no_bpf("core")

    def start(self, setting: Setting) -> "Attached":
        """Attached while the context lasts."""
        return Attached(self.programs)


class Attached(Tracing):
    """The programs in the kernel, held by our own process."""

    def __init__(self, programs: tuple[str, ...]) -> None:
        self._programs = programs
        self._object, self._links = 0, list[int]()

    def __enter__(self) -> Self:
        lib = _libbpf.library()
        with _libbpf.log():
            try:
                self._object = check(lib.bpf_object__open_file(str(OBJECT).encode(), None), f"open {OBJECT.name}")
                check(lib.bpf_object__load(self._object), f"load {OBJECT.name}")
                for name in self._programs:
                    program = check(
                        lib.bpf_object__find_program_by_name(self._object, name.encode()), f"find program {name}"
                    )
                    self._links.append(check(lib.bpf_program__attach(program), f"attach {name}"))
            except OSError:
                self._close()
                raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def pids(self) -> list[int]:
        """We hold them ourselves."""
        return [os.getpid()]

    def _close(self) -> None:
        lib = _libbpf.library()
        while self._links:
            lib.bpf_link__destroy(self._links.pop())
        if self._object:
            lib.bpf_object__close(self._object)
            self._object = 0
