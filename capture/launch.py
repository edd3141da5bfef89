"""The command that a capture starts: stopped until recording is on, then one execve; its exit status is ours."""

import ctypes
import os
import shutil
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from capture import seccomp, users
from capture.errors import TargetError

_PR_SET_PTRACER = 0x5961_6D61  # "Yama"

NOT_RUNNABLE, NOT_FOUND = 126, 127
"""The shell's exit statuses for a command that cannot be run, or found."""


class Child:
    """A forked process that waits for `release`. The path is resolved before, so exactly one execve is recorded."""

    def __init__(self, command: Sequence[str], user: str | None) -> None:
        self.command = list(command)
        self._account = users.named(user, "-u") if user is not None else None
        self._program = _resolve(self.command[0])
        self._status: int | None = None
        self._released = False
        wait, self._go = os.pipe()
        self._failure, fail = os.pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        self.pid = os.fork()
        if self.pid == 0:
            self._run(wait, fail)
        os.close(wait)
        os.close(fail)

    def release(self, seccomp_filter: bytes = b"") -> None:
        """Let it put this filter on itself, if any, and execute its program.

        Raises TargetError, with the shell's exit status, if the kernel will not.
        """
        os.write(self._go, b"!" + seccomp_filter)
        os.close(self._go)
        self._released = True
        failure = os.read(self._failure, 16)
        os.close(self._failure)
        if failure:
            os.waitpid(self.pid, 0)
            self._status = NOT_RUNNABLE
            raise _cannot(self.command[0], NOT_RUNNABLE, os.strerror(int(failure)))

    def poll(self) -> int | None:
        """Its exit status as a shell gives it (128 + N after signal N), or None while it runs."""
        if self._status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                code = os.waitstatus_to_exitcode(status)
                self._status = code if code >= 0 else 128 - code
        return self._status

    def stop(self, number: int, patience: float = 0.5) -> int:
        """Pass on the signal that ends us, as strace does; its exit status, or 128 + `number` if it goes on running."""
        if self.poll() is None:
            os.kill(self.pid, number)
            end = time.monotonic() + patience
            while self.poll() is None and time.monotonic() < end:
                time.sleep(0.01)
        return 128 + number if self._status is None else self._status

    def abandon(self) -> None:
        """End it if it has not run: recording did not come about. What runs is never ended by us."""
        if not self._released and self.poll() is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)

    def _run(self, wait: int, fail: int) -> None:
        """In the child: never returns, raises nothing."""
        try:
            os.close(self._go)
            _allow_tracing_by(os.getppid())
            released = os.read(wait, 1)
            if not released:  # the collector is gone
                os._exit(NOT_RUNNABLE)
            with open(wait, "rb") as rest:
                seccomp_filter = rest.read()
            _allow_tracing_by(0)
            _restore_signals()
            if seccomp_filter:
                seccomp.install(seccomp_filter)
            if self._account is not None:
                os.initgroups(self._account.pw_name, self._account.pw_gid)
                os.setgid(self._account.pw_gid)
                os.setuid(self._account.pw_uid)
            os.execv(self._program, self.command)
        except OSError as error:
            os.write(fail, str(error.errno).encode())
        finally:
            os._exit(NOT_RUNNABLE)


def _restore_signals() -> None:
    """As our caller had them: what it ignores (nohup, a script's background job) stays ignored. Python itself ignores
    the last two, and what they were before is not to be known.
    """
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)


def _allow_tracing_by(pid: int) -> None:
    """Under Yama (ptrace_scope 1, the default of Ubuntu) an ordinary user traces own children only, and the tracer is a
    child of the collector as we are: let that process and its children, or with 0 nobody, trace us. Source: prctl(2).
    """
    ctypes.CDLL(None).prctl(_PR_SET_PTRACER, ctypes.c_ulong(pid), 0, 0, 0)  # fails where there is no Yama


def _resolve(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        if "/" in name and Path(name).exists():
            raise _cannot(name, NOT_RUNNABLE, "it is not an executable file")
        raise _cannot(name, NOT_FOUND, "no such command; check the name and $PATH")
    return found


def _cannot(name: str, status: int, reason: str) -> TargetError:
    error = TargetError(f"cannot run {name}: {reason}")
    error.exit_code = status
    return error
