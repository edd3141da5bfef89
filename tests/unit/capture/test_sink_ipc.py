"""The Arrow stream: what a reader gets while it is written, after a kill, and what the writer notices."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest

from capture.errors import ReaderGone, SinkError
from capture.sink import open_sink
from capture.sink.ipc import IpcSink
from schemas.arrow import EVENTS
from tests.rows import names, plain_rows

KINDS = {field.name: field.type for field in EVENTS}


def test_reader_reads_along() -> None:
    """A batch can be read as soon as it is written, before anything else is."""
    here, there = os.pipe()
    sink = IpcSink(there, "standard output", {})
    sink.write(plain_rows(10))
    with os.fdopen(here, "rb") as reader, pa.ipc.open_stream(reader) as stream:
        assert stream.read_next_batch()["dur_ns"].to_pylist() == list(range(10))
        sink.write(plain_rows(5, 10))
        assert stream.read_next_batch()["dur_ns"].to_pylist() == list(range(10, 15))
        sink.close({"systape.end": "now"})
        last, metadata = stream.read_next_batch_with_custom_metadata()
        assert (last.num_rows, dict(metadata)) == (0, {b"systape.end": b"now"})
        with pytest.raises(StopIteration):
            stream.read_next_batch()


def test_reader_goes() -> None:
    """When nobody reads any more the writer is told so, each time, and can still close."""
    here, there = os.pipe()
    sink = IpcSink(there, "standard output", {})
    os.close(here)
    for _ in range(2):
        with pytest.raises(ReaderGone, match="whoever read standard output has gone"):
            sink.write(plain_rows(10))
    sink.close({})


def test_dictionaries_change(tmp_path: Path) -> None:
    """Dictionaries that grow, shrink or are others from batch to batch give the right words."""
    path = tmp_path / "trace.arrows"
    sink = open_sink(str(path), lambda _: {})
    wanted = []
    for words in (["a"], ["a", "b"], ["b"], ["c", "a"], ["c", "a", "d"]):
        batch = plain_rows(4)
        comm = names(batch["dur_ns"].to_numpy() % len(words), words, KINDS["comm"])
        batch = batch.set_column(6, EVENTS.field("comm"), comm)
        wanted += comm.to_pylist()
        sink.write(batch)
    sink.close({})
    with pa.ipc.open_stream(path.read_bytes()) as stream:
        assert [word for batch in stream for word in batch["comm"].to_pylist()] == wanted


def test_killed(tmp_path: Path) -> None:
    """After kill -9 every batch that was written can be read."""
    path = tmp_path / "trace.arrows"
    program = (
        "import sys, time; from capture.sink import open_sink; from tests.rows import plain_rows\n"
        "sink = open_sink(sys.argv[1], lambda _: {})\n"
        "for n in range(9): sink.write(plain_rows(100, 100 * n))\n"
        "print(flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", program, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[3]) as writer:
        assert writer.stdout is not None
        writer.stdout.readline()
        writer.send_signal(signal.SIGKILL)
    with pa.ipc.open_stream(path.read_bytes()) as stream:
        assert stream.read_all()["dur_ns"].to_pylist() == list(range(900))


def test_disk_full(monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk is said so, with what to do."""
    sink = IpcSink(os.open("/dev/full", os.O_WRONLY), "x.arrows", {})
    with pytest.raises(SinkError, match=r"x.arrows: No space left on device; free space"):
        sink.write(plain_rows(10))
    sink.close({})


def test_pipe_with_a_name(tmp_path: Path) -> None:
    """A named pipe is opened, not replaced; an existing file is not overwritten."""
    pipe, file = tmp_path / "pipe.arrows", tmp_path / "file.arrows"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    sink = open_sink(str(pipe), lambda _: {})
    sink.write(plain_rows(1))
    assert os.read(reader, 4) == b"\xff\xff\xff\xff"
    sink.close({})
    os.close(reader)
    file.write_text("precious")
    with pytest.raises(SinkError, match="exists"):
        open_sink(str(file), lambda _: {})
    assert file.read_text() == "precious"
