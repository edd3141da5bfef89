"""What a user gets wrong: one line that says what, where and what to do, a status of its own, nothing left behind."""

import os
import pty
import subprocess
from pathlib import Path

import pytest

from tests.contract.harness import CAPTURE, PATIENCE, WHY_NOT

pytestmark = [pytest.mark.root, pytest.mark.bpf]

USAGE, TARGET, SINK, NOT_RUNNABLE, NOT_FOUND = 2, 5, 6, 126, 127


def refuse(folder: Path, *words: str) -> tuple[int, str]:
    """Status and the one line that `capture` says to these words, run in the folder."""
    done = subprocess.run([CAPTURE, *words], capture_output=True, text=True, cwd=folder, timeout=PATIENCE, check=False)
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    (line,) = [line for line in done.stderr.splitlines() if "recording" not in line]
    return done.returncode, line


def dead_pid() -> str:
    """A number that no process has."""
    with subprocess.Popen(["true"]) as process:
        return str(process.pid)


WRITE = ["-w", "t.parquet"]
CASES = {
    "no such call": (
        [*WRITE, "-e", "opennat"],
        USAGE,
        "capture: -e 'opennat', column 1: unknown system call 'opennat'; nearest: openat",
    ),
    "no such class": ([*WRITE, "-e", "%nett"], USAGE, "%net"),
    "no regular expression": ([*WRITE, "-e", "/("], USAGE, "column 1"),
    "empty expression": ([*WRITE, "-e", ""], USAGE, "none"),
    "size without sense": ([*WRITE, "-B", "lots"], USAGE, "64k"),
    "ring too small": ([*WRITE, "-B", "1k"], USAGE, "4k"),
    "ring too large": ([*WRITE, "-B", "2g"], USAGE, "1g"),
    "time without sense": ([*WRITE, "--min-latency", "soon"], USAGE, "1ms"),
    "no such user to record": ([*WRITE, "--uid", "no-such-user"], USAGE, "getent"),
    "no such user to run as": ([*WRITE, "-u", "no-such-user", "--", "true"], USAGE, "getent"),
    "a user but no command": ([*WRITE, "-u", "nobody"], USAGE, "--"),
    "a pid and a command": ([*WRITE, "-p", "1", "--", "true"], USAGE, "-p"),
    "no such loader": ([*WRITE, "--loader", "other"], USAGE, "core"),
    "name too long": ([*WRITE, "--comm", "x" * 16], USAGE, "15"),
    "too many names": ([*WRITE, *[word for n in range(17) for word in ("--comm", f"a{n}")]], USAGE, "16"),
    "no such group": ([*WRITE, "--cgroup", "/no/such"], TARGET, "/proc/PID/cgroup"),
    "dead process": ([*WRITE, "-p", "DEAD"], TARGET, "ps -e"),
    "no such command": ([*WRITE, "--", "no-such-command"], NOT_FOUND, "PATH"),
    "no such path": ([*WRITE, "--", "./no-such-command"], NOT_FOUND, "name"),
    "not executable": ([*WRITE, "--", "./plain"], NOT_RUNNABLE, "executable"),
    "a folder": ([*WRITE, "--", "./folder"], NOT_RUNNABLE, "executable"),
    "file in no folder": (["-w", "none/t.parquet"], SINK, "folder"),
    "file below a file": (["-w", "plain/t.parquet"], SINK, "plain"),
    "name of a folder": (["-w", "folder"], SINK, "folder"),
    "file that is there": (["-w", "old.parquet"], SINK, "--force"),
    "read-only place": (["-w", "/proc/t.parquet"], SINK, "/proc"),
}


@pytest.mark.parametrize("case", CASES)
def test_one_line_and_a_status(tmp_path: Path, case: str) -> None:
    """It says what was wrong and holds the word that helps; no file is made, none is changed."""
    words, status, hint = CASES[case]
    (tmp_path / "plain").write_text("not a program")
    (tmp_path / "old.parquet").write_text("old")
    (tmp_path / "folder").mkdir()
    found, line = refuse(tmp_path, *[dead_pid() if word == "DEAD" else word for word in words])
    assert (found, hint in line) == (status, True), line
    assert line.startswith("capture: ")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "old.parquet", "plain"]
    assert (tmp_path / "old.parquet").read_text() == "old"


def test_options_that_the_parser_refuses(tmp_path: Path) -> None:
    """An unknown option, a value out of range, a word for a number: status 2, one line, nothing written."""
    for words in (["--no-such"], ["-c", "0"], ["-c", "many"], ["-p", "x"], ["--flush", "0"], ["--stats", "-1"]):
        status, line = refuse(tmp_path, *WRITE, *words)
        assert (status, line.endswith("; try: capture -h")) == (USAGE, True), line
        assert words[0].strip("-") in line
    assert list(tmp_path.iterdir()) == []


def test_a_command_that_the_kernel_refuses(tmp_path: Path) -> None:
    """Its interpreter is missing: status 126, one line, and the capture of the attempt is a whole file or none."""
    script = tmp_path / "script"
    script.write_text("#!/no/such/interpreter\n")
    script.chmod(0o755)
    done = subprocess.run(
        [CAPTURE, *WRITE, "--", "./script"], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert done.returncode == NOT_RUNNABLE
    assert "Traceback" not in done.stderr
    assert any(line.startswith("capture: cannot run ./script") for line in done.stderr.splitlines())
    assert not (tmp_path / "t.parquet.journal").exists()


def test_no_binary_on_a_terminal() -> None:
    """`-w -` is refused where standard output is a terminal."""
    master, slave = pty.openpty()
    try:
        words = [CAPTURE, "-w", "-"]
        done = subprocess.run(words, stdout=slave, stderr=subprocess.PIPE, text=True, timeout=PATIENCE, check=False)
        os.set_blocking(master, False)
        with pytest.raises(BlockingIOError):
            os.read(master, 1)
    finally:
        os.close(master)
        os.close(slave)
    assert done.returncode in (USAGE, SINK), done.stderr
    assert "terminal" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_force_replaces(tmp_path: Path) -> None:
    """--force writes a new file in the place of the old one."""
    path = tmp_path / "t.parquet"
    path.write_text("old")
    words = [CAPTURE, "-q", "-w", str(path), "--force", "--", "true"]
    assert subprocess.run(words, timeout=PATIENCE, check=False).returncode == 0
    assert path.read_bytes()[:4] == b"PAR1"


def test_a_full_disk_from_the_start(small_disk: Path) -> None:
    """Where not even the file's head fits, the capture does not begin."""
    (small_disk / "filler").write_bytes(bytes(3 << 20 >> 1))
    with (small_disk / "rest").open("wb", 0) as rest, pytest.raises(OSError, match="No space"):
        while True:
            rest.write(bytes(4096))
    status, line = refuse(small_disk, "-w", "t.parquet", "--", "true")
    assert status == SINK
    assert "space" in line


def test_describe_runs_nothing(tmp_path: Path) -> None:
    """-d prints the filter and ends: no file, no command run."""
    words = [CAPTURE, *WRITE, "-d", "-e", "%file", "--failed-only", "--", "touch", "ran"]
    done = subprocess.run(words, capture_output=True, text=True, cwd=tmp_path, check=True)
    assert "%file" in done.stdout
    assert "failed only" in done.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not any(WHY_NOT.values()), reason="both loaders can run here")
def test_a_loader_that_cannot_run(tmp_path: Path) -> None:
    """Forced, it is refused with the reason and the remedy."""
    for name, reason in WHY_NOT.items():
        if reason:
            status, line = refuse(tmp_path, *WRITE, "--loader", name)
            assert (status, reason in line) == (4, True)
