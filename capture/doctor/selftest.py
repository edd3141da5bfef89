"""The self-test: record a program that makes a known number of calls, and count them in the file.

It runs `capture` itself in a process of its own, so that what is tested is what a user will run, from the start of the
program to the file on disk, and so that a compiler that crashes inside bcc takes nothing with it.
"""

import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from capture.errors import SinkError

CALLS = 1009
"""A prime, so that nothing that doubles, halves or batches can come to it by chance."""

PATIENCE = 60.0
_WORKLOAD = f"import os\nfor _ in range({CALLS}): os.getppid()"
_CAPTURE = "from capture.cli import main; main()"


@dataclass(frozen=True)
class Result:
    """What came of one self-test. Times in s; `error` is capture's own line where it did not record."""

    loader: str
    expected: int = CALLS
    found: int = 0
    lost: int = 0
    recording_after: float | None = None
    status: int = 0
    error: str | None = None

    @property
    def passed(self) -> bool:
        """All calls, no more and no fewer, and none lost."""
        return self.error is None and (self.found, self.lost) == (self.expected, 0)

    def line(self) -> str:
        """One line for people."""
        if self.error is not None:
            return f"{self.loader}: {self.error}"
        after = f", recording after {self.recording_after:.1f} s" if self.recording_after is not None else ""
        return f"{self.loader}: {self.found:,} of {self.expected:,} calls, {self.lost:,} lost{after}"


def run(loader: str) -> Result:
    """Record the known calls with this loader. Raises SinkError where there is no room for a temporary file."""
    try:
        temporary = tempfile.TemporaryDirectory(prefix="capture-doctor-")
    except OSError as error:
        raise SinkError(f"the self-test needs a temporary folder: {error}; set TMPDIR, or take --no-test") from error
    with temporary as folder:
        path, log = Path(folder) / "test.parquet", Path(folder) / "log"
        child = [sys.executable, "-I", "-S", "-c", _WORKLOAD]
        words = [sys.executable, "-c", _CAPTURE, "--loader", loader, "-w", str(path), "--", *child]
        began = time.monotonic()
        with (
            log.open("wb") as out,
            subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=out, stderr=out) as process,
        ):
            after = _wait(process, log, began)
        said = log.read_text(errors="replace")
        if process.returncode != 0:
            return Result(loader, recording_after=after, status=process.returncode, error=_reason(said, process))
        found, lost = _count(path, process.pid)
    return Result(loader, found=found, lost=lost, recording_after=after)


def _wait(process: "subprocess.Popen[bytes]", log: Path, began: float) -> float | None:
    """Wait for the end; seconds from the start until it said that it records."""
    after = None
    while process.poll() is None:
        now = time.monotonic() - began
        if after is None and b"recording" in log.read_bytes():
            after = now
        if now > PATIENCE:
            process.kill()
        time.sleep(0.01)
    return after


def _reason(said: str, process: "subprocess.Popen[bytes]") -> str:
    lines = [line.removeprefix("capture: ") for line in said.splitlines() if line.strip()]
    if process.returncode < 0:
        return f"ended by signal {-process.returncode}, after: {lines[-1] if lines else 'nothing'}"
    return lines[-1] if lines else f"exit status {process.returncode} without a word"


def _count(path: Path, parent: int) -> tuple[int, int]:
    """Calls of the workload's kind that are whole (a duration, and as result the parent's pid), and calls lost."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    from schemas.arrow import Key
    from schemas.counters import Counters

    counters = Counters.from_json(pq.read_schema(path).metadata[Key.COUNTERS.encode()].decode())
    whole = (pc.field("syscall") == "getppid") & (pc.field("ret") == parent) & pc.field("dur_ns").is_valid()
    rows = pq.read_table(path, columns=["syscall", "ret", "dur_ns"], filters=whole)
    return rows.num_rows, sum(counters.dropped.values()) + sum(cell.missing() for cell in counters.balance())
