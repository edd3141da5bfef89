"""perf, in its two ways: lines as strace's, and a file of samples of the two tracepoints."""

import re
import subprocess
import time
from functools import partial
from pathlib import Path

from capture.bench.process import Process
from capture.bench.tracers.base import Count
from capture.bench.tracers.external import External
from capture.bench.tracers.lines import line_count
from capture.bench.tracers.privileges import why_not

_EVENTS = ("-e", "raw_syscalls:sys_enter", "-e", "raw_syscalls:sys_exit")
# s after the last event was opened: perf says nothing when it is ready. (perf record would answer on its control pipe,
# but not while it is busy, and with -a it keeps itself busy.)
_SETTLE = 0.7


def _whom(target: int | None) -> list[str]:
    return ["-a"] if target is None else ["-p", str(target)]


def _record(output: Path, target: int | None) -> list[str]:
    return ["perf", "record", "-q", *_EVENTS, *_whom(target), "-o", str(output)]


def _samples(output: Path, said: str) -> Count:
    """A call is two samples; the kernel tells how many samples it had to leave out (since 6.0)."""
    words = ["perf", "report", "--stats", "-i", str(output)]
    told = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False).stdout
    return sample_count(told, output.stat().st_size)


def sample_count(told: str, size: int) -> Count:
    """From what `perf report --stats` tells. Raises ValueError where it tells nothing."""
    calls = told.partition("raw_syscalls:sys_exit stats:")[2].partition(" stats:")[0]
    kept, lost = (re.search(rf"{word} events:\s+(\d+)", calls) for word in ("SAMPLE", "LOST_SAMPLES"))
    if "TOTAL events" not in told:
        raise ValueError("perf report has no statistics")
    return Count(int(kept[1]) if kept else 0, int(lost[1]) if lost else 0, size)


def _trace(output: Path, target: int | None) -> list[str]:
    return ["perf", "trace", *_whom(target), "-o", str(output)]


def _opened(process: Process, scratch: Path) -> bool:
    """All events are open: none was added for a while."""
    folder = Path(f"/proc/{process.pid}/fd")
    try:
        links = {str(entry.readlink()) for entry in folder.iterdir()}
        newest = max((entry.lstat().st_mtime for entry in folder.iterdir()), default=0.0)
    except (FileNotFoundError, ProcessLookupError):  # it ended, or still opens and closes
        return False
    return "anon_inode:[perf_event]" in links and time.time() - newest > _SETTLE


def _lines(output: Path, said: str) -> Count:
    """A line a call, but for calls that another line interrupts; lost events, two a call, are told in lines too."""
    with output.open(errors="replace") as file:
        lost = sum(int(found[1]) for line in file if (found := re.search(r"LOST (\d+) events!", line)))
    return Count(line_count(output), lost // 2, output.stat().st_size)


_why_not = partial(why_not, "perf", root=True)

TRACERS = (
    External("perf-trace", "perf trace -a -o FILE", _trace, _opened, _lines, _why_not, every=4),
    External(
        "perf-record",
        "perf record -a -e raw_syscalls:sys_enter -e raw_syscalls:sys_exit -o FILE",
        _record,
        _opened,
        _samples,
        _why_not,
    ),
)
