"""The eBPF backend: the kernel program by one of the loaders, its maps as numpy arrays."""

import mmap
import time
from collections.abc import Callable, Iterator
from functools import partial
from types import TracebackType
from typing import Self

import numpy as np
import numpy.typing as npt

from capture import bpfsys, capabilities, preflight, procfs, unfinished
from capture.backends.base import Running
from capture.cgroups import hierarchy
from capture.loaders import choose
from capture.loaders.base import Loaded, Settings
from capture.loaders.running import InCall, RunningProgram
from capture.patience import Patience
from capture.plan import plans
from capture.ring import Rings
from schemas.record import ENTRIES, ENTRY

_SETTLE = 0.02  # s: a program that ran while it was detached has ended by then
_TARGET = 1  # a byte of the `targets` map: TARGET of bpf/config.bpf.h
_TARGET_ARMED = 2
_PRESENT = np.uint64((_TARGET | _TARGET_ARMED) * 0x0101_0101_0101_0101)
"""Those two in eight bytes at once: what is left of a process that has ended is TARGET_ENDED."""
_NOT_KNOWN = (
    "calls that hang since before the start, and paths and addresses in those that run on at the end, are not known"
)
_LOOKING = 5.0  # s, for what takes milliseconds, unless the memory of a thread makes it wait


class EbpfBackend:
    """Records all of the host, or some of it, from within the kernel; by the loader of that name, if one is given."""

    name = "ebpf"

    def __init__(self, loader: str | None = None) -> None:
        self._loader = loader

    def open(self, settings: Settings, command: int | None) -> "EbpfTracing":
        """Load the program. Raises PrivilegeError or UnsupportedError, with reasons and remedies."""
        preflight.check_namespace()
        preflight.check_preemption()
        preflight.check_privileges()
        loader = choose(self._loader)
        return EbpfTracing(loader.load(settings), loader.name, settings, command)


class EbpfTracing:
    """The program in the kernel."""

    stops_at = b""
    needs: tuple[str, ...] = ()

    def __init__(self, program: Loaded, loader: str, settings: Settings, command: int | None) -> None:
        self._program, self._settings, self._command = program, settings, command
        self.loader, self.label, self.notes = loader, f"eBPF, {loader}", program.notes
        self._targets: npt.NDArray[np.uint8] | None = None
        self._running: RunningProgram | None = None

    def __enter__(self) -> Self:
        self._program.__enter__()
        try:
            self._running = RunningProgram()
        except OSError as error:
            self.notes.append(f"{_NOT_KNOWN} ({error.filename}: {error.strerror})")
        self.rings = Rings(self._program.maps["rings"], self._settings)
        self.rings.headers["plan"] = plans(buffers=self._settings.data_bytes > 0)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._running is not None:
            self._running.close()
        self._program.__exit__(kind, error, trace)

    def start(self) -> None:
        """Mark the processes asked for, and attach. Raises TargetError if one is not there."""
        self._mark_targets()
        self._program.attach()
        self._forget_ended()
        if not capabilities.can(self._ask_without_any):  # before 5.19 the kernel may refuse all of bpf(2)
            self.needs = ("CAP_BPF",)
        self._began = time.clock_gettime_ns(time.CLOCK_MONOTONIC)

    def _mark_targets(self) -> None:
        settings = self._settings
        if not settings.only_targets:
            return
        memory = mmap.mmap(self._program.maps["targets"], max(settings.pids, mmap.PAGESIZE))
        self._targets = np.ndarray((settings.pids,), np.uint8, memory)
        for pid in settings.filter.pids:
            procfs.require(pid)
            self._targets[pid] = _TARGET
        if self._command is not None:
            self._targets[self._command] = _TARGET_ARMED

    def _forget_ended(self) -> None:
        """What ended before it was attached to, or meanwhile, has no end that will be seen."""
        for pid in self._settings.filter.pids:
            if self._targets is not None and not procfs.is_alive(pid):
                self._targets[pid] = 0

    def processes(self) -> Iterator[int]:
        """All of the host, or those that the program has marked."""
        if self._targets is None:
            return procfs.processes()
        return iter(np.flatnonzero(self._targets == _TARGET).tolist())

    def is_done(self) -> bool:
        """Is no process left that is asked for?"""
        return self._targets is not None and not bool((self._targets.view(np.uint64) & _PRESENT).any())

    def stop(self, meanwhile: Callable[[], None]) -> Running:
        """Detach; the calls that hang since before the start, and those in the program's table."""
        chosen, groups = self._settings.filter, hierarchy()
        # Mapped only now: it counts as memory of ours.
        entries = np.ndarray((ENTRIES,), ENTRY, mmap.mmap(self._program.maps["entries"], ENTRIES * ENTRY.itemsize))
        attached = self._look(meanwhile)
        hung = unfinished.hanging(entries, chosen, groups, self._targets, self._began, attached)
        stopped = self.rings.stop()
        self._program.detach()
        time.sleep(_SETTLE)
        overflow = bpfsys.items(self._program.maps["overflow"], 4, ENTRY.itemsize)
        entries = np.concatenate([entries, *(np.frombuffer(value, ENTRY) for _, value in overflow)])
        hung = unfinished.not_returned(hung, entries, stopped)
        # A call that began after the stop is of no concern, and its thread may be one of those that hung until then.
        before = entries[entries["ts"] < stopped]
        look = self._look(meanwhile) or attached
        records = np.concatenate([hung, unfinished.in_table(before, chosen, groups, look)])
        return Running(records, unfinished.point_to(records, look))

    def _look(self, meanwhile: Callable[[], None]) -> list[InCall]:
        """Threads in calls, and what these point to; if that takes too long, those that were seen until then."""
        found: list[InCall] = []
        if self._running is None:
            return found
        patience = Patience(_LOOKING)
        for _ in patience.ask(partial(self._ask, self._running, found)):
            meanwhile()
        if patience.given_up:
            self.notes.append(f"{_NOT_KNOWN}, but of {len(found)}: the memory of a thread could not be read in time")
        patience.close()
        return list(found)

    def _ask(self, running: RunningProgram, found: list[InCall]) -> None:
        try:
            running.ask(found)
        except OSError as error:
            self.notes.append(f"{_NOT_KNOWN}, but of {len(found)} ({error.strerror})")

    def _ask_without_any(self) -> bool:
        capabilities.keep_only(())
        return self.recursion() >= 0

    def recursion(self) -> int:
        """The kernel's own count, over all programs."""
        return sum(bpfsys.program_stats(fd).recursion_misses for fd in self._program.programs().values())
