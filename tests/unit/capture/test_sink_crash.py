"""A capture survives its writer: killed at any instant, on a full disk, repaired any number of times."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from capture.errors import SinkError
from capture.repair import repair
from capture.sink import store
from capture.sink.parquet import ParquetSink
from schemas.arrow import Key
from schemas.capture_file import open_capture_file
from schemas.journal import journal_path
from tests.often import often
from tests.rows import batch_of, plain_rows

# Writes rows numbered from 0 for ever, three flushes and a write in turn, and says after each how many rows are safe.
# Now and then it closes the file, begins another, and says so.
WRITER = """
import os, sys
from pathlib import Path
from capture.sink import store
from capture.sink.parquet import ParquetSink
from tests.rows import plain_rows

store._DEAD_MOST = 30_000  # so that the journal is shortened often

def say(word, rows):
    os.write(1, f"{word} {rows}\\n".encode())  # in one piece, or not at all

size, path = int(sys.argv[1]), Path(sys.argv[2])
everything = plain_rows(40 * size)
while True:
    sink = ParquetSink(path, {"systape.host": "here"}, force=True)
    say("begin", 0)
    for first in range(0, 40 * size, 4 * size):
        for at in range(first, first + 3 * size, size):
            sink.flush(everything.slice(at, size))
            say("safe", at + size)
        sink.write(everything.slice(first, 4 * size))
        say("safe", first + 4 * size)
    say("closing", 40 * size)
    sink.close({"systape.end": "now"})
    say("closed", 40 * size)
"""


def killed(path: Path, size: int, after: float) -> tuple[str, int]:
    """Run the writer and kill it; the last thing it said."""
    command = [sys.executable, "-c", WRITER, str(size), str(path)]
    writer = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3])
    assert writer.stdout is not None
    with writer, writer.stdout:
        said = [writer.stdout.readline()]
        time.sleep(after)
        writer.send_signal(signal.SIGKILL)
        said += writer.stdout.read().splitlines()
    word, rows = said[-1].split()
    return word, int(rows)


def numbers(path: Path) -> list[int]:
    """The numbers of the rows that can be read, whatever the state of the capture."""
    with open_capture_file(path) as capture:
        assert not capture.live
        return capture.read(["dur_ns"])["dur_ns"].to_pylist()


def check_kill(path: Path, size: int, after: float) -> None:
    """One kill: nothing acknowledged is missing, nothing is doubled, before and after repair."""
    word, safe = killed(path, size, after)
    # Between "begin" and the next word, or "closed" and the next, another file may have been begun.
    least, most = {"begin": (0, size), "closed": (0, safe)}.get(word, (safe, safe + 4 * size))
    if word == "closed" and not path.exists():
        return  # the old file was removed and the new one not made yet
    found = numbers(path)
    assert found == list(range(len(found))), f"a row is missing or doubled after {word} {safe}"
    assert least <= len(found) <= most, f"{len(found)} rows after {word} {safe}"
    repair(path)
    assert numbers(path) == found
    assert pq.read_table(path, page_checksum_verification=True)["dur_ns"].to_pylist() == found
    assert not journal_path(path).exists()


@pytest.mark.parametrize("size", [7, 1000])
def test_kill_at_any_instant(tmp_path: Path, size: int) -> None:
    """After kill -9 every acknowledged row is there once, in order, before and after repair."""
    chance = random.Random(size)
    for _ in range(10):
        check_kill(tmp_path / "trace.parquet", size, chance.uniform(0, 0.15))


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_kill_many_times(tmp_path: Path) -> None:
    """The same, often enough to hit the rare instants."""
    chance = random.Random(0)
    for _ in range(often(40, 400)):
        check_kill(tmp_path / "trace.parquet", chance.choice([1, 50, 3000]), chance.uniform(0, 0.3))


def test_repair_can_be_cut_short(tmp_path: Path) -> None:
    """Whatever repair has done when it dies, repairing again gives the same file; end metadata survives that too."""
    path = tmp_path / "trace.parquet"
    sink = ParquetSink(path, {Key.HOST: "here"})
    sink.write(plain_rows(100))
    sink.flush(plain_rows(30, 100))
    sink._store._keep_metadata()
    sink._store.journal.metadata = {Key.END: "now"}
    sink._store._keep_metadata()
    unfinished = sink.bytes_written
    sink._store.release()
    before, journal = path.read_bytes(), journal_path(path).read_bytes()
    repair(path)
    whole = path.read_bytes()
    assert pq.read_schema(path).metadata == {b"systape.host": b"here", b"systape.end": b"now"}
    for written in (unfinished, (unfinished + len(whole)) // 2, len(whole) - 8, len(whole)):
        for reserve in (before[written:], b""):
            path.write_bytes(whole[:written] + reserve)
            journal_path(path).write_bytes(journal)
            assert numbers(path) == list(range(130))
            repair(path)
            assert path.read_bytes() == whole


def test_killed_before_the_first_record(tmp_path: Path) -> None:
    """A capture killed at its very beginning is an empty one."""
    for data, journal in ((b"", None), (b"", b""), (b"PAR1", b"SYST"), (b"PAR1", b"SYSTAPE\x01HEAD")):
        path = tmp_path / "trace.parquet"
        path.write_bytes(data)
        if journal is not None:
            journal_path(path).write_bytes(journal)
        assert numbers(path) == []
        assert repair(path).rows == 0
        assert numbers(path) == []


def test_killed_beside_an_old_journal(tmp_path: Path) -> None:
    """A journal that was left by an older capture of that name says nothing about one that had just begun."""
    path = tmp_path / "trace.parquet"
    sink = ParquetSink(path, {})
    sink.write(plain_rows(100))
    sink.flush(plain_rows(30, 100))
    sink._store.release()
    path.write_bytes(b"")
    assert numbers(path) == []
    assert repair(path).rows == 0
    assert numbers(path) == []


def test_live_capture(tmp_path: Path) -> None:
    """While the writer lives its rows can be read, it is seen to live, and neither repair nor --force touches it."""
    path = tmp_path / "trace.parquet"
    sink = ParquetSink(path, {})
    sink.write(plain_rows(10))
    sink.flush(plain_rows(5, 10))
    with open_capture_file(path) as capture:
        assert capture.live
        assert capture.tail.num_rows == 5
        assert capture.read(["dur_ns"])["dur_ns"].to_pylist() == list(range(15))
    with pytest.raises(SinkError, match="still being written"):
        repair(path)
    with pytest.raises(SinkError, match="still being written"):
        ParquetSink(path, {}, force=True)
    sink.write(plain_rows(10, 10))
    sink.close({})
    assert numbers(path) == list(range(20))


def test_dead_tail_takes_no_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows that came into a row group do not go on taking space in the journal, and nothing else is lost with them."""
    monkeypatch.setattr(store, "_DEAD_MOST", 1_000_000)
    path = tmp_path / "trace.parquet"
    sink = ParquetSink(path, {Key.HOST: "here"})
    most = 0
    for first in range(0, 600_000, 20_000):
        rows = noise(20_000, first)
        for part in range(0, 20_000, 5000):
            sink.flush(rows.slice(part, 5000))
        most = max(most, journal_path(path).stat().st_size)
        with open_capture_file(path) as capture:
            assert capture.journal.schema.metadata == {b"systape.host": b"here"}
            assert capture.read(["dur_ns"]).num_rows == first + 20_000
        sink.write(rows)
    assert most < 6_000_000
    sink.close({})
    assert numbers(path) == list(range(600_000))
    assert list(tmp_path.iterdir()) == [path]


def test_journal_that_cannot_be_shortened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then it stays long, and that is all."""
    monkeypatch.setattr(store, "_DEAD_MOST", 0)
    path = tmp_path / "trace.parquet"
    (tmp_path / "trace.parquet.journal.next").mkdir()
    sink = ParquetSink(path, {})
    for first in range(0, 200, 20):
        sink.flush(plain_rows(10, first))
        sink.write(plain_rows(20, first))
    (tmp_path / "trace.parquet.journal.next").rmdir()
    sink.close({})
    assert numbers(path) == list(range(200))


@pytest.fixture(params=["tmpfs", "ext4"])
def small_disk(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """A file system of 16 MB."""
    where = tmp_path / "disk"
    where.mkdir()
    if request.param == "tmpfs":
        mount = ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(where)]
    else:
        image = tmp_path / "image"
        with image.open("wb") as file:
            file.truncate(16 << 20)
        maker = shutil.which("mkfs.ext4", path=os.environ["PATH"] + ":/sbin:/usr/sbin")
        if maker is None or subprocess.run([maker, "-q", str(image)], check=False).returncode:
            pytest.skip("needs mkfs.ext4")
        mount = ["mount", "-o", "loop", str(image), str(where)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip(f"cannot mount a {request.param} here")
    yield where
    subprocess.run(["umount", str(where)], check=True)


def noise(rows: int, first: int) -> pa.RecordBatch:
    """Rows numbered from `first` that take about 50 bytes each, however they are encoded."""
    numbers = np.random.default_rng(first).integers(-(2**62), 2**62, (6, rows))
    arguments = {f"arg{n}": column for n, column in enumerate(numbers)}
    return batch_of({"dur_ns": np.arange(first, first + rows), **arguments}, rows)


@pytest.mark.root
@pytest.mark.parametrize("ending", ["close", "kill"])
def test_full_disk(small_disk: Path, ending: str) -> None:
    """On a full disk the error says so, what was safe stays readable, and the file can still be finished."""
    path = small_disk / "trace.parquet"
    sink = ParquetSink(path, {})
    safe = 0
    try:
        with pytest.raises(SinkError, match=r"No space left on device; free space") as error:
            for first in range(0, 1_000_000, 10_000):
                batch = noise(10_000, first)
                sink.flush(batch.slice(0, 3000))
                safe = first + 3000
                sink.write(batch)
                safe = first + 10_000
        assert "trace.parquet" in str(error.value)
        with open_capture_file(path) as capture:
            assert capture.read(["dur_ns"])["dur_ns"].to_pylist() == list(range(safe))
        fill(small_disk / "the rest")
    finally:
        if ending == "close":
            sink.close({Key.END: "now"})
        else:
            sink._store.release()
            repair(path)
    assert numbers(path) == list(range(safe))
    assert not journal_path(path).exists()


def fill(path: Path) -> None:
    """Leave not a byte free."""
    with path.open("wb", buffering=0) as file:
        try:
            while file.write(bytes(4096)) == 4096:
                pass
        except OSError:
            return


@pytest.mark.root
def test_disk_full_for_a_while(small_disk: Path) -> None:
    """Rows that could not be written are gone, those a flush had secured are not, and later ones follow."""
    path = small_disk / "trace.parquet"
    sink = ParquetSink(path, {})
    sink.write(plain_rows(1000))
    sink.flush(plain_rows(200, 1000))
    fill(small_disk / "other")
    try:
        with pytest.raises(SinkError, match="No space left"):
            sink.write(noise(60_000, 1000))
        with pytest.raises(SinkError, match="No space left"):
            sink.write(noise(60_000, 3000))
        (small_disk / "other").unlink()
        sink.flush(plain_rows(10, 70_000))
        sink.write(plain_rows(20, 70_000))
    finally:
        sink.close({})
    assert numbers(path) == [*range(1200), *range(70_000, 70_020)]
