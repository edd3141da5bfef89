"""How a capture ends: by signal, by its command, by the death of its reader or of itself; and what is left behind."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from schemas.arrow import EVENTS
from tests.contract.conftest import Build
from tests.contract.harness import CAPTURE, PATIENCE, Running, record, recording

pytestmark = [pytest.mark.root, pytest.mark.bpf]

NOBODY = 65534


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_signals_stop(tmp_path: Path, number: int) -> None:
    """INT and TERM end the capture: status 0, a whole file, the account in words, the next command to type."""
    with recording(tmp_path / "t.parquet") as running:
        time.sleep(0.1)
        result = running.stop(number).audit()
    assert result.status == 0
    assert re.search(r"^[\d,]+ calls seen$", result.said, re.M)
    assert result.said.splitlines()[-1] == f"next: analyze summary {result.path}"
    assert [path.name for path in tmp_path.iterdir()] == ["t.parquet"]


def test_a_second_int_does_not_wait(tmp_path: Path, workload: Build) -> None:
    """It ends at once with 130 and says how to finish the file; repaired, the file holds what was flushed."""
    path = tmp_path / "t.parquet"
    with subprocess.Popen([workload("calls"), "2", "1000000"], process_group=0) as busy:
        with recording(path, "--flush", "0.1", "-p", str(busy.pid)) as running:
            wait_until(lambda: path.with_name(path.name + ".journal").stat().st_size > 100_000)
            os.kill(running.pid, signal.SIGTERM)
            status = Path(f"/proc/{running.pid}/status")
            while not re.search(r"^ShdPnd:\s*0+$", status.read_text(), re.M):
                time.sleep(0.001)
            os.kill(running.pid, signal.SIGINT)  # while the first one is being worked on
            result = running.stop(None)
        os.killpg(busy.pid, signal.SIGKILL)
    assert result.status == 130
    assert f"capture repair {path}" in result.said
    repaired = subprocess.run([CAPTURE, "repair", path], capture_output=True, text=True, check=True)
    assert re.search(r"[\d,]+ rows", repaired.stdout)
    assert result.calls().num_rows > 1000
    assert [path.name for path in tmp_path.iterdir()] == ["t.parquet"]


def test_usr1_shows_the_counters_and_goes_on(tmp_path: Path) -> None:
    """A line of counters on standard error, even with -q, as often as asked; the recording is not disturbed."""
    with recording(tmp_path / "t.parquet") as running:
        for count in (1, 2):
            os.kill(running.pid, signal.SIGUSR1)
            end = time.monotonic() + 5
            while running.said.count(b" dropped, ") < count and time.monotonic() < end:
                running.wait_for("calls seen, ")
                time.sleep(0.05)
                running.said += os.read(running.process.stderr.fileno(), 4096) if _readable(running) else b""
        result = running.stop().audit()
    lines = re.findall(r"^capture: \d+ s, [\d,]+ calls seen, [\d,]+/s, [\d,]+ dropped, .*$", result.said, re.M)
    assert len(lines) == 2


def _readable(running: Running) -> bool:
    return bool(running._selector.select(0))


@pytest.mark.parametrize(
    ("script", "status"), [("exit 0", 0), ("exit 7", 7), ("kill -KILL $$", 137), ("kill -TERM $$", 143)]
)
def test_the_status_of_the_command_is_passed_on(tmp_path: Path, script: str, status: int) -> None:
    """Its own, or 128 + N after signal N, as a shell and strace do."""
    result = record(tmp_path / "t.parquet", command=["sh", "-c", script])
    assert result.status == status
    result.audit()


def test_the_command_gets_the_signal(tmp_path: Path) -> None:
    """A signal that stops the capture is passed on to the command, whose status is then the capture's."""
    with recording(
        tmp_path / "t.parquet", command=["sh", "-c", "trap 'exit 9' TERM; while :; do sleep 0.05; done"]
    ) as run:
        time.sleep(0.3)
        result = run.stop(signal.SIGTERM).audit()
    assert result.status == 9


def test_a_command_that_ignores_int_runs_on(tmp_path: Path) -> None:
    """The capture ends all the same, with 130, and the command goes on untraced and unharmed."""
    pids = tmp_path / "pid"
    command = ["sh", "-c", f"trap '' INT; echo $$ > {pids}; exec sleep 60 >/dev/null 2>&1"]
    with recording(tmp_path / "t.parquet", command=command) as running:
        wait_until(lambda: pids.exists() and pids.read_text().strip())
        time.sleep(0.2)
        result = running.stop(signal.SIGINT)
    pid = int(pids.read_text())
    try:
        assert Path(f"/proc/{pid}/comm").read_text() == "sleep\n"
        assert result.status == 130
        result.audit()
    finally:
        os.kill(pid, signal.SIGKILL)


def test_the_command_of_another_user(tmp_path: Path) -> None:
    """-u USER: every call of the command is that user's, the first execve too, and so are its groups."""
    result = record(tmp_path / "t.parquet", "-u", "nobody", command=["sh", "-c", "id -u; id -G"])
    assert result.out.split() == [str(NOBODY), str(NOBODY)]
    assert set(result.audit().calls()["uid"].to_pylist()) == {NOBODY}


def test_the_environment_of_the_command_is_the_callers(tmp_path: Path) -> None:
    """Standard input, folder, variables and ignored signals come through; SIGPIPE ends it as it should."""
    script = "cat; pwd; echo $SYSTAPE_TEST; yes | head -1; kill -PIPE $$"
    words = [CAPTURE, "-q", "-w", "t.parquet", "--", "sh", "-c", script]
    done = subprocess.run(
        words, input=b"in\n", capture_output=True, cwd=tmp_path, env={**os.environ, "SYSTAPE_TEST": "here"}, check=False
    )
    assert done.stdout.decode().split() == ["in", str(tmp_path), "here", "y"]
    assert (done.returncode, done.stderr) == (128 + signal.SIGPIPE, b"")


def test_the_command_ignores_what_the_caller_ignores(tmp_path: Path) -> None:
    """Below nohup, or in a script's background, it is as without us."""
    script = "trap '' HUP INT USR1; grep SigIgn /proc/self/status; \"$@\" grep SigIgn /proc/self/status"
    words = ["sh", "-c", script, "sh", CAPTURE, "-q", "-w", str(tmp_path / "t.parquet"), "--"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE, check=True)
    before, below = done.stdout.splitlines()
    assert below == before


def test_a_reader_that_goes_ends_a_live_capture_quietly(tmp_path: Path) -> None:
    """The reader goes after the first call: one line, status 0, not a word of a pipe. Signals have no `(`."""
    script = f"{CAPTURE} -q -e getppid,wait4 2>{tmp_path}/said | grep -m 1 '[(]'; echo ${{PIPESTATUS[0]}}"
    with subprocess.Popen(["bash", "-c", "while :; do /bin/true; done"], process_group=0) as busy:
        done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=PATIENCE, check=True)
        os.killpg(busy.pid, signal.SIGKILL)
    line, status = done.stdout.splitlines()
    assert re.search(r"wait4|getppid", line)
    assert status == "0"
    assert (tmp_path / "said").read_text() == ""


def test_a_stream_on_standard_output(workload: Build) -> None:
    """`-w -` is an Arrow stream of the schema, and nothing else."""
    words = [
        CAPTURE,
        "-q",
        "-w",
        "-",
        "-c",
        "100",
        "-e",
        "getppid",
        "--",
        "sh",
        "-c",
        f"{workload('calls')} 2 > /dev/null",
    ]
    done = subprocess.run(words, capture_output=True, timeout=PATIENCE, check=False)
    with pa.ipc.open_stream(done.stdout) as stream:
        assert stream.schema.names == EVENTS.names
        rows = stream.read_all().select(["kind", "syscall"]).to_pylist()
    assert rows.count({"kind": "syscall", "syscall": "getppid"}) == 100


def wait_until(true: Callable[[], object], patience: float = 20) -> None:
    """Ask until it is so."""
    end = time.monotonic() + patience
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_collector_killed_before_it_records_takes_its_command_along(tmp_path: Path) -> None:
    """The command waits for the recording; without a collector it never runs."""
    words = [CAPTURE, "-w", str(tmp_path / "t.parquet"), "--", "touch", str(tmp_path / "ran")]
    with subprocess.Popen(words, stderr=subprocess.DEVNULL) as process:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        while not (words := children.read_text().split()):
            time.sleep(0.005)
        process.kill()
    end = time.monotonic() + 5
    while Path(f"/proc/{words[0]}").exists() and time.monotonic() < end:
        time.sleep(0.02)
    assert not Path(f"/proc/{words[0]}").exists()
    assert not (tmp_path / "ran").exists()
