"""How the files of a capture that rotates are called, and when one is full: tcpdump's -C, -G, -W and -z.

Source of the names: tcpdump(1). Two things differ. A number goes before the suffix, so that each file keeps it; and a
name that is taken is never written over (but for the oldest file of a ring): the next free number is.
"""

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from capture.errors import UsageError

SMALLEST = 1_000_000
"""Bytes: each file begins with the state of the host, which alone can take some 100 KB."""


@dataclass(frozen=True)
class Rotation:
    """When to go on in another file: at `size` bytes, every `seconds`; how many `files`; and a command for each."""

    size: int | None = None
    seconds: int | None = None
    files: int | None = None
    command: tuple[str, ...] = ()

    @property
    def is_ring(self) -> bool:
        """Is the oldest of so many files replaced? With -G too, tcpdump lets -W set the width of the number alone."""
        return self.files is not None and self.size is not None and self.seconds is None

    @property
    def last(self) -> int | None:
        """How many files end the capture."""
        return self.files if self.size is None else None

    def is_asked_for(self) -> bool:
        """Has the user given any of the options?"""
        return self != Rotation()


class Names:
    """Names for one file after the other, all in the folder of `target`."""

    def __init__(self, target: Path, rotation: Rotation) -> None:
        """Raises UsageError if the name makes no name of a file."""
        self._target, self._rotation = target, rotation
        self._width = len(str(rotation.files - 1)) if rotation.files is not None and rotation.size is not None else 0
        self._number = 0
        self._base = self._timed(time.time())

    @property
    def pattern(self) -> str:
        """Patterns of a shell's that the names fit: the plain one, if it is used, and those with a number."""
        if self._rotation.seconds is not None:
            stem = re.sub("%[-_0^#EO]*.", "*", self._target.stem)
            return str(self._target.with_name(re.sub(r"\*+", "*", f"{stem}*") + self._target.suffix))
        dash = "-" if self._target.stem[-1:].isdigit() else ""
        numbered = str(self._target.with_name(f"{self._target.stem}{dash}[0-9]*{self._target.suffix}"))
        return numbered if self._width else f"{self._target} {numbered}"

    def first(self) -> Path:
        """The file that the capture begins with."""
        return self._plain()

    @property
    def is_ring(self) -> bool:
        """Is an older file of the same capture replaced when its turn comes again?"""
        return self._rotation.is_ring

    def ring(self) -> list[Path]:
        """All names of a ring; none if it is no ring."""
        files = self._rotation.files if self.is_ring else None
        return [self._numbered(self._target, number) for number in range(files or 0)]

    def following(self, now: float, *, full: bool) -> Iterator[Path]:
        """Candidates for the next file, of which the first free one is to be taken. `full`: the last one was too large.

        `now` is in seconds since the epoch; a ring has just one candidate, to be replaced.
        """
        if self.is_ring:
            self._number = (self._number + 1) % (self._rotation.files or 1)
            yield self._numbered(self._target, self._number)
            return
        before = self._base
        if not full:
            self._base = self._timed(now)
        if self._base != before:
            self._number = 0
            yield self._plain()
        for number in count(self._number + 1):
            self._number = number
            yield self._numbered(self._base, number)

    def _plain(self) -> Path:
        return self._numbered(self._base, 0) if self._width else self._base

    def _timed(self, now: float) -> Path:
        """The name with the time in it, if the time makes the files."""
        if self._rotation.seconds is None:
            return self._target
        name = time.strftime(self._target.name, time.localtime(now))
        if not name or "/" in name:
            raise UsageError(f"-w {self._target}: with -G its last part is a time format, and makes no name of a file")
        return self._target.with_name(name)

    def _numbered(self, base: Path, number: int) -> Path:
        dash = "-" if base.stem[-1:].isdigit() else ""
        return base.with_name(f"{base.stem}{dash}{number:0{self._width}d}{base.suffix}")
