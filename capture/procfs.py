"""What /proc tells of threads, for calls that the kernel program could not see whole."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from capture.errors import TargetError

_KERNEL_THREAD = 0x0020_0000  # PF_KTHREAD of include/linux/sched.h
_GONE = (FileNotFoundError, ProcessLookupError, PermissionError)  # or hidden from us (hidepid)


@dataclass(frozen=True)
class Thread:
    """A thread as it stands now: name, effective user, its tid in its own namespace, groups as in /proc/PID/cgroup."""

    pid: int
    tid: int
    comm: bytes
    uid: int
    inner_pid: int
    cgroups: str


@dataclass(frozen=True)
class Call:
    """The call in which a thread hangs."""

    nr: int
    args: tuple[int, ...]


def processes() -> Iterator[int]:
    """Every process but kernel threads."""
    for entry in os.scandir("/proc"):
        if entry.name.isdigit() and not _is_kernel_thread(int(entry.name)):
            yield int(entry.name)


def traced_by(tracer: int) -> Iterator[int]:
    """The processes that another one traces (ptrace)."""
    wanted = f"TracerPid:\t{tracer}".encode()
    for pid in processes():
        try:
            lines = Path(f"/proc/{pid}/status").read_bytes().split(b"\n")
        except _GONE:
            continue
        if wanted in lines:
            yield pid


def require(pid: int) -> None:
    """Raise TargetError if there is no such process, or it has ended and only waits to be asked for its status."""
    if not is_alive(pid):
        raise TargetError(f"-p {pid}: there is no such process; `ps -e` lists them")


def is_alive(pid: int) -> bool:
    """Has the process a thread that has not ended?"""
    return any(_state(pid, tid) not in (b"", b"Z", b"X") for tid in threads(pid))


def _state(pid: int, tid: int) -> bytes:
    """The letter of proc(5); nothing if the thread is gone."""
    try:
        return Path(f"/proc/{pid}/task/{tid}/stat").read_bytes().rpartition(b")")[2].split()[0]
    except _GONE:
        return b""


def threads(pid: int) -> list[int]:
    """The threads of a process; none if it is gone."""
    try:
        return [int(entry.name) for entry in os.scandir(f"/proc/{pid}/task")]
    except _GONE:
        return []


def thread(pid: int, tid: int) -> Thread | None:
    """The thread, or None if it is gone."""
    folder = Path(f"/proc/{pid}/task/{tid}")
    try:
        comm = (folder / "comm").read_bytes().removesuffix(b"\n")
        status = (folder / "status").read_text(errors="replace")
        groups = os.fsdecode((folder / "cgroup").read_bytes())
    except _GONE:
        return None
    uid, inner = 0, tid
    for line in status.split("\n"):  # not splitlines: a name may hold what that takes for the end of a line
        if line.startswith("Uid:"):
            uid = int(line.split()[2])
        elif line.startswith("NSpid:"):
            inner = int(line.split()[-1])
    return Thread(pid, tid, comm, uid, inner, groups)


def call(pid: int, tid: int) -> Call | None:
    """The call in which a thread hangs; None if it runs, is gone, or may not be looked at. Source: proc(5)."""
    try:
        words = Path(f"/proc/{pid}/task/{tid}/syscall").read_text().split()
    except _GONE:
        return None
    if len(words) < 9 or int(words[0]) < 0:  # "running", or "-1 SP PC": blocked, but in no call
        return None
    return Call(int(words[0]), tuple(int(word, 16) for word in words[1:7]))


def cmdline(pid: int) -> bytes | None:
    """Its arguments, each with a NUL at its end; None if it is gone, or hides them. Reading it may block."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except _GONE:
        return None


def is_32bit(pid: int) -> bool:
    """Does the process run a 32-bit program? By the class in its executable's ELF header."""
    try:
        with Path(f"/proc/{pid}/exe").open("rb") as program:
            return program.read(5)[4:] == b"\x01"
    except _GONE:
        return False


def _is_kernel_thread(pid: int) -> bool:
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except _GONE:
        return True
    return bool(int(fields[6]) & _KERNEL_THREAD)
