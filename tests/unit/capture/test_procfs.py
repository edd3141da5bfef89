"""What /proc tells: of this process, of those that it starts, and of made-up ones."""

import ctypes
import os
import platform
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from capture import procfs
from capture.errors import TargetError
from capture.procfs import Call
from schemas.syscalls import native_abi, table

PR_SET_NAME = 15
NOBODY = 2**22 + 1  # above PID_MAX_LIMIT


@pytest.fixture
def sleeping() -> Iterator[int]:
    """A process that hangs in a call."""
    with subprocess.Popen(["sleep", "60"]) as process:
        time.sleep(0.1)
        yield process.pid
        process.kill()


def named(name: bytes) -> None:
    """Give this thread a name."""
    ctypes.CDLL(None).prctl(PR_SET_NAME, name, 0, 0, 0)


def test_this_process_is_there() -> None:
    """With its threads; kernel threads are not among the processes."""
    assert os.getpid() in set(procfs.processes())
    assert os.getpid() in procfs.threads(os.getpid())
    assert not any(Path(f"/proc/{pid}/comm").read_text() == "kthreadd\n" for pid in list(procfs.processes())[:5])
    procfs.require(os.getpid())


def test_who_is_gone() -> None:
    """No exception but the one that the user is told by."""
    assert procfs.threads(NOBODY) == []
    assert procfs.thread(NOBODY, NOBODY) is None
    assert procfs.call(NOBODY, NOBODY) is None
    assert not procfs.is_32bit(NOBODY)
    with pytest.raises(TargetError, match=f"-p {NOBODY}: there is no such process; .ps -e. lists them"):
        procfs.require(NOBODY)


def test_a_thread() -> None:
    """Its name and effective user, as the kernel has them."""
    mine = procfs.thread(os.getpid(), os.getpid())
    assert mine is not None
    assert (mine.pid, mine.tid, mine.uid) == (os.getpid(), os.getpid(), os.geteuid())
    assert mine.comm == Path("/proc/self/comm").read_bytes()[:-1]
    assert mine.cgroups == Path("/proc/self/cgroup").read_text()


@pytest.mark.parametrize("name", [b"a\nb", b"\x0bUid: x y", b"\x1cNSpid: z", b"caf\xe9", b"Uid:\t7\t7\t7", b")", b""])
def test_no_name_leads_astray(name: bytes) -> None:
    """Anybody may name a thread: like a line of its own status file, too."""
    found: list[procfs.Thread | None] = []

    def look() -> None:
        named(name)
        found.append(procfs.thread(os.getpid(), threading.get_native_id()))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    (mine,) = found
    assert mine is not None
    assert (mine.comm, mine.uid) == (name, os.geteuid())


def test_the_call_of_a_thread_that_hangs(sleeping: int) -> None:
    """Its number and six arguments; a thread that runs is in none."""
    call = procfs.call(sleeping, sleeping)
    if call is None:
        pytest.skip("this kernel or container does not show /proc/PID/syscall")
    assert table(native_abi()).name(call.nr) in ("clock_nanosleep", "nanosleep")
    assert len(call.args) == 6
    assert procfs.call(os.getpid(), os.getpid()) != Call(call.nr, call.args)


@pytest.mark.parametrize(
    ("text", "call"),
    [
        ("running\n", None),
        ("-1 0x7ffd 0x7f00\n", None),
        ("", None),
        (
            "0 0x3 0x7ffd 0xffffffffffffffff 0x0 0x22 0x7f 0x7ffd 0x7f00\n",
            Call(0, (3, 0x7FFD, 2**64 - 1, 0, 0x22, 0x7F)),
        ),
    ],
)
def test_what_the_file_says(text: str, call: Call | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Running, blocked in no call, gone meanwhile, or in a call."""
    monkeypatch.setattr(Path, "read_text", lambda _: text)
    assert procfs.call(1, 1) == call


@pytest.mark.parametrize("error", [PermissionError, FileNotFoundError, ProcessLookupError])
def test_what_may_not_be_read(error: type[OSError], monkeypatch: pytest.MonkeyPatch) -> None:
    """A refusal is no call, not the end."""

    def refuse(_: Path) -> str:
        raise error

    monkeypatch.setattr(Path, "read_text", refuse)
    assert procfs.call(1, 1) is None


@pytest.mark.skipif(platform.architecture()[0] != "64bit", reason="this Python is a 32-bit program")
def test_programs_of_64_bits() -> None:
    """By the header of the executable."""
    assert not procfs.is_32bit(os.getpid())
