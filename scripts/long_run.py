"""Record a steady load for a long time, in files that rotate, and hold the result against what the load counted itself.

    python scripts/long_run.py [--minutes 10] [--rate 300000] [--size 100m]

Two threads make numbered calls at that rate while everything on the host is recorded, at default settings. Then:
nothing is lost; memory has not grown since the first quarter; every file is whole, balances, and has the size asked
for; each numbered call is in exactly one file; what the files count adds up to what the capture says it has seen.
Needs root and a C compiler.
"""

import argparse
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from capture.cli.units import size as capture_size
from schemas.arrow import Key
from schemas.counters import Counters
from schemas.record import Flag

CAPTURE = str(Path(sys.executable).with_name("capture"))
SOURCE = Path(__file__).with_name("numbered.c")
COLUMNS = ["kind", "syscall", "tid", "arg1", "flags"]
NEAR = 0.05
"""By what part of it a file may miss the size asked for, unless calls were lost: then the writer was behind too."""
FLAT = 0.05
"""By what part the memory may grow: the median of the last quarter of the time over that of the second."""


def resident(pid: int) -> int:
    """VmRSS, bytes."""
    found = re.search(r"^VmRSS:\s*(\d+) kB", Path(f"/proc/{pid}/status").read_text(), re.M)
    assert found is not None
    return int(found[1]) * 1024


def run(folder: Path, options: argparse.Namespace) -> tuple[str, dict[int, int], list[int]]:
    """Record; what the capture said, what each thread of the load counted, and the memory once a second."""
    load = folder / "numbered"
    subprocess.run(["cc", "-O2", "-pthread", "-o", load, SOURCE], check=True)
    words = [CAPTURE, "-w", str(folder / "run.parquet"), "-C", options.size]
    memory: list[int] = []
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as collector:
        assert collector.stderr is not None
        said = collector.stderr.readline()
        assert "recording" in said, said
        with subprocess.Popen([load, str(options.rate), "2"], stdout=subprocess.PIPE, text=True) as busy:
            end = time.monotonic() + 60 * options.minutes
            while time.monotonic() < end:
                time.sleep(1)
                memory.append(resident(collector.pid))
            busy.terminate()
            counted = {int(tid): int(count) for tid, count in map(str.split, busy.communicate()[0].splitlines())}
        collector.terminate()
        said += collector.communicate()[1]
    assert collector.returncode == 0, said
    return said, counted, memory


def squares(numbers: npt.NDArray[np.int64]) -> int:
    """The sum of the squares, exactly: numbers near each other are small beside their least."""
    least = int(numbers.min(initial=1 << 62))
    rest = numbers - least
    return int((rest * rest).sum()) + 2 * least * int(rest.sum()) + len(numbers) * least * least


class Found:
    """What the files hold, added up; numbers are compared by count, sum and sum of squares."""

    def __init__(self) -> None:
        self.seen = self.rows = self.dropped = self.dropped_numbers = 0
        self.numbers: dict[int, list[int]] = {}

    def add(self, path: Path) -> None:
        """One file, all pages read against their checksums."""
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            counters = Counters.from_json(file.schema_arrow.metadata[Key.COUNTERS.encode()].decode())
            assert counters.balance() == [], path
            self.seen += counters.seen
            self.dropped += sum(counters.dropped.values())
            lost = (sum(cell.dropped.values()) for cell in counters.cells if cell.syscall == "lseek")
            self.dropped_numbers += sum(lost)
            calls = 0
            for batch in file.iter_batches(columns=COLUMNS):
                plain = pc.equal(pc.bit_wise_and(batch["flags"], int(Flag.STATE_ONLY)), 0)
                ours = batch.filter(pc.and_(pc.equal(batch["kind"].cast("string"), "syscall"), plain))
                calls += ours.num_rows
                self._count(ours.filter(pc.equal(ours["syscall"].cast("string"), "lseek")))
            assert calls == counters.written, (path, calls, counters.written)
            self.rows += file.metadata.num_rows

    def _count(self, calls: pa.RecordBatch) -> None:
        for tid in pc.unique(calls["tid"]).to_pylist():
            numbers = calls.filter(pc.equal(calls["tid"], tid))["arg1"].to_numpy()
            totals = self.numbers.setdefault(tid, [0, 0, 0])
            for power, part in enumerate((len(numbers), numbers.sum(), squares(numbers))):
                totals[power] += int(part)

    def has_each(self, counted: dict[int, int]) -> bool:
        """Is every number of every thread there once, or counted as dropped?"""
        if self.dropped_numbers:
            missing = sum(counted.values()) - sum(self.numbers[tid][0] for tid in counted)
            return 0 <= missing <= self.dropped_numbers
        return all(
            self.numbers.get(tid) == [n, n * (n - 1) // 2, (n - 1) * n * (2 * n - 1) // 6] for tid, n in counted.items()
        )


def main() -> None:
    """Run it, and say what was found; the exit status is 1 if something is not as promised."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--rate", type=int, default=300_000, help="calls a second")
    parser.add_argument("--size", default="100m", help="of each file")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as name:
        folder = Path(name)
        said, counted, memory = run(folder, options)
        files = sorted(folder.glob("*.parquet"), key=lambda path: path.stat().st_mtime)
        sizes = [path.stat().st_size for path in files]
        found = Found()
        for path in files:
            found.add(path)
        leftovers = [path.name for path in folder.glob("*.journal*")]
    total = re.search(r"^([\d,]+) calls seen$", said, re.M)
    assert total is not None, said
    limit = capture_size(options.size, "-C")
    quarter = len(memory) // 4
    early, late = statistics.median(memory[quarter : 2 * quarter]), statistics.median(memory[-quarter:])
    checks = {
        "nothing lost": not found.dropped,
        "every file is whole": not leftovers,
        "each numbered call is there once, or counted as dropped": found.has_each(counted),
        "the files add up to the whole": found.seen == int(total[1].replace(",", "")),
        "sizes as asked for": all(abs(size - limit) <= NEAR * limit for size in sizes[:-1]) or bool(found.dropped),
        "memory is flat": late - early <= FLAT * early,
    }
    print(said, end="")
    print(f"{sum(counted.values()):,} numbered calls, {sum(counted.values()) / (60 * options.minutes):,.0f} a second")
    print(f"{len(files)} files of {min(sizes[:-1] or sizes):,} to {max(sizes):,} bytes, the last {sizes[-1]:,}")
    print(f"{sum(sizes) / found.rows:.2f} bytes a row; memory {early / 1e6:.0f}, then {late / 1e6:.0f} MB")
    for promise, kept in checks.items():
        print(f"{'ok' if kept else 'BROKEN':8}{promise}")
    sys.exit(not all(checks.values()))


if __name__ == "__main__":
    main()
