"""sysdig, writing its own file: with its CO-RE program where it has one (since 0.31), else with what it finds."""

import re
import shutil
import subprocess
import time
from functools import cache, partial
from pathlib import Path

from capture.bench.process import Process
from capture.bench.tracers.base import Count
from capture.bench.tracers.external import External
from capture.bench.tracers.privileges import why_not

_SETTLE = 2.0  # s: sysdig says nothing when it is ready, but holds its buffers by then


@cache
def _engine() -> tuple[str, ...]:
    if shutil.which("sysdig") is None:
        return ()
    words = subprocess.run(["sysdig", "--help"], capture_output=True, text=True, check=False).stdout
    return ("--modern-bpf",) if "--modern-bpf" in words else ()


def _argv(output: Path, target: int | None) -> list[str]:
    chosen = [] if target is None else [f"proc.pid={target}"]
    return ["sysdig", *_engine(), "-v", "-w", str(output), *chosen]


def _settled(process: Process, scratch: Path) -> bool:
    return time.monotonic() - process.started > _SETTLE and not process.exited()


def counted(output: Path, said: str) -> Count:
    """With -v it tells its counts at the end: of events, most calls being two. Raises ValueError where it does not."""
    events, drops = (re.search(rf"{word}:\s*(\d+)", said) for word in ("Captured Events", "Driver Drops"))
    if events is None:
        return Count(None, int(drops[1]) // 2 if drops else None, output.stat().st_size)
    return Count(int(events[1]) // 2, int(drops[1]) // 2 if drops else None, output.stat().st_size)


TRACERS = (
    External(
        "sysdig",
        "sysdig -w FILE",
        _argv,
        _settled,
        counted,
        partial(why_not, "sysdig", root=True),
        suffix=".scap",
        in_kernel=True,
    ),
)
