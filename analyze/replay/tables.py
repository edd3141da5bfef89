"""What the replay keeps at each moment, as the kernel does, and what it hands on."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from analyze.replay.rows import Integers, Numbers

UNKNOWN = -1
ALWAYS = -(1 << 62)
"""A time before every capture."""
CLOSE_ON_EXEC, MAYBE = 1, 2


@dataclass(slots=True)
class Files:
    """A table of descriptors. `keys` are the processes (or lone threads) that share it."""

    keys: list[int]
    alone: bool = True
    """Whether it is the table of one process and of nobody else."""
    ids: dict[int, int] = field(default_factory=dict)
    """What stands behind each open descriptor, as far as it is known."""
    modes: dict[int, int] = field(default_factory=dict)
    """CLOSE_ON_EXEC or MAYBE; others stay open."""


@dataclass(slots=True)
class Directory:
    """A working directory, an id or UNKNOWN."""

    keys: list[int]
    id: int = UNKNOWN


@dataclass(slots=True)
class Owner:
    """A process, or a thread that does not share all with its process."""

    key: int
    files: Files
    directory: Directory


@dataclass(frozen=True)
class History:
    """What the replay found. An id stands for one thing behind descriptors; `names[id]` is its name's place in `texts`.

    `process`, `fd`, `since` and `id`, of one shape (n,), tell from when on (ns) an id, or UNKNOWN, stands behind a
    descriptor (CWD for the working directory) of a process.
    `peers` has shape (m, 3): id, since when, place in `texts` or UNKNOWN. `alone` has shape (k, 3): thread, since when,
    1 if it then has tables of its own, under its tid + LONER, or 0 if it has those of its process.
    """

    process: Integers
    fd: Integers
    since: Integers
    id: Integers
    peers: Numbers
    names: npt.NDArray[np.int32]
    texts: list[str]
    alone: Numbers
