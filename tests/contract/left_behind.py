"""What a collector has of the kernel while it runs, and what of it is there afterwards."""

import re
import subprocess
import time
from pathlib import Path


def bpf_ids(pid: int) -> set[tuple[str, int]]:
    """(prog, map or link, id) of everything of BPF that a process holds."""
    found = set()
    for entry in Path(f"/proc/{pid}/fdinfo").iterdir():
        try:
            text = entry.read_text()
        except FileNotFoundError:  # closed meanwhile
            continue
        found |= {(kind, int(number)) for kind, number in re.findall(r"^(prog|map|link)_id:\s*(\d+)$", text, re.M)}
    return found


def left_over(ids: set[tuple[str, int]]) -> list[tuple[str, int]]:
    """Those that the kernel still has, some seconds later."""
    end = time.monotonic() + 10
    left = sorted(ids)
    while left and time.monotonic() < end:
        time.sleep(0.1)  # maps are freed after a grace period
        words = [["bpftool", kind, "show", "id", str(number)] for kind, number in left]
        left = [
            one
            for one, word in zip(left, words, strict=True)
            if not subprocess.run(word, capture_output=True).returncode
        ]
    return left


def pinned() -> set[Path]:
    """Every name in the file systems in which objects of BPF can be pinned."""
    mounts = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    return {path for _, folder, kind, *_ in mounts if kind == "bpf" for path in Path(folder).rglob("*")}


def in_session(leader: int) -> set[int]:
    """The processes of a session; zombies are none."""
    found = set()
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_bytes().rpartition(b")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(fields[3]) == leader and fields[0] not in (b"Z", b"X"):
            found.add(int(entry.parent.name))
    return found


def status(pid: int) -> dict[str, str]:
    """/proc/PID/status."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return dict(line.split(":\t", 1) for line in lines if ":\t" in line)
