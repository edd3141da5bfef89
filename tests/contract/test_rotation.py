"""One capture in many files: no call lost or doubled at a seam, each file whole by itself."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from capture.report import size
from schemas.arrow import Key
from tests.contract.harness import CAPTURE, Recording, record, recording

pytestmark = pytest.mark.bpf

COUNT = 40_009
FIRST = 10**9
LOAD = (
    "import os, time\n"
    "kept = os.open('/etc/hostname', os.O_RDONLY)\n"
    f"for number in range({COUNT}):\n"
    f"    os.lseek(kept, {FIRST} + number, os.SEEK_SET)\n"
    "    os.access(f'/{time.time_ns() * 7919 % 2**61}', 0)\n"
    "time.sleep(0.3)\n"
)
UNTIL_TOLD = (
    "import itertools, os, select\n"
    "kept = os.open('/etc/hostname', os.O_RDONLY)\n"
    "for number in itertools.count():\n"
    f"    os.lseek(kept, {FIRST} + number, os.SEEK_SET)\n"
    "    if number % 100 == 0 and select.select([0], [], [], 0.001)[0]:\n"
    "        break\n"
    "print(number + 1)\n"
)


def parts(path: Path) -> list[Recording]:
    """The files of a capture in order of their beginning, each held against its own account."""
    found = [Recording(file, 0, "").audit() for file in path.parent.glob("*.parquet")]
    return sorted(found, key=lambda one: int(one.metadata[Key.PART]))


def offsets(files: list[Recording]) -> list[int]:
    """What the program's lseek calls were given, over all files; those of the interpreter itself stay below FIRST."""
    given = [offset for file in files for offset in file.calls(syscall="lseek")["arg1"].to_pylist()]
    return sorted(offset - FIRST for offset in given if offset >= FIRST)


def asked(folder: Path, query: str) -> list[dict[str, Any]]:
    """What `analyze` answers over all files of a folder, as one capture."""
    words = [Path(CAPTURE).with_name("analyze"), "sql", folder, query, "--format", "json"]
    answer: list[dict[str, Any]] = json.loads(subprocess.run(words, capture_output=True, check=True).stdout)
    return answer


def seen(said: str) -> int:
    """What the capture says at its end."""
    found = re.search(r"^([\d,]+) calls seen$", said, re.M)
    assert found is not None
    return int(found[1].replace(",", ""))


def test_by_size(tmp_path: Path) -> None:
    """Each call is in one file; what they count adds up to the whole; in each the descriptor has its name again."""
    path = tmp_path / "r.parquet"
    done = record(path, "-C", "1m", command=[sys.executable, "-c", LOAD * 6])
    assert done.status == 0, done.said
    files = parts(path)
    assert [file.path.name for file in files] == ["r.parquet", *(f"r{n}.parquet" for n in range(1, len(files)))]
    assert len(files) >= 3
    assert sorted(Counter(offsets(files)).values()) == [6] * COUNT
    assert sum(file.counters.seen for file in files) == seen(done.said)
    assert "0 dropped" in done.said
    for file in files[1:]:
        (process,) = file.rows(kind="process")
        assert Path(process["path"]).name.startswith("python")
        assert {row["path"] for row in file.rows(kind="fd", pid=process["pid"])} >= {"/etc/hostname"}
    assert f"{path} {tmp_path}/r[0-9]*.parquet ({size(sum(file.path.stat().st_size for file in files))}," in done.said
    one_process = f"SELECT count(*) AS n FROM processes WHERE pid = {process['pid']}"
    assert asked(tmp_path, one_process) == [{"n": 1}]
    named = f"SELECT file, count(*) AS n FROM calls WHERE syscall = 'lseek' AND arg1 >= {FIRST} GROUP BY file"
    assert asked(tmp_path, named) == [{"file": "/etc/hostname", "n": 6 * COUNT}]


def test_a_ring(tmp_path: Path) -> None:
    """The last N files are kept, named by numbers of one width; the oldest is replaced; each is whole."""
    done = record(tmp_path / "r.parquet", "-C", "1m", "-W", "2", command=[sys.executable, "-c", LOAD * 6])
    assert done.status == 0, done.said
    files = parts(tmp_path / "r.parquet")
    assert sorted(file.path.name for file in files) == ["r0.parquet", "r1.parquet"]
    assert int(files[0].metadata[Key.PART]) >= 1
    assert list(tmp_path.glob("*.journal")) == []
    found = Counter(offsets(files))
    assert 0 < found.total() < 6 * COUNT
    assert found[COUNT - 1]  # the end is there


def test_by_time(tmp_path: Path) -> None:
    """A file a second, named by its time; the capture ends of itself after the last, and the command had each."""
    told = tmp_path / "told"
    script = tmp_path / "tell"
    script.write_text(f'#!/bin/sh\ntail -c 4 "$1" >>{told}\necho " $1" >>{told}\n')
    script.chmod(0o755)
    began = time.monotonic()
    words = [CAPTURE, "-w", str(tmp_path / "%H%M%S.parquet"), "-G", "1", "-W", "2", "-z", str(script), "-e", "getppid"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    assert 1.5 < time.monotonic() - began < 15
    files = parts(tmp_path / "t.parquet")
    assert len(files) == 2
    assert all(re.fullmatch(r"\d{6}\.parquet", file.path.name) for file in files)
    assert files[1].metadata[Key.START] > files[0].metadata[Key.START]
    end = time.monotonic() + 5
    while not (told.exists() and told.read_text().count("\n") == 2):
        assert time.monotonic() < end
        time.sleep(0.02)
    assert sorted(told.read_text().splitlines()) == sorted(f"PAR1 {file.path}" for file in files)


@pytest.mark.parametrize("backend", ["ebpf", "ptrace"])
def test_hang_up(tmp_path: Path, backend: str) -> None:
    """HUP is answered when the file is whole; nothing is lost at the seam, and paths resolve behind it."""
    path = tmp_path / "r.parquet"
    command = [sys.executable, "-c", UNTIL_TOLD]
    with recording(path, "-C", "1g", "--backend", backend, command=command, stdin=subprocess.PIPE) as running:
        for number in range(1, 4):
            time.sleep(0.1)
            os.kill(running.pid, signal.SIGHUP)
            before = path if number == 1 else path.with_name(f"r{number - 1}.parquet")
            running.wait_for(f"rows); recording to {tmp_path}/r{number}.parquet")
            assert before.read_bytes()[-4:] == b"PAR1"
            assert not before.with_name(f"{before.name}.journal").exists()
        done = running.stop(None)
    assert done.status == 0, done.said
    files = parts(path)
    assert len(files) == 4
    assert offsets(files) == list(range(int(done.out)))
    assert sum(file.counters.seen for file in files) == seen(done.said)
    for file in files[1:]:
        assert "/etc/hostname" in file.table["path"].to_pylist()
        assert json.loads(file.metadata[Key.CLOCK])[0] == json.loads(files[0].metadata[Key.CLOCK])[0]


def test_hang_up_without_the_terminal_stops(tmp_path: Path) -> None:
    """As a closed session does it: nobody is there who would stop what goes on."""
    path = tmp_path / "r.parquet"
    script = f"exec {CAPTURE} -q -w {path} -e getppid"
    master, slave = os.openpty()
    process = subprocess.Popen(["setsid", "-c", "sh", "-c", script], stdin=slave, stdout=slave, stderr=slave)
    os.close(slave)
    end = time.monotonic() + 30
    while not path.exists() or not path.with_name("r.parquet.journal").exists():
        assert time.monotonic() < end
        time.sleep(0.05)
    time.sleep(1)
    os.close(master)
    assert process.wait(20) == 0
    assert [file.path.name for file in parts(path)] == ["r.parquet"]


def test_nohup_is_kept(tmp_path: Path) -> None:
    """A HUP that was ignored at the start is ignored."""
    with recording(
        tmp_path / "r.parquet", "-e", "getppid", program=("sh", "-c", 'trap "" HUP; exec "$0" "$@"', CAPTURE)
    ) as running:
        os.kill(running.process.pid, signal.SIGHUP)
        time.sleep(0.5)
        os.kill(running.process.pid, signal.SIGINT)
        assert running.process.wait(20) == 0
    assert [file.path.name for file in parts(tmp_path / "r.parquet")] == ["r.parquet"]


def test_a_command_that_fails_is_told(tmp_path: Path) -> None:
    """And the capture goes on."""
    path = tmp_path / "r.parquet"
    with recording(path, "-e", "getppid", "-z", "false") as running:
        os.kill(running.pid, signal.SIGHUP)
        running.wait_for(f"-z false {path}: it ended with status 1")
        done = running.stop()
    assert done.status == 0
    assert len(parts(path)) == 2


def test_names_that_are_taken(tmp_path: Path) -> None:
    """A file that is there is never written over: the next number is taken; a ring refuses before it begins."""
    (tmp_path / "r1.parquet").write_text("mine")
    path = tmp_path / "r.parquet"
    with recording(path, "-e", "getppid") as running:
        os.kill(running.pid, signal.SIGHUP)
        running.wait_for(f"recording to {tmp_path}/r2.parquet")
        running.stop()
    assert (tmp_path / "r1.parquet").read_text() == "mine"
    ring = record(tmp_path / "r.parquet", "-C", "1m", "-W", "3", command=["true"])
    assert ring.status == 6
    assert "r1.parquet exists, and would be replaced" in ring.said
