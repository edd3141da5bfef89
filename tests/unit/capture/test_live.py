"""The sink that prints."""

import io
import os
import pty
import re
from typing import Any

import pyarrow as pa
import pytest

from capture.errors import ReaderGone
from capture.live import LiveSink
from schemas.arrow import EVENTS
from schemas.line import Printer, Style


def batch_of(*rows: dict[str, Any]) -> pa.RecordBatch:
    """Rows of a thread `cat`, NULL where nothing is said."""
    plain: dict[str, Any] = {field.name: None for field in EVENTS}
    plain.update(kind="syscall", ts=10**18, pid=7, tid=7, comm="cat", abi="x86_64", cpu=0, uid=0, weight=1, flags=0)
    return pa.RecordBatch.from_pylist([{**plain, **row} for row in rows], schema=EVENTS)


EARLIER = 10**18 - 20_000
ROWS = batch_of(
    {
        "nr": 257,
        "arg0": -100,
        "arg1": 5,
        "arg2": 0,
        "arg3": 0,
        "ret": 3,
        "path": "/\x1b[31m\n",
        "ts": EARLIER,
        "dur_ns": 12_345,
    },
    {"nr": 231, "arg0": 0, "flags": 2},
    {"kind": "exit", "ret": 0},
    {"kind": "fork", "arg0": 1},
    {"kind": "loss", "weight": 5, "tid": 0, "arg0": 0},
)


def test_it_prints_the_lines_of_show(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    """The same lines as `analyze show -T`, counted, and nothing in them that a terminal obeys."""
    sink = LiveSink()
    sink.write(ROWS)
    sink.flush(ROWS)
    sink.close({})
    out = capfdbinary.readouterr().out
    assert out.decode() == "".join(Printer(Style(durations=True)).lines(ROWS))
    assert out.splitlines() == [
        rb'7 cat openat(AT_FDCWD, "/\33[31m\n", O_RDONLY) = 3 <0.000012>',
        b"7 cat exit_group(0)                     = ?",
        b"7 cat +++ exited with 0 +++",
        b"--- 5 calls lost on CPU 0 (ring full) ---",
    ]
    assert sink.bytes_written == len(out)


def test_colours_on_a_terminal_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal gets colours unless NO_COLOR is set to anything."""
    parent, child = pty.openpty()
    with os.fdopen(child, "w") as terminal, os.fdopen(parent, "rb", buffering=0) as screen:
        monkeypatch.setattr("sys.stdout", terminal)
        LiveSink().write(ROWS)
        assert b"\x1b[" not in screen.read(4096)
        monkeypatch.delenv("NO_COLOR")
        LiveSink().write(ROWS)
        assert b"\x1b[34mopenat\x1b[0m(" in screen.read(4096)


def test_a_reader_that_has_gone_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """A closed pipe is ReaderGone, and the interpreter's last flush has somewhere to go."""
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb", buffering=0) as raw:
        monkeypatch.setattr("sys.stdout", io.TextIOWrapper(io.BufferedWriter(raw)))
        with pytest.raises(ReaderGone):
            LiveSink().write(ROWS)


def test_it_prints_in_order_of_return(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    """Rows of two CPUs come one CPU after the other; a row without a duration stands where it began."""
    rows = batch_of(
        {"nr": 110, "ret": 30, "ts": 10**18 + 100, "dur_ns": 50},
        {"nr": 110, "ret": 10, "ts": 10**18 + 90, "dur_ns": 20},
        {"nr": 110, "ret": 20, "ts": 10**18 + 120},
    )
    LiveSink().write(rows)
    out = capfdbinary.readouterr().out.decode()
    assert re.findall(r"= (\d+)", out) == ["10", "20", "30"]
