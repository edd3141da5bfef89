"""What a capture keeps: the user's filter, judged in the kernel."""

import os
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from capture.errors import UsageError

LIST = 16
"""How many names, users or groups the kernel program compares; `LIST` in config.bpf.h."""

PATHS, PATH_LISTED = 8, 256
"""How many paths it compares, and the bytes of one, with its NUL."""

NOBODY = 0xFFFF_FFFF
"""(uid_t) -1, which is no user."""


@dataclass(frozen=True)
class Filter:
    """Only what every field allows is kept; a field at its default allows everything.

    `cells` (bool, shape (CELLS,)) says which accounting cells, hence which calls, are kept. `min_latency` is in ns.
    `cgroups` holds (path, kernfs id) pairs, and means the groups below them too. `pids` are roots
    of process trees. `paths` keeps the calls on these paths, and on descriptors of the files that they name.
    """

    expression: str = ""
    cells: npt.NDArray[np.bool_] | None = None
    pids: tuple[int, ...] = ()
    follow: bool = True
    comms: tuple[str, ...] = ()
    uids: tuple[int, ...] = ()
    cgroups: tuple[tuple[str, int], ...] = ()
    paths: tuple[str, ...] = ()
    failed_only: bool = False
    min_latency: int = 0

    def __post_init__(self) -> None:
        for option, values in (("--comm", self.comms), ("--uid", self.uids), ("--cgroup", self.cgroups)):
            if len(values) > LIST:
                raise UsageError(f"{option} takes at most {LIST} values, not {len(values)}: leave some out")
        if len(self.paths) > PATHS:
            raise UsageError(f"-P takes at most {PATHS} paths, not {len(self.paths)}: leave some out")
        for path in self.paths:
            if not 0 < len(os.fsencode(path)) < PATH_LISTED:
                raise UsageError(f"-P {path!r}: a path of 1 to {PATH_LISTED - 1} bytes can be compared")
        for uid in self.uids:
            if uid >= NOBODY:
                raise UsageError(f"--uid {uid}: a user has a number below {NOBODY}")
        for comm in self.comms:
            if not 0 < len(os.fsencode(comm)) < 16:
                raise UsageError(f"--comm {comm!r}: the kernel keeps 1 to 15 bytes of a name; give these")

    @property
    def leaves_out_calls(self) -> bool:
        """Does it leave out calls of processes that it keeps? Then those that names depend on are kept as state."""
        return self.cells is not None or self.judges_rows or bool(self.paths)

    @property
    def judges_rows(self) -> bool:
        """Does it look at what a row shows: who made the call, how it ended, how long it took?"""
        return bool(self.comms or self.uids or self.cgroups or self.failed_only or self.min_latency)

    def describe(self) -> str:
        """One line, for the file's metadata and for `-d`."""
        parts = []
        if self.expression:
            parts.append(self.expression)
        if self.pids:
            tree = " and descendants" if self.follow else ""
            parts.append(f"pid {', '.join(map(str, self.pids))}{tree}")
        if self.comms:
            parts.append(f"comm {', '.join(self.comms)}")
        if self.uids:
            parts.append(f"uid {', '.join(map(str, self.uids))}")
        if self.cgroups:
            parts.append(f"cgroup {', '.join(path for path, _ in self.cgroups)}")
        if self.paths:
            parts.append(f"path {', '.join(self.paths)}")
        if self.failed_only:
            parts.append("failed only")
        if self.min_latency:
            parts.append(f"at least {self.min_latency} ns")
        text = "; ".join(parts) or "everything"
        return os.fsencode(text).decode(errors="backslashreplace")  # names and paths may be of any bytes
