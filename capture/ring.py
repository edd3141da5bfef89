"""The consumer's side of the per-CPU rings: mapped memory seen as numpy arrays, nothing copied here."""

import mmap
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from capture.loaders.base import Settings
from schemas.record import ABSENT, NO_PAYLOAD, PAYLOAD_ALIGN, PIECES, RECORD, RING, RING_HEADER

WORDS = RECORD.itemsize // 8
"""A record is 16 words of 64 bits; blocks are handed out as matrices of words, which copy in one step."""

BLOCK = 2048
"""Records handed out at once: 256 KB, so that a block is still in the core's cache when it is copied."""

Words = npt.NDArray[np.uint64]
Bytes = npt.NDArray[np.uint8]


class Rings:
    """All rings of a capture. One consumer; the kernel program is the producer."""

    def __init__(self, fd: int, settings: Settings) -> None:
        stride, cpus, records = settings.ring_stride, settings.cpus, settings.ring_records
        self._memory = mmap.mmap(fd, stride * cpus)
        self.records = records
        self.headers: npt.NDArray[Any] = np.ndarray((cpus,), RING, self._memory, 0, (stride,))
        self._heads: Words = self.headers["head"]
        self._tails: Words = self.headers["tail"]
        self._bytes_heads: Words = self.headers["bytes_head"]
        self._bytes_tails: Words = self.headers["bytes_tail"]
        self._size = settings.ring_bytes
        starts = [cpu * stride + RING_HEADER for cpu in range(cpus)]
        self._words: list[Words] = [np.ndarray((records, WORDS), np.uint64, self._memory, at) for at in starts]
        behind = records * RECORD.itemsize
        self._bytes: list[Bytes] = [np.ndarray((self._size,), np.uint8, self._memory, at + behind) for at in starts]

    def pending(self) -> int:
        """Records that wait, over all CPUs."""
        return int(sum(self._heads.tolist()) - sum(self._tails.tolist()))

    def blocks(self) -> Iterator[tuple[int, Words]]:
        """CPU and records of each block that waits now: uint64, shape (n, WORDS), n <= BLOCK, views into the ring.

        Copy, then `release` the block before going on. What comes in meanwhile is left for the next pass: a pass ends.
        """
        for cpu, (tail, head) in enumerate(zip(self._tails.tolist(), self._heads.tolist(), strict=True)):
            while tail < head:
                start = tail & (self.records - 1)
                count = min(head - tail, BLOCK, self.records - start)
                yield cpu, self._words[cpu][start : start + count]
                tail += count

    def payload(self, cpu: int, words: Words) -> tuple[int, list[Bytes]]:
        """The bytes that belong to records which wait next on a CPU, shape (n, WORDS): where they begin, and the bytes.

        The bytes come as views of the ring, two where they go round its end. The records' positions count, modulo
        2^32, from the same beginning; what lies between the pieces is no matter.
        """
        tail = int(self._bytes_tails[cpu])
        if tail == int(self._bytes_heads[cpu]):
            return tail, []
        positions = words[:, -1].astype(np.uint32)
        last = positions[positions != NO_PAYLOAD][-1:]
        if not len(last):
            return tail, []
        start = tail + (int(last[0]) - tail & 0x1_0000_0000 - PAYLOAD_ALIGN)
        ring = self._bytes[cpu]
        at = start & (self._size - 1)
        lengths = ring[at : at + PIECES.itemsize].view(np.uint16)
        used = PIECES.itemsize + int(lengths[lengths != ABSENT].sum())
        end = start + -(-used // PAYLOAD_ALIGN) * PAYLOAD_ALIGN
        first = tail & (self._size - 1)
        whole = ring[first : first + end - tail]
        rest = end - tail - len(whole)
        return tail, [whole, ring[:rest]] if rest else [whole]

    def release(self, cpu: int, count: int, used: int = 0) -> None:
        """Give the places of the next `count` records, and `used` bytes of theirs, back to the kernel."""
        self._bytes_tails[cpu] += np.uint64(used)
        self._tails[cpu] += np.uint64(count)

    def stop(self) -> int:
        """Tell the kernel program that it is about to be detached; when that was, monotonic ns."""
        now = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
        self.headers["stopping"] = 1
        return now

    def total(self, counter: str) -> int:
        """A counter of `struct systape_ring`, added up over the CPUs."""
        return int(self.headers[counter].sum())


def as_words(records: npt.NDArray[Any]) -> Words:
    """Records (dtype RECORD, shape (n,)) as a matrix of words, shape (n, WORDS)."""
    return np.ascontiguousarray(records).view(np.uint64).reshape(len(records), WORDS)
