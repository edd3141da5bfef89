"""How long each report takes on a large capture, and how much memory, beside the ways without systape.

    python scripts/bench_analyze.py CAPTURE [--rounds N] [--peers] [REPORT...]

Runs `analyze` as a user does, program start included, and prints the median wall time, the highest resident memory, and
the bar of each report. CAPTURE is what scripts/make_big_capture.py makes. With --peers (as root) the same question, how
many calls of each name there were, is put to `perf script` and to awk over a strace log of the same calls; libsinsp's
figure is the published one. Run on a quiet machine.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import pyarrow.parquet as pq

USUAL = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
"""A user's Python keeps the bytecode of what it has run."""
ANALYZE = str(Path(sys.executable).with_name("analyze"))
FAST = dict.fromkeys(("summary", "top", "latency", "errors", "timeline"), 1.0)
FILTERED = 0.8
THOROUGH = dict.fromkeys(("files", "peers", "blocked", "repeats", "slowest", "io", "processes"), 6.0)
RARE = "proc.name = git and evt.type in (openat, read, newfstatat, close)"
"""Keeps about 1 % of the rows of such a capture."""
SAMPLE_CALLS = 1_000_000
"""Calls in the strace log: the time goes by lines."""
SINSP_EVENTS = 3_000_000
"""Events a second that libsinsp replays, as published; a call is one or two events, by its version."""
PERF_COUNT = (
    "perf script -F comm,event,trace -i {} | awk '/sys_enter/ {{ n[$4]++ }} END {{ for (i in n) print i, n[i] }}'"
)
STRACE_COUNT = "awk '{{ split($0, a, \"(\"); n[a[1]]++ }} END {{ for (i in n) print n[i], i }}' {}"


def measured(command: Sequence[str], rounds: int) -> tuple[float, int]:
    """Median wall time in s and the highest resident memory in bytes of a command that must succeed."""
    times, memory = [], 0
    for _ in range(rounds):
        begin = time.perf_counter()
        with subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=USUAL
        ) as child:
            _pid, status, usage = os.wait4(child.pid, 0)
            took = time.perf_counter() - begin
            child.returncode = os.waitstatus_to_exitcode(status)
            if child.returncode:
                sys.exit(f"{' '.join(command)}: {child.stderr.read() if child.stderr else status}")
        times.append(took)
        memory = max(memory, usage.ru_maxrss << 10)
    return statistics.median(times), memory


def line(*cells: str) -> None:
    """One line of a table."""
    print(f"{cells[0]:<30} " + " ".join(f"{cell:>10}" for cell in cells[1:]), flush=True)


def reports(capture: Path, wanted: Sequence[str], rounds: int) -> None:
    """Every report on the whole capture, the fast ones also with a filter."""
    line("report", "median s", "at most", "peak MiB", "")
    runs: list[tuple[str, list[str], float]] = [(name, [], bar) for name, bar in {**FAST, **THOROUGH}.items()]
    runs += [(f"{name} -f (1 %)", ["-f", RARE], FILTERED) for name in FAST]
    for title, options, bar in runs:
        name = title.split()[0]
        if not wanted or name in wanted:
            took, memory = measured([ANALYZE, name, str(capture), *options], rounds)
            line(title, f"{took:.2f}", f"{bar:.1f}", f"{memory >> 20}", "" if took <= bar else "MISSED")


def peers(capture: Path, rounds: int) -> None:
    """The count of calls by name, in ns a call: ours, perf's, awk's and libsinsp's."""
    calls = pq.ParquetFile(capture).metadata.num_rows
    ours = measured([ANALYZE, "top", str(capture)], rounds)[0] / calls * 1e9
    line("calls by name", "ns a call", "times", "")
    line("analyze top", f"{ours:.0f}", "1")
    with tempfile.TemporaryDirectory() as folder:
        theirs = {"perf script | awk": with_perf(folder), "awk over a strace log": with_awk(capture, folder)}
        for title, per_call in theirs.items():
            line(title, f"{per_call:.0f}", f"{per_call / ours:.1f}")
    for events in (1, 2):
        published = events / SINSP_EVENTS * 1e9
        line(f"libsinsp, {events} events a call", f"{published:.0f}", f"{published / ours:.1f}")
    if not shutil.which("sysdig"):
        print("(sysdig is not installed here: libsinsp's figure is the published 3 million events a second)")


def with_perf(folder: str) -> float:
    """ns a call of perf's own way: record enter and exit of the same kind of work, print it, count with awk."""
    data = f"{folder}/perf.data"
    work = ["/usr/bin/python3", str(Path(__file__).with_name("big_workload.py")), "1"]
    events = "raw_syscalls:sys_enter,raw_syscalls:sys_exit"
    record = ["perf", "record", "-q", "-m", "64M", "-e", events, "-o", data, "--", *work]
    subprocess.run(record, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    begin = time.perf_counter()
    counts = subprocess.run(["sh", "-c", PERF_COUNT.format(data)], check=True, capture_output=True, text=True).stdout
    return (time.perf_counter() - begin) / sum(int(row.split()[-1]) for row in counts.splitlines()) * 1e9


def with_awk(capture: Path, folder: str) -> float:
    """ns a call of awk over a log as strace writes it, of the first calls of the capture."""
    log = f"{folder}/strace.log"
    show = [ANALYZE, "show", str(capture), "-n", str(SAMPLE_CALLS), "-w", log]
    subprocess.run(show, check=True, stderr=subprocess.DEVNULL)
    begin = time.perf_counter()
    subprocess.run(["sh", "-c", STRACE_COUNT.format(log)], check=True, stdout=subprocess.DEVNULL)
    return (time.perf_counter() - begin) / SAMPLE_CALLS * 1e9


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("capture", type=Path)
    parser.add_argument("reports", nargs="*")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--peers", action="store_true")
    given = parser.parse_args()
    if given.peers:
        peers(given.capture, given.rounds)
    else:
        reports(given.capture, given.reports, given.rounds)


if __name__ == "__main__":
    main()
