"""After every way of ending nothing is left: in the kernel, of processes, on the disk, in the programs traced."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.contract.conftest import Build
from tests.contract.harness import CAPTURE, WHY_NOT, Recording, Running, recording
from tests.contract.left_behind import bpf_ids, in_session, left_over, pinned, status

pytestmark = [
    pytest.mark.root,
    pytest.mark.bpf,
    pytest.mark.skipif(shutil.which("bpftool") is None, reason="bpftool is not installed: apt-get install bpftool"),
]

BROKEN = """
from capture import recorder
from capture.cli import main

keep_house = recorder.Recorder._keep_house
turns = []
def broken(self):
    keep_house(self)
    turns.append(self)
    assert len(turns) < 9, "broken on purpose"
recorder.Recorder._keep_house = broken
main()
"""


def by(*numbers: int) -> Callable[[Running], None]:
    """An end by signals, each sent when the one before is being dealt with."""

    def end(running: Running) -> None:
        status = Path(f"/proc/{running.process.pid}/status")
        for number in numbers:
            while not re.search(r"^ShdPnd:\s*0+$", status.read_text(), re.M):
                time.sleep(0.001)
            os.kill(running.process.pid, number)
            time.sleep(0.01)  # Python runs handlers of signals that it finds together by number, not as they came

    return end


def by_itself(running: Running) -> None:
    """An end that needs nobody."""


WAYS = {
    "INT": (by(signal.SIGINT), 0),
    "TERM": (by(signal.SIGTERM), 0),
    "INT after TERM": (by(signal.SIGTERM, signal.SIGINT), 130),
    "KILL": (by(signal.SIGKILL), -signal.SIGKILL),
    "error": (by_itself, 1),
    "full disk": (by_itself, 6),
}
HOW = {"core": ("--loader", "core"), "bcc": ("--loader", "bcc"), "ptrace": ("--backend", "ptrace")}
CASES = [(how, way) for how in HOW for way in WAYS if how != "bcc" or way in ("KILL", "error")]


@pytest.fixture
def busy(workload: Build) -> Iterator[int]:
    """A process that makes calls for as long as it is left to."""
    with subprocess.Popen([workload("calls"), "1", "1000000"], process_group=0, stdout=subprocess.DEVNULL) as process:
        yield process.pid
        os.killpg(process.pid, signal.SIGKILL)


@pytest.mark.parametrize(("how", "way"), CASES)
def test_nothing_is_left(tmp_path: Path, busy: int, small_disk: Path, how: str, way: str) -> None:
    """No program, map, link, pin, process, temporary file; the traced process runs, untraced and without a filter."""
    if WHY_NOT.get(how):
        pytest.skip(str(WHY_NOT[how]))
    end, expected = WAYS[way]
    temporary, pins, shared = tmp_path / "tmp", pinned(), set(Path("/dev/shm").iterdir())
    temporary.mkdir()
    folder = small_disk if way == "full disk" else tmp_path / "out"
    folder.mkdir(exist_ok=True)
    program = (sys.executable, "-c", BROKEN) if way == "error" else (CAPTURE,)
    options = [*HOW[how], "-p", str(busy), "--flush", "0.2", "-s", "16"]
    with recording(
        folder / "t.parquet", *options, program=program, env={**os.environ, "TMPDIR": str(temporary)}
    ) as run:
        ids = bpf_ids(run.process.pid)
        assert (how == "ptrace") == (ids == set()), ids
        time.sleep(0.3)
        end(run)
        said = run.said + run.process.communicate(timeout=60)[1]
        assert run.process.returncode == expected, said.decode()
        assert in_session(run.process.pid) == set()
    assert left_over(ids) == []
    assert pinned() == pins
    assert set(Path("/dev/shm").iterdir()) - shared == set()
    assert list(temporary.iterdir()) == []
    left = {path.name for path in folder.iterdir()}
    unfinished = expected in (130, -signal.SIGKILL)
    assert left == ({"t.parquet", "t.parquet.journal"} if unfinished else {"t.parquet"})
    traced = status(busy)
    assert (traced["State"][0] in "RS", traced["TracerPid"], traced["Seccomp"]) == (True, "0", "0")
    if unfinished:
        subprocess.run([CAPTURE, "repair", folder / "t.parquet"], capture_output=True, check=True)
    else:
        assert Recording(folder / "t.parquet", expected, "").audit().calls(pid=busy).num_rows > 100


@pytest.mark.parametrize("how", ["core", "ptrace"])
def test_the_command_inherits_nothing(tmp_path: Path, how: str) -> None:
    """Of what the collector has open, no descriptor comes to the command: no map, no file, no pipe."""
    script = "ls -l /proc/self/fd | sed 's/.* -> //' | grep -vE '^total|/fd$|^pipe|^/dev/null'; exit 0"
    words = [CAPTURE, "-q", *HOW[how], "-w", str(tmp_path / "t.parquet"), "--", "bash", "-c", script]
    done = subprocess.run(words, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=True)
    assert (done.stdout, done.stderr) == ("", "")
