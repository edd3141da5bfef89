"""Makes a large capture of real, mixed work, to measure `analyze` with (see scripts/bench_analyze.py). As root:

    python scripts/make_big_capture.py FILE [ROUNDS]
    python scripts/make_big_capture.py FILE --repeat SOURCE TIMES

The first records so many rounds of scripts/big_workload.py, by default about ten million calls. The second writes the
rows of SOURCE several times, each time later and with other pids, as a longer recording of the same work would have
them; the metadata of FILE says so.
"""

import argparse
import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from capture.sink.parquet import ParquetSink
from schemas.arrow import EVENTS, Key

HERE = Path(__file__).resolve().parent
ROUNDS = 45
MOST_PIDS = 1 << 22
"""The kernel's own limit."""
OF_THREADS = ("pid", "tid", "ppid")
THREAD_IN_ARG0 = ("fork", "exec")
NAMES = ("cpu", "nr")
"""Numbers in the accounting that count nothing."""


def record(path: Path, rounds: int) -> None:
    """Record the work."""
    program = Path(sys.executable).with_name("capture")
    work = ["/usr/bin/python3", str(HERE / "big_workload.py"), str(rounds)]
    subprocess.run([program, "--force", "-w", path, "--", *work], check=True)


def repeat(path: Path, source: Path, times: int) -> None:
    """Write the rows of `source` so many times, shifted in time and pids."""
    file = pq.ParquetFile(source)
    known = {key.decode(): value.decode() for key, value in file.schema_arrow.metadata.items()}
    notes = json.loads(known.get(Key.NOTES, "[]"))
    known[Key.NOTES] = json.dumps(
        [*notes, f"the rows of one recording, {times} times: each time later, with other pids"]
    )
    counters = json.loads(known.pop(Key.COUNTERS))
    known.pop(Key.END)
    narrow = pq.read_table(source, columns=["ts", "pid"])
    first, last = (int(part.value) for part in pc.min_max(narrow["ts"]).values())
    length, pids = last - first + 10**9, pc.max(narrow["pid"]).as_py() + 1
    if pids * times > MOST_PIDS:
        sys.exit(f"{source}: {times} times its pids are more than a kernel has; repeat it less often")
    sink = ParquetSink(path, known, force=True)
    for number in range(times):
        for group in range(file.num_row_groups):
            for batch in file.read_row_group(group).unify_dictionaries().combine_chunks().to_batches():
                sink.write(_shifted(batch, number * length, number * pids))
    end = datetime.fromtimestamp((last + (times - 1) * length) // 10**9 + 1, UTC)
    sink.close({Key.END: f"{end:%Y-%m-%dT%H:%M:%SZ}", Key.COUNTERS: json.dumps(_times(counters, times))})


def _shifted(batch: pa.RecordBatch, ns: int, pids: int) -> pa.RecordBatch:
    """The batch, later by `ns` and with pids higher by `pids`, where a row has any."""
    found = {field.name: batch[field.name].cast(field.type) for field in EVENTS}
    found["ts"] = pc.add(found["ts"], pa.scalar(ns, pa.duration("ns")))
    for name in OF_THREADS:
        found[name] = pc.if_else(
            pc.greater(found[name], 0), pc.add(found[name], pa.scalar(pids, pa.int32())), found[name]
        )
    threads = pc.is_in(found["kind"].dictionary_decode(), pa.array(THREAD_IN_ARG0))
    found["arg0"] = pc.if_else(threads, pc.add(found["arg0"], pa.scalar(pids, pa.int64())), found["arg0"])
    return pa.RecordBatch.from_arrays(list(found.values()), schema=EVENTS)


def _times(counted: Any, times: int, name: str = "") -> Any:  # noqa: ANN401 - JSON
    """The accounting of so many such recordings."""
    if isinstance(counted, dict):
        return {key: _times(value, times, key) for key, value in counted.items()}
    if isinstance(counted, list):
        return [_times(value, times) for value in counted]
    return counted * times if isinstance(counted, int) and name not in NAMES else counted


def main() -> None:
    """Make what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("rounds", nargs="?", type=int, default=ROUNDS)
    parser.add_argument("--repeat", nargs=2, metavar=("SOURCE", "TIMES"))
    given = parser.parse_args()
    if given.repeat:
        repeat(given.file, Path(given.repeat[0]), int(given.repeat[1]))
    else:
        record(given.file, given.rounds)


if __name__ == "__main__":
    main()
