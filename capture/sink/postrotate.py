"""The command that is run on each file that a rotation has finished (-z): beside the capture, never waited for."""

import os
import shlex
import shutil
import subprocess
import time
from contextlib import suppress
from pathlib import Path

from capture.errors import UsageError

_NICE = 19
_PATIENCE = 1.0


class PostRotate:
    """Starts the command, and hears how it ended."""

    def __init__(self, command: tuple[str, ...]) -> None:
        """Without a command nothing is run. Raises UsageError if there is no such program."""
        self._command = command
        self._running: list[tuple[Path, subprocess.Popen[bytes]]] = []
        self._failures: list[str] = []
        if command and shutil.which(command[0]) is None:
            raise UsageError(f"-z {command[0]}: no such command; check the name and $PATH")

    def start(self, path: Path) -> None:
        """Run it with the name of the file as its last argument, in a session of its own, at the lowest priority."""
        if not self._command:
            return
        try:
            process = subprocess.Popen([*self._command, str(path)], stdin=subprocess.DEVNULL, start_new_session=True)
        except OSError as error:
            self._failures.append(f"{self._shown(path)}: {os.strerror(error.errno or 0)}")
            return
        with suppress(PermissionError):  # of a program that is another user's
            os.setpriority(os.PRIO_PROCESS, process.pid, _NICE)
        self._running.append((path, process))

    def failures(self) -> list[str]:
        """What went wrong since the last time, a sentence each."""
        running, self._running = self._running, []
        for path, process in running:
            status = process.poll()
            if status is None:
                self._running.append((path, process))
            elif status:
                self._failures.append(f"{self._shown(path)}: it ended with status {status}")
        told, self._failures = self._failures, []
        return told

    def last_failures(self) -> list[str]:
        """The same at the end; commands that have just begun are given a second to fail."""
        end = time.monotonic() + _PATIENCE
        told = self.failures()
        while self._running and time.monotonic() < end:
            time.sleep(0.02)
            told += self.failures()
        return told

    def _shown(self, path: Path) -> str:
        return f"-z {shlex.join([*self._command, str(path)])}"
