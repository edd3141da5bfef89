"""The consumer's side of the per-CPU rings: mapped memory seen as numpy arrays, nothing copied here."""

import mmap
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from capture.loaders.base import Settings
from schemas.record import RECORD, RING, RING_HEADER

WORDS = RECORD.itemsize // 8
"""A record is 16 words of 64 bits; blocks are handed out as matrices of words, which copy in one step."""

BLOCK = 2048
"""Records handed out at once: 256 KB, so that a block is still in the core's cache when it is copied."""

Words = npt.NDArray[np.uint64]


class Rings:
    """All rings of a capture. One consumer; the kernel program is the producer."""

    def __init__(self, fd: int, settings: Settings) -> None:
        stride, cpus, records = settings.ring_stride, settings.cpus, settings.ring_records
        self._memory = mmap.mmap(fd, stride * cpus)
        self.records = records
        self.headers: npt.NDArray[Any] = np.ndarray((cpus,), RING, self._memory, 0, (stride,))
        self._heads: Words = self.headers["head"]
        self._tails: Words = self.headers["tail"]
        self._words: list[Words] = [
            np.ndarray((records, WORDS), np.uint64, self._memory, cpu * stride + RING_HEADER) for cpu in range(cpus)
        ]

    def pending(self) -> int:
        """Records that wait, over all CPUs."""
        return int((self._heads - self._tails).sum())

    def blocks(self) -> Iterator[tuple[int, Words]]:
        """CPU and records of each block that waits now: uint64, shape (n, WORDS), n <= BLOCK, views into the ring.

        Copy, then `release` the block before going on. What comes in meanwhile is left for the next pass: a pass ends.
        """
        for cpu, head in enumerate(self._heads.tolist()):
            while (tail := int(self._tails[cpu])) < head:
                start = tail & (self.records - 1)
                count = min(head - tail, BLOCK, self.records - start)
                yield cpu, self._words[cpu][start : start + count]

    def release(self, cpu: int, count: int) -> None:
        """Give the places of the next `count` records back to the kernel."""
        self._tails[cpu] += np.uint64(count)

    def total(self, counter: str) -> int:
        """A counter of `struct systape_ring`, added up over the CPUs."""
        return int(self.headers[counter].sum())


def as_words(records: npt.NDArray[Any]) -> Words:
    """Records (dtype RECORD, shape (n,)) as a matrix of words, shape (n, WORDS)."""
    return np.ascontiguousarray(records).view(np.uint64).reshape(len(records), WORDS)
