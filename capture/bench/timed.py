"""The workload, held back until the tracer records, and timed from within: our side of workloads/timed.c."""

import select
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from capture.bench.process import Patience, Process, Unresponsive

NOT_FOUND = 127


@dataclass(frozen=True)
class Took:
    """What a workload took, in seconds; `own` is the CPU of `timed` itself; `status` is 128 + N after signal N."""

    wall: float
    user: float
    system: float
    own: float
    status: int


class Timed:
    """`prefix` is a tracer that starts the command itself, as strace does, or nothing."""

    def __init__(
        self, program: Path, prefix: Sequence[str], command: Sequence[str], log: Path, cwd: Path, patience: Patience
    ) -> None:
        self._patience = patience
        self._channel, theirs = socket.socketpair()
        with theirs:
            words = [*prefix, str(program), str(theirs.fileno()), *command]
            self.process = Process(words, log, cwd, pass_fds=[theirs.fileno()], merged=False)
        self._buffer = b""

    def ready(self) -> None:
        """Wait until only our word is missing. Raises Unresponsive, with the tracer's last words if it ended."""
        self._line(f"{self.process.argv[0]} did not start the workload")

    def run(self) -> Took:
        """Let the command run, to its end. Raises Unresponsive."""
        self._channel.send(b"!")
        wall, user, system, own, status = map(int, self._line("the workload did not end").split())
        return Took(wall / 1e9, user / 1e6, system / 1e6, own / 1e6, status)

    def release(self) -> None:
        """Let `timed` end."""
        self._channel.send(b"!")

    def close(self) -> None:
        """End whatever still runs."""
        self._channel.close()
        self.process.kill()

    def _line(self, failure: str) -> str:
        patience = self._patience.left()
        end = time.monotonic() + patience
        while b"\n" not in self._buffer:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self._channel], [], [], left)[0]:
                raise Unresponsive(f"{failure} within {patience:.0f} s")
            more = self._channel.recv(256)
            if not more:
                self.process.exited()
                raise Unresponsive(f"{failure}: {self.process.last_words()}")
            self._buffer += more
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line.decode()
