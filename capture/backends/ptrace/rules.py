"""What is done at the return of each call, by its accounting cell, worked out once from the filter and the plans."""

import os
from collections.abc import Sequence
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from capture.filters import Filter
from capture.pieces import Reader
from capture.plan import plans, state_cells
from schemas.record import CELL_OTHER, CELLS, CELLS_PER_ABI, NOT_MEASURED, PLAN_EXEC, PLAN_FD_RETURNED, Abi
from schemas.syscalls import native_abi, table

RENAME = ("prctl",)
CHANGE_USER = ("setuid", "setreuid", "setresuid", "setuid32", "setreuid32", "setresuid32")
BIRTHS = ("clone", "clone3", "fork", "vfork")
RESTART = ("restart_syscall",)
ENDS = ("exit", "exit_group")


class Handling(IntEnum):
    """What becomes of a call: a record of its own values; nothing, but it is counted; or a closer look.

    Calls of other tables than the native one are always looked at closely.
    """

    PLAIN = 0
    FILTERED = 1
    CLOSER = 2


class Rules:
    """The filter and the plans by cell. `handling` holds a Handling per cell, `names` calls with an effect on us."""

    def __init__(self, chosen: Filter, reader: Reader) -> None:
        self._chosen = chosen
        self._states = state_cells()
        self._has_states = chosen.leaves_out_calls
        self.plans: list[int] = plans().tolist()
        self.paths = frozenset(map(os.fsencode, chosen.paths))
        """Those that calls are asked for on; empty: all."""
        self._files = {_identity(path) for path in chosen.paths} - {None}
        self.names = _cells_of(*RENAME, *CHANGE_USER, *BIRTHS, *RESTART, *ENDS)
        self.handling = bytes(self._handling(cell, reader) for cell in range(CELLS))

    def _handling(self, cell: int, reader: Reader) -> Handling:
        asked_for = self._chosen.cells is None or bool(self._chosen.cells[cell])
        if cell >= CELLS_PER_ABI or cell in self.names or self.plans[cell] & PLAN_EXEC:
            return Handling.CLOSER
        if not asked_for and not self._states[cell]:
            return Handling.FILTERED
        if not asked_for or self._chosen.judges_rows or self._chosen.paths or reader.needs_reading(self.plans[cell]):
            return Handling.CLOSER
        return Handling.PLAIN

    def asks_for(self, cell: int, dur: int, ret: int, *, listed: bool) -> bool:
        """Does the filter keep the call? `listed`: it keeps the thread. `dur` in ns, or NOT_MEASURED."""
        chosen = self._chosen
        if chosen.cells is not None and not chosen.cells[cell]:
            return False
        if chosen.failed_only and not -4095 <= ret < 0:
            return False
        if chosen.min_latency and (dur == NOT_MEASURED or dur < chosen.min_latency):
            return False
        return listed

    def asks_for_running(self, cell: int, since: int, now: int, *, listed: bool) -> bool:
        """Does the filter keep a call that has not returned? It has not failed, and lasts until `now` at least."""
        chosen = self._chosen
        if chosen.failed_only or (chosen.cells is not None and not chosen.cells[cell]):
            return False
        return listed and now - since >= chosen.min_latency

    def keeps_state(self, cell: int, ret: int) -> bool:
        """Is a call that the filter leaves out kept, because names depend on it?"""
        return self._has_states and ret >= 0 and bool(self._states[cell])

    def is_on_path(self, tid: int, plan: int, args: Sequence[int]) -> bool:
        """At the entry: is the call on a descriptor of a file that is asked for?"""
        place = _descriptor(plan)
        return bool(place) and place != PLAN_FD_RETURNED and self._is_file(tid, args[place - 1])

    def names_path(self, tid: int, plan: int, ret: int, path: bytes | None, path2: bytes | None) -> bool:
        """At the return: does the call name a path that is asked for, or has it opened such a file?"""
        opened = _descriptor(plan) == PLAN_FD_RETURNED and ret >= 0 and self._is_file(tid, ret)
        return opened or path in self.paths or path2 in self.paths

    def _is_file(self, tid: int, fd: int) -> bool:
        return bool(self._files) and _identity(f"/proc/{tid}/fd/{fd & 0xFFFF_FFFF}") in self._files

    def stops(self) -> npt.NDArray[np.bool_] | None:
        """The cells at which a command has to stop, shape (CELLS,); None if at all of them."""
        if self._chosen.cells is None:
            return None
        cells = self._chosen.cells | self._states
        cells[[cell for cell, name in self.names.items() if name not in ENDS]] = True
        return cells


def _descriptor(plan: int) -> int:
    """1 + the argument that is a descriptor, PLAN_FD_RETURNED or 0."""
    return plan >> 16 & 7


def cell_of(nr: int, abi: Abi) -> int:
    """The accounting cell of one call; schemas.record.cell_of is for many."""
    if nr >= CELLS_PER_ABI or abi not in (native_abi(), Abi.I386):
        return CELL_OTHER
    return nr + CELLS_PER_ABI if abi is Abi.I386 else nr


def _identity(path: str) -> tuple[int, int] | None:
    """Device and inode of the file behind a path, None if there is none."""
    try:
        state = os.stat(path)  # noqa: PTH116 - twice as quick as Path.stat, and it runs per call
    except OSError:  # whatever the reason, it is no file that is asked for
        return None
    return state.st_dev, state.st_ino


def _cells_of(*names: str) -> dict[int, str]:
    """Cell to name of those calls, native and 32-bit."""
    return {
        base + call.nr: name
        for base, abi in ((0, native_abi()), (CELLS_PER_ABI, Abi.I386))
        for name in names
        if (call := table(abi).by_name.get(name)) is not None
    }
