"""The program that tells in which calls threads are, and what these point to (bpf/running.bpf.c).

It is loaded beside whichever loader's program records, while we may, and asked at the stop, which takes no rights.
"""

import os
from pathlib import Path
from typing import NamedTuple

import numpy as np

from capture.loaders import _libbpf
from capture.loaders._libbpf import check
from capture.loaders.object import Object
from capture.plan import plans
from schemas.record import RUNNING

OBJECT = Path(__file__).parent.parent / "bpf" / ".output" / "running.bpf.o"
_PROGRAM = "running"
_READ = 1 << 16  # bytes; the kernel gives at most 32 KB at once


class InCall(NamedTuple):
    """A thread in a call, shape () and dtype RUNNING, and the payload of what it points to (none: nothing was read)."""

    thread: np.void
    payload: bytes


class RunningProgram:
    """The program in the kernel, ready to be asked. Raises OSError where it cannot be loaded."""

    def __init__(self) -> None:
        self._lib = _libbpf.library()
        with _libbpf.log():
            self._object = Object(OBJECT, plans(buffers=False))
            try:
                self._link = self._object.attach(_PROGRAM)
            except OSError:
                self._object.close()
                raise

    def ask(self, found: list[InCall]) -> None:
        """Add all threads that are in a call now to `found`, as they come. It waits where their memory does."""
        stream = check(self._lib.bpf_iter_create(self._lib.bpf_link__fd(self._link)), "ask for what runs")
        try:
            while text := os.read(stream, _READ):
                found += _taken_apart(text)
        finally:
            os.close(stream)

    def close(self) -> None:
        """Give it back to the kernel."""
        self._lib.bpf_link__destroy(self._link)
        self._object.close()


def _taken_apart(text: bytes) -> list[InCall]:
    found, at = [], 0
    while at < len(text):
        thread = np.frombuffer(text, RUNNING, 1, at)[0]
        at += RUNNING.itemsize
        found.append(InCall(thread, text[at : at + int(thread["bytes"])]))
        at += int(thread["bytes"])
    return found
