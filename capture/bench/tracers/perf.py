"""perf, in its two ways: lines as strace's, and a file of samples of the two tracepoints."""

import os
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
_SETTLE = 0.5  # s after the last event was opened: perf trace says nothing when it is ready


def _whom(target: int | None) -> list[str]:
    return ["-a"] if target is None else ["-p", str(target)]


def _record(output: Path, target: int | None) -> list[str]:
    """The two pipes are for `_pinged`."""
    control = [output.with_name(name) for name in ("control", "answer")]
    for pipe in control:
        os.mkfifo(pipe)
    return [
        "perf",
        "record",
        "-q",
        *_EVENTS,
        *_whom(target),
        f"--control=fifo:{control[0]},{control[1]}",
        "-o",
        str(output),
    ]


def _pinged(process: Process, scratch: Path) -> bool:
    """perf record answers on its control pipe once it is in its main loop."""
    ask = os.open(scratch / "control", os.O_RDWR | os.O_NONBLOCK)
    answer = os.open(scratch / "answer", os.O_RDONLY | os.O_NONBLOCK)
    try:
        os.write(ask, b"ping\n")
        return b"ack" in os.read(answer, 64)
    except BlockingIOError:  # it has the pipe open, and has not answered yet
        return False
    finally:
        os.close(ask)
        os.close(answer)


def _samples(output: Path, said: str) -> Count:
    """A call is two samples; the kernel tells how many samples it had to leave out (since 6.0)."""
    words = ["perf", "report", "--stats", "-i", str(output)]
    told = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False).stdout
    return sample_count(told, output.stat().st_size)


def sample_count(told: str, size: int) -> Count:
    """From what `perf report --stats` tells. Raises ValueError where it has no samples."""
    calls = told.partition("raw_syscalls:sys_exit stats:")[2].partition(" stats:")[0]
    kept, lost = (re.search(rf"{word} events:\s+(\d+)", calls) for word in ("SAMPLE", "LOST_SAMPLES"))
    if kept is None:
        raise ValueError("no samples of sys_exit")
    return Count(int(kept[1]), int(lost[1]) if lost else 0, size)


def _trace(output: Path, target: int | None) -> list[str]:
    return ["perf", "trace", *_whom(target), "-o", str(output)]


def _opened(process: Process, scratch: Path) -> bool:
    """All events are open: none was added for a while."""
    folder = Path(f"/proc/{process.pid}/fd")
    try:
        links = {str(entry.readlink()) for entry in folder.iterdir()}
        newest = max((entry.lstat().st_mtime for entry in folder.iterdir()), default=0.0)
    except (FileNotFoundError, ProcessLookupError):  # it ended, or is still opening and closing
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
        _pinged,
        _samples,
        _why_not,
    ),
)
