"""What was there before: processes and descriptors as rows, whatever is in /proc."""

import os
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from capture import patience, procfs, snapshot
from capture.pipeline import Pipeline
from capture.ring import BLOCK
from capture.snapshot import Snapshot
from schemas.record import ABSENT, Kind
from tests.unit.capture.records import columns, record

NOBODY = 2**22 + 1


class Rows:
    """A sink that keeps rows."""

    batch_rows = 2 * BLOCK
    streaming = False
    bytes_written = 0

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []

    def write(self, batch: pa.RecordBatch) -> None:
        """Keep them."""
        batch.validate(full=True)
        self.rows += batch.to_pylist()

    def flush(self, _: pa.RecordBatch) -> None:
        """Nothing."""

    def close(self, _: object) -> None:
        """Nothing."""


@contextmanager
def taking() -> Iterator[tuple[Snapshot, list[dict[str, Any]]]]:
    """A snapshot, and the list in which its rows are afterwards."""
    sink = Rows()
    pipeline = Pipeline(sink, columns(), lambda _: None, lambda *_: None)
    yield Snapshot(pipeline, None), sink.rows
    pipeline.close()


@contextmanager
def program(*command: str, **options: Any) -> Iterator[int]:
    """A process that waits."""
    with subprocess.Popen(command, stdin=subprocess.PIPE, **options) as process:
        time.sleep(0.1)
        yield process.pid
        process.kill()


def test_a_process_and_its_descriptors(tmp_path: Path) -> None:
    """Executable, folder, arguments, start and parent; each descriptor with its target, number and open flags."""
    file = tmp_path / "file"
    with file.open("wb") as out, program("sh", "-c", "read x", "a b", "", stdout=out, cwd=tmp_path) as pid:
        before = time.time_ns()
        with taking() as (taken, rows):
            for _ in taken.take(iter([pid])):
                pass
        process, *descriptors = rows
    assert (process["kind"], process["pid"], process["tid"], process["weight"]) == ("process", pid, pid, 0)
    assert (process["comm"], process["ppid"], process["uid"]) == ("sh", os.getpid(), os.geteuid())
    assert (process["path2"], process["cmdline"]) == (str(tmp_path), "sh -c 'read x' 'a b' ''")
    assert process["path"] == os.fspath(Path(shutil.which("sh") or "").resolve())
    assert 0 <= before - process["arg0"] < 10 * 10**9
    assert taken.note is None
    by_number = {row["fd"]: row for row in descriptors}
    assert (by_number[1]["path"], by_number[1]["arg0"] & os.O_ACCMODE) == (str(file), os.O_WRONLY)
    assert by_number[0]["path"].startswith("pipe:[")
    assert {row["kind"] for row in descriptors} == {"fd"} and by_number[1]["pid"] == pid
    assert all(row["cmdline"] is None and row["ret"] is None for row in descriptors)


def test_who_is_gone_or_ourselves_is_left_out() -> None:
    """No rows, no exception."""
    with taking() as (taken, rows):
        assert len(list(taken.take(iter([NOBODY, os.getpid()])))) == 2
    assert rows == []


def test_it_is_done_in_steps() -> None:
    """One process each, so that the rings are drained in between."""
    with program("sleep", "60") as pid, taking() as (taken, rows):
        steps = taken.take(iter([pid] * 5))
        assert len(list(islice(steps, 2))) == 2
    assert rows == []  # what was begun is handed over at the end, or when there is much of it


def test_it_ends_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host with too much of it is not waited for: what is there is kept, and a note says where it ended."""
    monkeypatch.setattr(snapshot, "MOST_DESCRIPTORS", 0)
    with program("sleep", "60") as pid:
        with taking() as (taken, rows):
            assert len(list(taken.take(iter([pid, pid, pid])))) == 1
        assert f"before pid {pid}" in (taken.note or "")
    assert [row["kind"] for row in rows][:2] == ["process", "fd"]


def test_a_process_that_blocks_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its row has no command line, a note says so, the others have theirs; meanwhile the rings are drained."""
    free = threading.Event()
    with program("sleep", "60") as one, program("sleep", "61") as other:
        read = procfs.cmdline

        def blocked(pid: int) -> bytes | None:
            if pid == one:
                free.wait()
            return read(pid)

        monkeypatch.setattr(procfs, "cmdline", blocked)
        with taking() as (taken, rows):
            assert len(list(taken.take(iter([one, other])))) > 20
            free.set()
        shown = [(row["pid"], row["cmdline"]) for row in rows if row["kind"] == "process"]
        assert shown == [(one, None), (other, "sleep 61")]
        assert taken.note == "command lines that did not come in time, and are NULL: 1"
    while any(thread.name == "patience" for thread in threading.enumerate()):
        time.sleep(0.01)


def test_too_many_that_block(monkeypatch: pytest.MonkeyPatch) -> None:
    """After some, nobody is asked any more."""
    monkeypatch.setattr(patience, "MOST_GIVEN_UP", 1)
    monkeypatch.setattr(snapshot, "Patience", lambda: patience.Patience(0.01))
    free, asked = threading.Event(), []
    monkeypatch.setattr(procfs, "cmdline", lambda pid: (asked.append(pid), free.wait())[0])
    with program("sleep", "60") as pid, taking() as (taken, rows):
        assert list(taken.take(iter([pid, pid, pid])))
        free.set()
    assert asked == [pid]
    assert [row["cmdline"] for row in rows if row["kind"] == "process"] == [None] * 3


def test_a_folder_deeper_than_a_path(tmp_path: Path) -> None:
    """The kernel cannot say where such a process is: the row has no folder, and the capture goes on."""
    deep = f"import os\nfor _ in range(30): os.mkdir('{'d' * 200}'); os.chdir('{'d' * 200}')\ninput()"
    with program("python3", "-c", deep, cwd=tmp_path) as pid:
        folder = Path(f"/proc/{pid}/cwd")
        end = time.monotonic() + 10
        while is_short(folder) and time.monotonic() < end:
            time.sleep(0.02)
        with taking() as (taken, rows):
            taken.add(pid)
            taken.hand_over()
    assert rows[0]["path2"] is None
    assert rows[0]["comm"] == "python3"


def is_short(link: Path) -> bool:
    """Can the kernel say where it leads?"""
    try:
        link.readlink()
    except OSError:
        return False
    return True


def test_memory_is_bounded() -> None:
    """Long command lines are handed over before they fill a buffer, and cut where a piece can be no longer."""
    with taking() as (taken, rows):
        for _ in range(300):
            taken._add(record(kind=Kind.PROCESS), b"/bin/x", None, b"a" * 100_000)
            assert len(taken._content) < 10 << 20
        taken.hand_over()
    assert len(rows) == 300
    assert {(row["path"], row["path2"], row["cmdline"]) for row in rows} == {("/bin/x", None, "a" * (ABSENT - 1))}


def test_many_records_are_handed_over_in_blocks() -> None:
    """As many as the pipeline takes at once, each with its own text."""
    with taking() as (taken, rows):
        for number in range(BLOCK + 10):
            taken._add(record(kind=Kind.FD, ts=number, args=(0, number)), f"/{number}".encode())
        assert len(taken._records) == 10
        taken.hand_over()
        taken.hand_over()
    assert [(row["fd"], row["path"]) for row in rows] == [(number, f"/{number}") for number in range(BLOCK + 10)]


@pytest.mark.parametrize(
    ("text", "flags"), [(b"pos:\t0\nflags:\t0100001\nmnt_id:\t1\n", 0o100001), (b"pos:\t0\n", 0), (None, 0), (b"", 0)]
)
def test_open_flags(text: bytes | None, flags: int) -> None:
    """As /proc/PID/fdinfo has them, in octal; 0 where it cannot be read."""
    assert snapshot._open_flags(text) == flags
    assert np.uint64(flags) == flags
