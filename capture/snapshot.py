"""What was there before the capture began: processes with their descriptors, as rows, so that names exist for them.

Read from /proc in small steps between two drains, while the recording goes on: what changes meanwhile is in the record.
Source: proc(5).
"""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from capture import procfs
from capture.cgroups import Hierarchy
from capture.ledger import blank
from capture.patience import Patience
from capture.pipeline import Payload, Pipeline
from capture.ring import BLOCK, as_words
from schemas.record import ABSENT, PAYLOAD_ALIGN, PIECES, Kind

MOST_SECONDS = 10.0
MOST_DESCRIPTORS = 500_000
_CONTENT = 8 << 20  # bytes of pieces that are handed over at once, and some more
_GONE = (FileNotFoundError, ProcessLookupError)
_TICK = 1_000_000_000 // os.sysconf("SC_CLK_TCK")


class Snapshot:
    """Rows of kind `process` and `fd`, collected and handed to the pipeline.

    `note` says, once it is done, what was left out for want of time or number; None if nothing was.
    """

    def __init__(self, pipeline: Pipeline, groups: Hierarchy | None) -> None:
        self._pipeline, self._groups = pipeline, groups
        self._records: list[npt.NDArray[Any]] = []
        self._content = bytearray()
        self._patience = Patience()
        self._descriptors = 0
        self._booted = time.clock_gettime_ns(time.CLOCK_REALTIME) - time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        self.note: str | None = "the snapshot of /proc was cut short: names of some processes may be unknown"
        self.rows = 0
        """How many were handed over."""

    def take(self, pids: Iterator[int]) -> Iterator[None]:
        """Add each process that is still there; a step of the iteration is one process."""
        try:
            yield from self._take(pids)
        finally:  # it may be given up half-way
            self._patience.close()
        if self._patience.given_up:
            told = f"command lines that did not come in time, and are NULL: {self._patience.given_up}"
            self.note = f"{self.note}; {told}" if self.note else told
        self.hand_over()

    def _take(self, pids: Iterator[int]) -> Iterator[None]:
        end = time.monotonic() + MOST_SECONDS
        for pid in pids:
            if time.monotonic() > end or self._descriptors > MOST_DESCRIPTORS:
                self.note = f"the snapshot of /proc ended before pid {pid}: names of later processes may be unknown"
                break
            if pid != os.getpid():
                yield from self._steps(pid)
            yield
        else:
            self.note = None

    def add(self, pid: int) -> None:
        """The rows of one process; none if it is gone, and as much as may be read."""
        for _ in self._steps(pid):
            continue

    def _steps(self, pid: int) -> Iterator[None]:
        """Nearly always none: a process that does not show its command line is waited for."""
        folder = Path(f"/proc/{pid}")
        try:
            record = self._process(pid, folder)
        except _GONE:
            return
        cmdline = yield from self._patience.ask(lambda: procfs.cmdline(pid))
        self._add(record, _link(folder / "exe"), _link(folder / "cwd"), cmdline)
        for name in _names(folder / "fd"):
            target = _link(folder / "fd" / name)
            if target is not None:
                self._add(self._descriptor(record, int(name), folder / "fdinfo" / name), target)
                self._descriptors += 1

    def hand_over(self) -> None:
        """Give what was collected to the pipeline."""
        if self._records:
            self.rows += len(self._records)
            words = as_words(np.concatenate(self._records))
            self._pipeline.append(0, words, Payload(0, [np.frombuffer(bytes(self._content), np.uint8)]), wait=True)
            self._records, self._content = [], bytearray()

    def _process(self, pid: int, folder: Path) -> npt.NDArray[Any]:
        thread = procfs.thread(pid, pid)
        if thread is None:
            raise ProcessLookupError
        fields = (folder / "stat").read_bytes().rpartition(b")")[2].split()
        record = blank(1, Kind.PROCESS, time.clock_gettime_ns(time.CLOCK_MONOTONIC))
        record["pid"] = record["tid"] = pid
        record["nr"] = int(fields[1])
        record["comm"], record["uid"] = thread.comm[:15], thread.uid
        record["cgroup"] = self._groups.of_thread(thread.cgroups) if self._groups else 0
        record["args"][:, 0] = self._booted + int(fields[19]) * _TICK
        record["args"][:, 1] = thread.inner_pid
        return record

    def _descriptor(self, process: npt.NDArray[Any], fd: int, info: Path) -> npt.NDArray[Any]:
        record = process.copy()
        record["kind"] = Kind.FD
        record["args"][:, 0] = _open_flags(_read(info))
        record["args"][:, 1] = fd
        return record

    def _add(self, record: npt.NDArray[Any], *pieces: bytes | None) -> None:
        """With path, second path and arguments, as far as they are given."""
        lengths = np.full(1, ABSENT, PIECES)
        content = b""
        for name, piece in zip(("path", "path2", "data"), pieces, strict=False):
            if piece is not None:
                lengths[name] = min(len(piece), ABSENT - 1)
                content += piece[: ABSENT - 1]
        record["payload"] = len(self._content)
        self._content += lengths.tobytes() + content
        self._content += bytes(-len(self._content) % PAYLOAD_ALIGN)
        self._records.append(record)
        if len(self._records) == BLOCK or len(self._content) > _CONTENT:
            self.hand_over()


def _link(path: Path) -> bytes | None:
    try:
        return os.fsencode(path.readlink())
    except OSError:  # gone, not ours to see, or longer than the kernel can say: anybody can go into such a folder
        return None


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except (*_GONE, PermissionError):
        return None


def _names(path: Path) -> list[str]:
    try:
        return os.listdir(path)  # noqa: PTH208 - half the time of iterdir, and this runs per process
    except (*_GONE, PermissionError):
        return []


def _open_flags(info: bytes | None) -> int:
    for line in (info or b"").splitlines():
        if line.startswith(b"flags:"):
            return int(line.split()[1], 8)
    return 0
