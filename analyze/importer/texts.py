"""Many texts that are slices of one block of bytes: taken apart all at once with numpy, and few of them one by one."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Numbers = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]
PADDING = bytes(16)
"""Behind a block, so that one may look a little past the end of a text."""


def kind_of(characters: bytes) -> Mask:
    """For each byte whether it is one of these."""
    table = np.zeros(256, bool)
    table[np.frombuffer(characters, np.uint8)] = True
    return table


DIGITS, SPACES = kind_of(b"0123456789"), kind_of(b" ")


def past(kind: Mask, block: Bytes, places: Numbers, most: int) -> Numbers:
    """From each place on, past the bytes of a kind, at most so many."""
    found, going = places.copy(), np.ones(len(places), bool)
    for _ in range(most):
        going &= kind[block[found]]
        if not going.any():
            break
        found += going
    return found


def before(kind: Mask, block: Bytes, places: Numbers, most: int) -> Numbers:
    """From each place back, where the bytes of a kind begin that stand just before it, at most so many."""
    found, going = places.copy(), np.ones(len(places), bool)
    for _ in range(most):
        going &= kind[block[found - 1]] & (found > 0)
        if not going.any():
            break
        found -= going
    return found


def decimals(block: Bytes, starts: Numbers, ends: Numbers) -> Numbers:
    """The numbers whose digits stand between starts and ends; 0 where these are equal."""
    value = np.zeros(len(starts), np.int64)
    for digit in range(int((ends - starts).max(initial=0))):
        place = starts + digit
        value = np.where(place < ends, value * 10 + block[np.minimum(place, ends)] - 48, value)
    return value


def slices(block: bytes | Bytes, starts: Numbers, ends: Numbers) -> pa.BinaryArray:
    """The bytes between starts and ends, which must not overlap and be in the order of the block."""
    offsets = np.empty(2 * len(starts) + 1, np.int32)
    offsets[:-1:2], offsets[1::2], offsets[-1] = starts, ends, ends[-1] if len(ends) else 0
    both = pa.Array.from_buffers(pa.binary(), 2 * len(starts), [None, pa.py_buffer(offsets), pa.py_buffer(block)])
    return both.take(pa.array(np.arange(0, 2 * len(starts), 2)))


@dataclass
class Texts:
    """Slices of a block, none of which overlap."""

    block: bytes
    """With PADDING at its end."""
    starts: Numbers
    ends: Numbers

    def __len__(self) -> int:
        """How many."""
        return len(self.starts)

    def __getitem__(self, index: int) -> str:
        """One of them, a character a byte."""
        return self.block[self.starts[index] : self.ends[index]].decode("latin-1")

    def some(self, chosen: Numbers) -> list[str]:
        """Some of them, a character a byte."""
        block, spans = self.block, zip(self.starts[chosen].tolist(), self.ends[chosen].tolist(), strict=True)
        return [block[start:end].decode("latin-1") for start, end in spans]

    @property
    def data(self) -> Bytes:
        """The block, as numbers."""
        return np.frombuffer(self.block, np.uint8)

    def take(self, chosen: Numbers) -> "Texts":
        """Some of them."""
        return Texts(self.block, self.starts[chosen], self.ends[chosen])

    def array(self) -> pa.BinaryArray:
        """All of them, in Arrow."""
        order = np.argsort(self.starts, kind="stable")
        found = slices(self.block, self.starts[order], self.ends[order])
        if (np.diff(order) == 1).all():
            return found
        back = np.empty_like(order)
        back[order] = np.arange(len(order))
        return found.take(pa.array(back))

    def replaced(self, places: Sequence[int], texts: Sequence[str]) -> "Texts":
        """With other texts in some places."""
        added = [text.encode("latin-1") for text in texts]
        ends = len(self.block) + np.cumsum([len(text) for text in added], dtype=np.int64)
        starts, stops = self.starts.copy(), self.ends.copy()
        starts[list(places)] = ends - [len(text) for text in added] if added else ends
        stops[list(places)] = ends
        return Texts(self.block + b"".join(added) + PADDING, starts, stops)

    def begin(self, text: bytes) -> Mask:
        """Which begin like this (at most as long as the padding)."""
        found = self.ends - self.starts >= len(text)
        for index, character in enumerate(text):
            found &= self.data[self.starts + index] == character
        return found

    def end(self, text: bytes) -> Mask:
        """Which end like this."""
        found = self.ends - self.starts >= len(text)
        for index, character in enumerate(reversed(text)):
            found &= self.data[self.ends - 1 - index] == character
        return found

    def first(self) -> Bytes:
        """The first byte of each; 0 of an empty one."""
        return np.where(self.ends > self.starts, self.data[self.starts], 0).astype(np.uint8)
