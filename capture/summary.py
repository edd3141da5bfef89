"""What a capture adds up to, as `strace -c -w` prints it at the end: by call, time, number and errors."""

import sys
from collections import Counter

import numpy as np
import pyarrow as pa

from capture.arrays import Array
from schemas.line.columns import numbers, select

_COLUMNS = ("kind", "flags", "syscall", "dur_ns", "errno")
_RULE = "------ ----------- ----------- --------- --------- ----------------"


class Summary:
    """Adds up batches of the schema EVENTS; `text` may be asked for at any time."""

    def __init__(self) -> None:
        """Begin at nothing."""
        self._calls, self._errors, self._time = Counter[str](), Counter[str](), Counter[str]()

    def add(self, batch: pa.RecordBatch) -> None:
        """Count the calls of a batch, and the time that those took whose entry and return were seen."""
        rows = select(batch.select(_COLUMNS), ("syscall",))
        if not rows.num_rows:
            return
        coded = rows.column("syscall")
        names = coded.dictionary.to_pylist()
        codes = numbers(coded.indices)
        failed = codes[numbers(rows.column("errno").indices, -1) >= 0]
        self._count(self._calls, names, np.bincount(codes, minlength=len(names)))
        self._count(self._errors, names, np.bincount(failed, minlength=len(names)))
        # In floating point, as bincount weighs: exact up to 104 days of calls in one batch.
        self._count(self._time, names, np.bincount(codes, numbers(rows.column("dur_ns"), 0), len(names)))

    @staticmethod
    def _count(counter: Counter[str], names: list[str], counts: Array) -> None:
        counter.update({name: count for name, count in zip(names, counts.astype(int).tolist(), strict=True) if count})

    def text(self) -> str:
        """The table, the call that took most time first."""
        total = max(sum(self._time.values()), 1)
        names = sorted(self._calls, key=lambda name: (-self._time[name], -self._calls[name], name))
        lines = [self._line(name, self._time[name], total, self._calls[name], self._errors[name]) for name in names]
        heading = f"{'% time':>6} {'seconds':>11} {'usecs/call':>11} {'calls':>9} {'errors':>9} syscall"
        sums = self._line("total", sum(self._time.values()), total, self._calls.total(), self._errors.total())
        return "\n".join([heading, _RULE, *lines, _RULE, sums])

    @staticmethod
    def _line(name: str, time: int, total: int, calls: int, errors: int) -> str:
        each = time // 1000 // max(calls, 1)
        return f"{100 * time / total:6.2f} {time / 1e9:11.6f} {each:11d} {calls:9d} {errors or '':>9} {name}"

    def print(self) -> None:
        """Print the table where strace prints it, on standard error."""
        print(self.text(), file=sys.stderr, flush=True)
