"""A program that bench starts: what it says, what it takes, and how it is ended."""

import os
import resource
import select
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_CPUCLOCK_SCHED = 2  # include/uapi/linux/time.h has no name for it; see clock_getcpuclockid(3)
_TICK = os.sysconf("SC_CLK_TCK")


class Unresponsive(Exception):
    """A program did not do in time what was waited for."""


@dataclass(frozen=True)
class Patience:
    """How long to wait: `seconds` for each thing waited for, and for nothing past `until`, a time.monotonic()."""

    seconds: float = 300.0
    until: float | None = None

    def left(self) -> float:
        """Seconds to wait for the next thing."""
        return self.seconds if self.until is None else max(0.0, min(self.seconds, self.until - time.monotonic()))


class Process:
    """Runs in a session of its own, so that Ctrl-C at the terminal is ours alone, and all of it can be ended."""

    def __init__(
        self, argv: Sequence[str], log: Path, cwd: Path, *, pass_fds: Sequence[int] = (), merged: bool = True
    ) -> None:
        self.argv, self._log = list(argv), log
        with log.open("wb") as out:
            self._popen = subprocess.Popen(
                self.argv,
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=out if merged else subprocess.DEVNULL,
                stderr=out,
                pass_fds=tuple(pass_fds),
                start_new_session=True,
            )
        self.pid = self._popen.pid
        self.started = time.monotonic()
        self.usage: resource.struct_rusage | None = None

    def said(self) -> str:
        """What it wrote on standard error so far, and on standard output if merged."""
        return self._log.read_text(errors="replace")

    def last_words(self) -> str:
        """For an error message: its last line."""
        lines = [line.strip() for line in self.said().splitlines() if line.strip()]
        return lines[-1] if lines else f"{self.argv[0]} said nothing"

    def tree(self) -> list[int]:
        """Its pid and those of its descendants."""
        found = [self.pid]
        for pid in found:
            try:
                tasks = list(Path(f"/proc/{pid}/task").iterdir())
                for task in tasks:
                    found += map(int, (task / "children").read_text().split())
            except (FileNotFoundError, ProcessLookupError):  # it ended while we looked
                continue
        return found

    def cpu(self) -> float:
        """CPU seconds of the process so far, those of children that it has waited for included."""
        try:
            fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
            own = time.clock_gettime((~self.pid << 3) | _CPUCLOCK_SCHED)
        except (FileNotFoundError, ProcessLookupError, OSError):
            return 0.0
        return own + (int(fields[13]) + int(fields[14])) / _TICK

    def exited(self) -> bool:
        """Has it ended? Does not wait."""
        return self._wait(0)

    def wait(self, patience: float) -> int:
        """Its exit status (negative: the signal) once it ends; `usage` is then set. Raises Unresponsive."""
        if not self._wait(patience):
            raise Unresponsive(f"{self.argv[0]} did not end within {patience:.0f} s")
        return self._popen.returncode

    def interrupt(self) -> None:
        """As Ctrl-C would."""
        if not self.exited():
            os.kill(self.pid, signal.SIGINT)

    def kill(self) -> None:
        """End it and all it has started."""
        if not self.exited():
            os.killpg(self.pid, signal.SIGKILL)
            self._wait(5.0)

    def _wait(self, patience: float) -> bool:
        if self.usage is not None:
            return True
        handle = os.pidfd_open(self.pid)
        try:
            if not select.select([handle], [], [], patience)[0]:
                return False
        finally:
            os.close(handle)
        _, status, self.usage = os.wait4(self.pid, 0)
        self._popen.returncode = os.waitstatus_to_exitcode(status)
        return True


def peak_memory(pids: Sequence[int]) -> int:
    """Bytes: the sum of the processes' largest resident sizes; what has ended counts nothing."""
    total = 0
    for pid in pids:
        try:
            lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        except (FileNotFoundError, ProcessLookupError):
            continue
        total += sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))
    return total


def cpu_of(usage: resource.struct_rusage) -> float:
    """User and system seconds."""
    return usage.ru_utime + usage.ru_stime
