"""In-kernel time of eBPF programs, as the kernel itself keeps it (bpf_stats). That costs, so never in timed runs."""

import ctypes
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from capture.bpfsys import program_stats
from capture.loaders import _libbpf

_RUN_TIME = 0  # BPF_STATS_RUN_TIME of include/uapi/linux/bpf.h


@dataclass(frozen=True)
class KernelTime:
    """Nanoseconds in a tracer's programs, and runs of the one that ran most: one a call."""

    nanoseconds: int = 0
    runs: int = 0


@contextmanager
def kept() -> Iterator[None]:
    """The kernel keeps time while the context lasts. Raises OSError where it cannot (before 5.8, or no privilege)."""
    handle = _libbpf.check(_libbpf.library().bpf_enable_stats(_RUN_TIME), "enable bpf_stats")
    try:
        yield
    finally:
        os.close(handle)


Reading = dict[int, tuple[int, int]]
"""Program id to nanoseconds and runs so far."""


def read(pids: Sequence[int]) -> Reading:
    """The programs that these processes hold, known from their descriptors. Raises OSError."""
    found: Reading = {}
    for identity in {one for pid in pids for one in _held(pid)}:
        descriptor = _libbpf.library().bpf_prog_get_fd_by_id(ctypes.c_uint32(identity))
        if descriptor < 0:  # gone meanwhile
            continue
        try:
            stats = program_stats(descriptor)
        finally:
            os.close(descriptor)
        found[identity] = (stats.run_time_ns, stats.runs)
    return found


def between(before: Reading, after: Reading) -> KernelTime:
    """What was added."""
    added = [(ns - before.get(one, (0, 0))[0], runs - before.get(one, (0, 0))[1]) for one, (ns, runs) in after.items()]
    return KernelTime(sum(ns for ns, _ in added), max((runs for _, runs in added), default=0))


def _held(pid: int) -> Iterator[int]:
    """Source: `prog_id` of bpf programs and links in proc_pid_fdinfo(5)."""
    for text in _descriptors(pid):
        yield from (int(line.split()[1]) for line in text.splitlines() if line.startswith("prog_id:"))


def _descriptors(pid: int) -> Iterator[str]:
    try:
        entries = list(Path(f"/proc/{pid}/fdinfo").iterdir())
    except (FileNotFoundError, ProcessLookupError):  # it ended
        return
    for entry in entries:
        try:
            yield entry.read_text()
        except (FileNotFoundError, ProcessLookupError):  # closed meanwhile
            continue
