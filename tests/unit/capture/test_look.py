"""How the eBPF backend looks at what threads are in: for so long, and no error is lost."""

import threading
import time
from collections.abc import Callable

import numpy as np
import pytest

from capture.backends import ebpf
from capture.backends.ebpf import EbpfTracing
from capture.loaders.base import Loaded, Settings
from capture.loaders.running import InCall, RunningProgram, _taken_apart
from schemas.record import RUNNING

Ask = Callable[[list[InCall]], None]


def in_call(tid: int, payload: bytes = b"") -> bytes:
    """What the program says of a thread."""
    one = np.zeros(1, RUNNING)
    one["tid"], one["bytes"] = tid, len(payload)
    return one.tobytes() + payload


class Program(Loaded):
    """One that does nothing."""

    def __init__(self) -> None:
        self.notes, self.maps = [], {}


class Running(RunningProgram):
    """One that answers as it is told."""

    def __init__(self, ask: Ask) -> None:
        self.ask = ask  # type: ignore[method-assign]


def tracing(ask: Ask) -> EbpfTracing:
    """A backend that looks so."""
    made = EbpfTracing(Program(), "core", Settings(1, 64, 4096, 1, 8), None)
    made._running = Running(ask)
    return made


def test_threads_and_payloads_are_taken_apart() -> None:
    """Each thread is followed by as many bytes as it says."""
    found = _taken_apart(in_call(1) + in_call(2, b"abcde") + in_call(3, b"f"))
    assert [(int(one.thread["tid"]), one.payload) for one in found] == [(1, b""), (2, b"abcde"), (3, b"f")]


def test_what_was_seen_before_a_thread_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The look ends after a while with what there is, and a note; the rings are emptied meanwhile."""
    monkeypatch.setattr(ebpf, "_LOOKING", 0.05)
    free, drained = threading.Event(), []

    def ask(found: list[InCall]) -> None:
        found += _taken_apart(in_call(1) + in_call(2))
        free.wait()

    one = tracing(ask)
    assert len(one._look(lambda: drained.append(True))) == 2
    assert drained
    assert [note.partition(", but ")[2] for note in one.notes] == [
        "of 2: the memory of a thread could not be read in time"
    ]
    free.set()
    while any(thread.name == "patience" for thread in threading.enumerate()):
        time.sleep(0.01)


def test_a_refusal_is_a_note() -> None:
    """And is not waited for."""

    def ask(found: list[InCall]) -> None:
        raise OSError(1, "Operation not permitted")

    one, start = tracing(ask), time.monotonic()
    assert one._look(lambda: None) == []
    assert time.monotonic() - start < ebpf._LOOKING
    assert one.notes[0].endswith("are not known, but of 0 (Operation not permitted)")
