"""When something goes wrong in the collector itself: what is left, what is said, what a flush secures."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from schemas.journal import journal_path
from tests.contract.harness import CAPTURE, PATIENCE, Recording, recording

pytestmark = pytest.mark.bpf

# The real program with one fault put into it: the words after it are the command line.
FAULTY = """
import sys
from capture.cli import main
{fault}
sys.argv[0] = "capture"
main()
"""
ENCODER = """
from capture.sink.encode import Encoder
encode, turns = Encoder.encode, []
def failing(self, batch, start):
    turns.append(start)
    if start > 4:
        raise MemoryError("no more")
    return encode(self, batch, start)
Encoder.encode = failing
"""
ATTACH = """
from capture.backends.ebpf import EbpfTracing
from capture.errors import PrivilegeError
def refused(self):
    raise PrivilegeError("the kernel refuses to attach")
EbpfTracing.start = refused
"""
NUMBERS = """
from capture import rotation
rotation._GROUPS = 1
"""
CHORES = """
from capture.report import Report
def failing(self, every):
    raise KeyError("a fault of ours")
Report.progress = failing
"""
DRAIN = """
from capture.ring import Rings
blocks, turns = Rings.blocks, []
def failing(self):
    turns.append(0)
    if len(turns) == 4:
        raise KeyError("a fault of ours")
    return blocks(self)
Rings.blocks = failing
"""
MANY = "import os\nfor _ in range(400_000): os.getppid()"


def faulty(fault: str, *words: object) -> subprocess.CompletedProcess[str]:
    """Run it to its end."""
    program = [sys.executable, "-c", FAULTY.format(fault=fault), *map(str, words)]
    return subprocess.run(program, capture_output=True, text=True, timeout=PATIENCE, check=False)


def test_a_writer_that_fails_leaves_a_whole_file(tmp_path: Path) -> None:
    """Memory, a bug, whatever: one line, the sink's status, and a capture that balances, of the rows until then."""
    path = tmp_path / "t.parquet"
    done = faulty(ENCODER, "-w", path, "--flush", "60", "--", sys.executable, "-c", MANY)
    assert done.returncode == 6, done.stderr
    assert "capture: the writer failed (MemoryError: no more); the rows until then are kept." in done.stderr
    assert "Traceback" not in done.stderr
    assert [file.name for file in tmp_path.iterdir()] == ["t.parquet"]
    file = Recording(path, 6, done.stderr).audit()
    assert pq.ParquetFile(path).metadata.num_row_groups == 1
    assert file.counters.dropped["writer"] > 0


@pytest.mark.parametrize("fault", [CHORES, DRAIN], ids=["chores", "drain"])
def test_a_fault_that_nothing_foresaw_leaves_a_whole_file(tmp_path: Path, fault: str) -> None:
    """One line that says what to report, status 1, a file that balances with all until then; the command goes on."""
    path, end = tmp_path / "t.parquet", tmp_path / "end"
    command = [sys.executable, "-c", f"{MANY}\nimport pathlib; pathlib.Path({str(end)!r}).touch()"]
    done = faulty(fault, "-w", path, "--", *command)
    assert done.returncode == 1, done.stderr
    said = "capture: unexpected KeyError: 'a fault of ours'; what was recorded until then is kept, report what "
    assert done.stderr.splitlines()[-1] == said + "SYSTAPE_TRACEBACK=1 shows"
    assert "Traceback" not in done.stderr
    assert not journal_path(path).exists()
    assert Recording(path, 1, done.stderr).audit().counters.written > 0
    until(end.exists)


def test_its_traceback_is_there_for_who_asks(tmp_path: Path) -> None:
    """SYSTAPE_TRACEBACK=1 shows where, and the file is as whole."""
    path = tmp_path / "t.parquet"
    with pytest.MonkeyPatch.context() as given:
        given.setenv("SYSTAPE_TRACEBACK", "1")
        done = faulty(CHORES, "-w", path, "--", "sleep", "1")
    assert done.returncode == 1
    assert done.stderr.endswith("KeyError: 'a fault of ours'\n")
    assert "Traceback" in done.stderr
    Recording(path, 1, done.stderr).audit()


@pytest.mark.parametrize("words", [["doctor", "--no-test"], ["-d"], ["--no-such"]], ids=["doctor", "filter", "wrong"])
def test_an_interrupt_at_the_very_end_is_quiet(words: list[str]) -> None:
    """When the interpreter ends already nobody is told where it was."""
    done = faulty("import atexit, os, signal\natexit.register(os.kill, os.getpid(), signal.SIGINT)", *words)
    assert done.returncode == -signal.SIGINT
    assert "Traceback" not in done.stderr
    assert "KeyboardInterrupt" not in done.stderr


def until(condition: Callable[[], bool]) -> None:
    """Wait for it, for ten seconds."""
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_capture_that_cannot_begin_leaves_nothing(tmp_path: Path) -> None:
    """No empty file, no journal, and the command has not run."""
    done = faulty(ATTACH, "-w", tmp_path / "t.parquet", "--", "touch", tmp_path / "ran")
    assert done.returncode == 3
    assert done.stderr == "capture: the kernel refuses to attach\n"
    assert list(tmp_path.iterdir()) == []


def test_a_file_gets_no_more_row_groups_than_there_are_numbers(tmp_path: Path) -> None:
    """The capture goes on in another one, and says so; both are whole, and no call is missing."""
    path = tmp_path / "t.parquet"
    slow = MANY.replace("os.getppid()", "os.getppid(); _ % 4000 or time.sleep(0.01)").replace("os\n", "os, time\n")
    done = faulty(NUMBERS, "-w", path, "--", sys.executable, "-c", slow)
    assert done.returncode == 0, done.stderr
    assert f"capture: {path} is finished" in done.stderr
    files = [Recording(file, 0, "").audit() for file in tmp_path.glob("*.parquet")]
    assert len(files) >= 2
    assert sum(file.calls(syscall="getppid").num_rows for file in files) == 400_000


def test_repair_takes_many(tmp_path: Path) -> None:
    """Each is done, whatever is wrong with the one before."""
    for name in ("a", "c"):
        with recording(tmp_path / f"{name}.parquet", "-e", "getppid") as running:
            running.process.kill()
            running.process.wait()
    (tmp_path / "b.parquet").write_text("PAR1, but no end")
    files = [tmp_path / f"{name}.parquet" for name in "abc"]
    done = subprocess.run([CAPTURE, "repair", *files], capture_output=True, text=True, check=False)
    assert done.returncode == 6
    assert "b.parquet.journal is not beside it" in done.stderr
    assert "Traceback" not in done.stderr
    assert [pq.ParquetFile(file).metadata is not None for file in (files[0], files[2])] == [True, True]


def test_nobody_reads_what_is_said(tmp_path: Path) -> None:
    """The recording goes on, over a seam too, and ends as ever."""
    path = tmp_path / "t.parquet"
    words = [CAPTURE, "-w", path, "-e", "getppid", "--stats", "0.1"]
    with subprocess.Popen(words, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        assert b"recording" in process.stderr.readline()
        process.stderr.close()
        time.sleep(0.3)
        process.send_signal(signal.SIGHUP)
        end = time.monotonic() + 20
        while not path.with_name("t1.parquet").exists():
            assert time.monotonic() < end
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
    assert [Recording(file, 0, "").audit().status for file in tmp_path.iterdir()] == [0, 0]


def test_unbuffered(tmp_path: Path) -> None:
    """With -U a call is safe at once, where the flush would come in a minute."""
    path = tmp_path / "t.parquet"
    command = ["sh", "-c", "read x; cat /no/such/file; echo; exec sleep 60"]
    with recording(path, "--flush", "60", "-U", command=command, stdin=subprocess.PIPE) as running:
        assert running.process.stdin is not None
        assert running.process.stdout is not None
        running.process.stdin.write(b"go\n")
        running.process.stdin.close()
        assert running.process.stdout.read(1) == b"\n"
        time.sleep(0.5)
        running.process.kill()
        os.killpg(running.process.pid, signal.SIGKILL)
        running.process.wait()
    subprocess.run([CAPTURE, "repair", path], check=True, capture_output=True)
    assert "/no/such/file" in Recording(path, 0, "").calls()["path"].to_pylist()


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed: apt-get install strace")
def test_durable(tmp_path: Path) -> None:
    """With --durable each flush is on the disk when it is done: the journal's data sync, then no more."""
    counts = []
    for options in ([], ["--durable"]):
        path, log = tmp_path / f"{len(counts)}.parquet", tmp_path / "log"
        words = ["strace", "-f", "-o", log, "-e", "trace=fdatasync", CAPTURE, "-w", path, "--flush", "0.2", *options]
        done = subprocess.run([*words, "--", "sleep", "1"], capture_output=True, timeout=PATIENCE, check=False)
        assert done.returncode == 0, done.stderr
        counts.append(log.read_text().count("fdatasync("))
    assert counts[0] == 0
    assert counts[1] >= 2
