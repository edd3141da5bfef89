"""What every loader gets and gives: settings in, map descriptors out."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

import numpy as np
import numpy.typing as npt

from capture.filters import LIST, PATH_LISTED, PATHS, Filter
from capture.plan import state_cells
from schemas.record import CELLS, ENTRIES, ENTRY, EXEC, EXECS, RECORD, RING_HEADER

PAYLOAD_MOST = 8 + 2 * 4096 + 128 + 65536
"""Bytes of the largest payload; PAYLOAD_MOST of bpf/payload.bpf.h."""

BYTES_SLACK = 65536
"""Behind the byte ring: the verifier adds up the largest start and the largest length of a piece."""

DATA_MOST = 65535
"""Bytes of a buffer that one record can hold."""

CONFIG = np.dtype(
    [
        ("ring_records", "u4"),
        ("ring_bytes", "u4"),
        ("own_pid", "u4"),
        ("pids", "u4"),
        ("only_targets", "u4"),
        ("follow", "u4"),
        ("by_row", "u4"),
        ("by_cell", "u4"),
        ("comms", "u4"),
        ("uids", "u4"),
        ("cgroups", "u4"),
        ("failed_only", "u4"),
        ("data_bytes", "u4"),
        ("has_states", "u4"),
        ("cgroup_v1", "u4"),
        ("paths", "u4"),
        ("min_latency", "u8"),
    ]
)
"""struct systape_config of bpf/config.bpf.h."""

LISTS = np.dtype(
    [
        ("cells", "u8", (CELLS + 63) // 64),
        ("states", "u8", (CELLS + 63) // 64),
        ("comm", "S16", LIST),
        ("cgroup", "u8", LIST),
        ("uid", "u4", LIST),
        ("paths", [("name", f"S{PATH_LISTED}"), ("inode", "u8"), ("device", "u8")], PATHS),
    ]
)
"""struct systape_lists of bpf/config.bpf.h."""

BPF_F_MMAPABLE = 1 << 10


@dataclass(frozen=True)
class MapSize:
    """A map's shape; every loader makes the same maps."""

    kind: str
    entries: int
    value_size: int
    flags: int


@dataclass(frozen=True)
class Settings:
    """All that the kernel program is told. Powers of two: `ring_records` and `ring_bytes` (per CPU), `pids`."""

    cpus: int
    ring_records: int
    ring_bytes: int
    own_pid: int
    pids: int
    filter: Filter = field(default_factory=Filter)
    only_targets: bool = False
    data_bytes: int = 0
    cgroup_v1: int = 0

    @property
    def ring_stride(self) -> int:
        """Bytes of one CPU's element: header, records, byte ring."""
        return RING_HEADER + self.ring_records * RECORD.itemsize + self.ring_bytes + BYTES_SLACK

    def maps(self) -> dict[str, MapSize]:
        """Name to size of every map of the program."""
        return {
            "rings": MapSize("array", self.cpus, self.ring_stride, BPF_F_MMAPABLE),
            "entries": MapSize("array", ENTRIES, ENTRY.itemsize, BPF_F_MMAPABLE),
            "overflow": MapSize("hash", 16384, ENTRY.itemsize, 0),
            "execs": MapSize("array", EXECS, EXEC.itemsize, 0),
            "targets": MapSize("array", 1, self.pids, BPF_F_MMAPABLE),
            "lists": MapSize("array", 1, LISTS.itemsize, 0),
        }

    def config(self) -> "np.ndarray[tuple[int], np.dtype[np.void]]":
        """struct systape_config, shape (1,)."""
        config = np.zeros(1, CONFIG)
        chosen = self.filter
        for name, value in {
            "ring_records": self.ring_records,
            "ring_bytes": self.ring_bytes,
            "own_pid": self.own_pid,
            "pids": self.pids,
            "only_targets": self.only_targets,
            "follow": chosen.follow,
            "by_row": chosen.judges_rows,
            "by_cell": chosen.cells is not None,
            "comms": len(chosen.comms),
            "uids": len(chosen.uids),
            "cgroups": len(chosen.cgroups),
            "paths": len(chosen.paths),
            "failed_only": chosen.failed_only,
            "data_bytes": self.data_bytes,
            "has_states": chosen.leaves_out_calls,
            "cgroup_v1": self.cgroup_v1,
            "min_latency": chosen.min_latency,
        }.items():
            config[name] = value
        return config

    def lists(self) -> "np.ndarray[tuple[int], np.dtype[np.void]]":
        """struct systape_lists, shape (1,)."""
        lists = np.zeros(1, LISTS)
        chosen = self.filter
        lists["states"][0] = _bits(state_cells())
        if chosen.cells is not None:
            lists["cells"][0] = _bits(chosen.cells)
        lists["comm"][0, : len(chosen.comms)] = [os.fsencode(comm) for comm in chosen.comms]
        lists["cgroup"][0, : len(chosen.cgroups)] = [identity for _, identity in chosen.cgroups]
        lists["uid"][0, : len(chosen.uids)] = chosen.uids
        for index, path in enumerate(chosen.paths):
            lists["paths"][0, index] = (os.fsencode(path), *_identity(path))
        return lists


def _identity(path: str) -> tuple[int, int]:
    """Inode and device, as the kernel numbers it; zeroes for what is not there."""
    try:
        found = Path(path).stat()
    except OSError:  # the path alone is then what is looked for
        return 0, 0
    return found.st_ino, os.major(found.st_dev) << 20 | os.minor(found.st_dev)


def _bits(cells: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint64]:
    bits = np.zeros((CELLS + 63) // 64 * 64, bool)
    bits[:CELLS] = cells
    return np.packbits(bits, bitorder="little").view(np.uint64)


class Loaded(Protocol):
    """The program in the kernel. Leaving the context detaches and frees everything."""

    maps: dict[str, int]
    """Descriptor of each map."""

    notes: list[str]
    """What this loader could not give, one sentence each: for the file's metadata."""

    def attach(self) -> None:
        """Start recording; state programs first, so that no call comes before what names it."""

    def detach(self) -> None:
        """Stop recording; the maps stay. Idempotent."""

    def programs(self) -> dict[str, int]:
        """Descriptor of each program, by tracepoint."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class Loader(Protocol):
    """A way into the kernel."""

    name: str

    def unavailable(self) -> str | None:
        """None if it can run here, else why not and what to do, in one line."""

    def load(self, settings: Settings) -> Loaded:
        """Load the program. Raises PrivilegeError or UnsupportedError, with the kernel's own words at the end."""
