"""Becoming the tracer of a thread, and what to say where the kernel will not have it."""

import ctypes
import errno
import os
import time
from collections.abc import Iterator
from pathlib import Path

from capture import procfs
from capture.backends.ptrace import requests
from capture.errors import PrivilegeError, TargetError

_PATIENCE = 0.5
_YAMA = Path("/proc/sys/kernel/yama/ptrace_scope")


def command(tid: int, options: int) -> None:
    """Seize the command that we start. Under Yama it has to allow it first, which may take it a moment."""
    end = time.monotonic() + _PATIENCE
    while (number := _seize(tid, options)) == errno.EPERM and time.monotonic() < end:
        time.sleep(0.001)
    if number:
        raise refusal(tid, tid, number, "the command")


def process(pid: int, options: int) -> Iterator[tuple[int, procfs.Call | None]]:
    """Seize every thread of a process: its tid, and the call in which it hangs. They run on until interrupted.

    Threads that seized threads make are seized by the kernel; those that others make meanwhile are found in a further
    pass. A first thread that has ended waits for the others, and cannot be seized.
    Raises TargetError or PrivilegeError.
    """
    known: set[int] = set()
    last = errno.ESRCH
    """Why the last one was not seized; 0 once any was."""
    while fresh := set(procfs.threads(pid)) - known:
        known |= fresh
        for tid in sorted(fresh):
            call = procfs.call(pid, tid)
            number = _seize(tid, options)
            if number == 0 or _tracer(tid) == os.getpid():
                last = 0
                yield tid, call
            elif number != errno.ESRCH and not _has_ended(tid):
                raise refusal(pid, tid, number, f"-p {pid}")
            elif last:
                last = number
    if last:
        raise refusal(pid, pid, last, f"-p {pid}")


def _seize(tid: int, options: int) -> int:
    """0, or the number of the error."""
    return ctypes.get_errno() if requests.request(requests.SEIZE, tid, 0, options) < 0 else 0


def refusal(pid: int, tid: int, number: int, what: str) -> TargetError | PrivilegeError:
    """Why the thread cannot be seized, and what to do."""
    if number == errno.ESRCH or not Path(f"/proc/{tid}").exists():
        return TargetError(f"{what}: there is no such process; `ps -e` lists them")
    tracer = _tracer(tid)
    if tracer:
        name = _comm(tracer)
        return TargetError(
            f"{what}: process {tracer} ({name}) traces it already, and there can be only one; end that first, or "
            f"record with eBPF, which does not mind"
        )
    if number != errno.EPERM:
        return TargetError(f"{what}: the kernel does not let it be traced: {os.strerror(number)}")
    if _has_ended(tid):
        return TargetError(f"{what}: it has ended, and waits to be reaped; there is nothing to trace")
    return PrivilegeError(f"{what}: {_not_permitted(tid)}")


def _not_permitted(tid: int) -> str:
    fields, mine = _status(tid), os.geteuid()
    if fields.get("Kthread", "0") == "1":
        return "it is a kernel thread, which makes no calls"
    if mine and fields.get("Uid", "").split()[:3] != [str(mine)] * 3:
        return f"it belongs to another user ({fields.get('Uid', '?').split()[0]}): run as that user, or as root"
    scope = yama()
    if scope and mine:
        return (
            f"Yama lets a process trace only its own children (kernel.yama.ptrace_scope = {scope}): start the command "
            "with `capture -- CMD`, run as root, or set it to 0 with sysctl"
        )
    return (
        "the kernel does not let it be traced: it may have gained privileges, or a container's seccomp filter or a "
        "security module refuses ptrace; run as root, or with --cap-add=SYS_PTRACE"
    )


def yama() -> int:
    """kernel.yama.ptrace_scope: 0 own processes, 1 own children, 2 only with CAP_SYS_PTRACE, 3 nobody."""
    try:
        return int(_YAMA.read_text())
    except FileNotFoundError:
        return 0


def _tracer(tid: int) -> int:
    return int(_status(tid).get("TracerPid", "0"))


def _status(tid: int) -> dict[str, str]:
    try:
        lines = Path(f"/proc/{tid}/status").read_text(errors="replace").splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return {}
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def _has_ended(tid: int) -> bool:
    """Is it there only to be waited for?"""
    return _status(tid).get("State", "").startswith("Z")


def _comm(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text(errors="replace").strip()
    except (FileNotFoundError, ProcessLookupError):
        return "gone"
