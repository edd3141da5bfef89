"""Kill the collector at random instants under full load, and hold what is left against what was promised.

    python scripts/kill_test.py [--kills 40] [--disk 16] [--stop] [--rotate] [--durable] [--seed 0]

Two threads make numbered calls as fast as they go. After each kill the capture must be readable by `analyze` as it is,
and after `capture repair` with the same rows; no call is there twice; the calls that are missing among those that are
there are those that the file says are lost; and the file ends at most the flush interval and one batch before the kill.
With --disk the file is on a tmpfs of so many MB, which fills up; with --stop the collector is stopped for a while
first; with --rotate it goes on in another file of 2 MB again and again. Needs root and a C compiler.
"""

import argparse
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

CAPTURE = str(Path(sys.executable).with_name("capture"))
SOURCE = Path(__file__).with_name("numbered.c")
FLUSH = 0.5
BATCH = 163_840
SLACK = 1.0
"""Seconds for what a busy machine adds: a batch that is being written, and the scheduler."""

# One row a thread: how many numbered calls, how many different ones, the span of their numbers, when the last returned.
FOUND = """
SELECT tid, count(*), count(DISTINCT arg1), max(arg1) - min(arg1) + 1, min(arg1), epoch_ns(max(ts))
FROM events WHERE kind = 'syscall' AND syscall = 'lseek' GROUP BY tid ORDER BY tid
"""


@dataclass(frozen=True)
class Outcome:
    """What one kill left."""

    rows: int
    lost: int
    """Calls that it says are missing."""
    behind: float
    """Seconds from the last call in the file to the kill."""
    rate: float
    """Calls a second while it ran."""
    status: int


@contextmanager
def small_disk(megabytes: int | None) -> Iterator[Path]:
    """A folder, on a tmpfs of that size if there is one given."""
    with tempfile.TemporaryDirectory() as folder:
        if megabytes is None:
            yield Path(folder)
            return
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "none", folder], check=True)
        try:
            yield Path(folder)
        finally:
            subprocess.run(["umount", "-l", folder], check=True)


def read(folder: Path) -> tuple[list[tuple[int, ...]], int]:
    """What `analyze` finds in the captures of a folder: FOUND, and how many calls it says are lost.

    That is told by the account in the file, or by loss rows where a kill left none; on a full disk there may be no room
    for these at the end.
    """
    from analyze import open_capture

    with open_capture(str(folder)) as capture:
        threads = list(capture.sql(FOUND).rows())
        return threads, sum(capture.completeness.lost.values())


def check(folder: Path, killed_at: int, *, bound: float | None) -> tuple[int, int, float]:
    """Hold the files against the promises; rows, calls lost, seconds behind. Raises AssertionError with the reason."""
    threads, lost = read(folder)
    rows = sum(thread[1] for thread in threads)
    for tid, count, different, *_ in threads:
        assert count == different, f"thread {tid}: {count - different} calls are there twice"
    missing = sum(span - count for _, count, _, span, *_ in threads)
    assert missing >= 0
    behind = (killed_at - max((thread[5] for thread in threads), default=killed_at)) / 1e9
    if bound is not None:
        assert threads, "no row is there"
        assert behind <= bound, f"the file ends {behind:.2f} s before the kill"
    repaired = subprocess.run(
        [CAPTURE, "repair", *folder.glob("*.parquet")], capture_output=True, text=True, check=False
    )
    assert repaired.returncode == 0, repaired.stderr
    assert read(folder) == (threads, lost), "repair has changed the rows"
    # A loss is told of within a tenth of a second; what was lost after the last row of the kind may not be told yet.
    assert missing <= lost or missing - lost <= BATCH, f"{missing:,} calls are missing, {lost:,} are told of"
    return rows, missing, behind


def well_begun(path: Path) -> bool:
    """Is there something to lose: a journal of some size, or another file already?"""
    if len(list(path.parent.glob("*.parquet"))) > 1:
        return True
    journal = path.with_name(path.name + ".journal")
    return journal.exists() and journal.stat().st_size > 60_000


def kill_once(path: Path, load: Path, chance: random.Random, options: argparse.Namespace) -> Outcome:
    """One capture, killed."""
    words = [CAPTURE, "-w", str(path), "--flush", str(FLUSH), "-e", "lseek", "--force"]
    words += ["--durable"] if options.durable else []
    words += ["-C", "2m"] if options.rotate else []
    with subprocess.Popen([load, "0", "2"], stdout=subprocess.DEVNULL) as busy:
        busy.send_signal(signal.SIGSTOP)  # so that the collector starts at its own pace
        words += ["-p", str(busy.pid)]
        with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as collector:
            assert collector.stderr is not None
            said = collector.stderr.readline()
            busy.send_signal(signal.SIGCONT)
            while collector.poll() is None and not well_begun(path):
                time.sleep(0.005)
            began = time.monotonic()
            time.sleep(chance.uniform(0, 2.5))
            if options.stop and collector.poll() is None:
                collector.send_signal(signal.SIGSTOP)
                time.sleep(chance.uniform(0.1, 1.5))
                collector.send_signal(signal.SIGCONT)
                time.sleep(chance.uniform(0, 1.5))
            killed_at = time.time_ns()
            took = time.monotonic() - began
            collector.kill()
            said += collector.communicate()[1]
        busy.terminate()
    alive = collector.returncode == -signal.SIGKILL
    if not alive:
        assert options.disk is not None, f"it ended by itself: {said}"
        assert "No space left" in said, said
        assert "Traceback" not in said, said
    bound = FLUSH + SLACK if alive and options.disk is None and not options.stop else None
    try:
        rows, missing, behind = check(path.parent, killed_at, bound=bound)
    except AssertionError as error:
        raise AssertionError(f"status {collector.returncode}: {error}; it said: {said.strip()}") from error
    return Outcome(rows, missing, behind if alive else 0.0, rows / max(took, 0.1), collector.returncode)


def main() -> None:
    """Kill so often; a line for each, and a summary. The exit status is 1 if a promise was broken."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=40)
    parser.add_argument("--disk", type=int, metavar="MB", help="on a tmpfs of this size")
    parser.add_argument("--stop", action="store_true", help="stop the collector for a while before the kill")
    parser.add_argument("--rotate", action="store_true", help="into files of 2 MB")
    parser.add_argument("--durable", action="store_true", help="with capture --durable")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    chance = random.Random(options.seed)
    outcomes, broken = [], 0
    with tempfile.TemporaryDirectory() as tools:
        load = Path(tools, "numbered")
        subprocess.run(["cc", "-O2", "-pthread", "-o", load, SOURCE], check=True)
        for number in range(options.kills):
            with small_disk(options.disk) as folder:
                try:
                    outcome = kill_once(folder / "trace.parquet", load, chance, options)
                except AssertionError as error:
                    broken += 1
                    print(f"{number}: BROKEN: {error}", flush=True)
                    continue
            outcomes.append(outcome)
            how = "killed" if outcome.status < 0 else f"status {outcome.status}"
            print(
                f"{number}: {how}, {outcome.rows:,} calls, {outcome.lost:,} lost, ends {outcome.behind:.2f} s before",
                flush=True,
            )
    worst = max((one.behind for one in outcomes), default=0.0)
    print(
        f"{options.kills} kills, {broken} promises broken; {sum(one.rows for one in outcomes):,} calls, "
        f"{sum(one.lost for one in outcomes):,} lost, at most {worst:.2f} s before the kill"
    )
    sys.exit(bool(broken))


if __name__ == "__main__":
    main()
