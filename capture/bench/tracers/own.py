"""`capture` itself, in its variants."""

import re
import sys
from functools import partial
from pathlib import Path

from capture.bench.tracers.base import Count
from capture.bench.tracers.external import External, says
from capture.bench.tracers.privileges import why_no_bpf

_CAPTURE = (sys.executable, "-c", "from capture.cli import main; main()")
"""What the console command runs; with the same interpreter as bench."""


def counted(output: Path, said: str) -> Count:
    """From the lines with which a capture ends. Raises ValueError where they are missing."""
    seen, dropped = (re.search(rf"^([\d,]+) {word}", said, re.MULTILINE) for word in ("calls seen", "dropped"))
    if seen is None or dropped is None:
        raise ValueError("no closing lines")
    lost = int(dropped[1].replace(",", ""))
    size = output.stat().st_size if output.exists() else None
    return Count(int(seen[1].replace(",", "")) - lost, lost, size)


def _argv(options: tuple[str, ...], null: bool, output: Path, target: int | None) -> list[str]:
    chosen = [] if target is None else ["-p", str(target)]
    return [*_CAPTURE, *options, "-w", "/dev/null" if null else str(output), *chosen]


def _around(options: tuple[str, ...], output: Path, target: int | None) -> list[str]:
    words = _argv(("--backend", "ptrace", *options), False, output, target)
    return words if target is not None else [*words, "--"]


def _variant(name: str, options: tuple[str, ...] = (), suffix: str = ".parquet", loader: str | None = None) -> External:
    null = not suffix
    words = " ".join([*options, "-w", "/dev/null" if null else f"FILE{suffix}"])
    return External(
        name,
        f"capture {words}",
        partial(_argv, options, null),
        says("recording"),
        counted,
        partial(why_no_bpf, loader),
        suffix=suffix,
        in_kernel=True,
    )


TRACERS = (
    _variant("capture"),
    _variant("capture-null", suffix=""),
    _variant("capture-arrow", suffix=".arrows"),
    _variant("capture-s64", ("-s", "64")),
    _variant("capture-bcc", ("--loader", "bcc"), loader="bcc"),
    External(
        "capture-ptrace",
        "capture --backend ptrace -w FILE.parquet -- CMD",
        partial(_around, ()),
        says("recording"),
        counted,
        lambda: None,
        suffix=".parquet",
        around=True,
        every=4,
    ),
    External(
        "capture-seccomp",
        "capture --backend ptrace -e accept -w FILE.parquet -- CMD",
        partial(_around, ("-e", "accept")),
        says("recording"),
        counted,
        lambda: None,
        suffix=".parquet",
        around=True,
        complete=False,
        follows=False,
    ),
)
