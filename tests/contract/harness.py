"""Runs `capture` as a user does and reads back what it wrote; every recording's accounts are checked on the way."""

import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from capture.loaders import LOADERS as KNOWN
from schemas.arrow import Key
from schemas.counters import Counters
from schemas.record import Cause, Flag

CAPTURE = str(Path(sys.executable).with_name("capture"))
WORKLOADS = Path(__file__).parent / "workloads"
WHY_NOT = {loader.name: loader.unavailable() for loader in KNOWN}
"""By loader: None, or why it cannot run here."""
PATIENCE = 60.0


@dataclass
class Recording:
    """A capture that has ended: exit status, what it said, the file."""

    path: Path
    status: int
    said: str
    out: str = ""

    @cached_property
    def table(self) -> pa.Table:
        """All rows, ts as nanoseconds and names as plain text."""
        table = pq.read_table(self.path)
        for index, field_ in enumerate(table.schema):
            if pa.types.is_timestamp(field_.type):
                table = table.set_column(index, field_.name, table.column(index).cast(pa.int64()))
            elif pa.types.is_dictionary(field_.type):
                table = table.set_column(index, field_.name, table.column(index).cast(pa.string()))
        return table

    @cached_property
    def metadata(self) -> dict[str, str]:
        """The file's metadata."""
        return {key.decode(): value.decode() for key, value in pq.read_schema(self.path).metadata.items()}

    @cached_property
    def counters(self) -> Counters:
        """The file's account."""
        return Counters.from_json(self.metadata[Key.COUNTERS])

    def rows(self, **equal: Any) -> list[dict[str, Any]]:
        """The rows in which each of these columns has this value, or one of these values."""
        return self.where(**equal).to_pylist()

    def where(self, **equal: Any) -> pa.Table:
        """As `rows`, as a table."""
        table = self.table
        for name, value in equal.items():
            wanted = list(value) if isinstance(value, tuple | set) else [value]
            kind = table.schema.field(name).type
            table = table.filter(pc.is_in(table.column(name), pa.array(wanted, kind)))
        return table

    def calls(self, **equal: Any) -> pa.Table:
        """Rows of calls that the user's filter kept."""
        table = self.where(kind="syscall", **equal)
        return table.filter(pc.equal(pc.bit_wise_and(table["flags"], int(Flag.STATE_ONLY)), 0))

    def audit(self) -> "Recording":
        """Hold the file against its own account: rows, per CPU and call, and loss rows, per CPU, call and cause.

        Where the disk was full there may have been no room for the rows either that say so.
        """
        counters = self.counters
        assert counters.balance() == []
        assert counters.seen == counters.written + sum(counters.dropped.values())
        written, lost = Counter[Any](), Counter[Any]()
        for cell in counters.cells:
            written[cell.cpu, _cell(cell.nr, cell.abi)] += cell.written
            for cause, calls in cell.dropped.items():
                lost[cell.cpu, _cell(cell.nr, cell.abi), cause] += calls
        rows = _count(self.calls(), ["cpu", "nr", "abi"])
        assert _by_cell(rows) == +written
        losses = Counter[Any]()
        for row in self.rows(kind="loss"):
            losses[row["cpu"], _cell(row["nr"], row["abi"]), Cause(row["arg0"]).name.lower()] += row["weight"]
        unwritten = {key for key in losses | lost if losses[key] < lost[key] and key[2] == "writer"}
        assert {key: losses[key] for key in losses if key not in unwritten} == {
            key: lost[key] for key in +lost if key not in unwritten
        }
        return self


def _cell(nr: int, abi: str) -> tuple[int, str]:
    """The accounting cell as people name it: (-1, other) for calls without one of their own."""
    return (nr, abi) if abi in ("x86_64", "i386") and 0 <= nr < 512 else (-1, "other")


def _count(table: pa.Table, names: list[str]) -> Counter[tuple[Any, ...]]:
    grouped = table.group_by(names).aggregate([([], "count_all")])
    return Counter({tuple(row[name] for name in names): row["count_all"] for row in grouped.to_pylist()})


def _by_cell(rows: Counter[tuple[Any, ...]]) -> Counter[Any]:
    cells = Counter[Any]()
    for (cpu, nr, abi), count in rows.items():
        cells[cpu, _cell(nr, abi)] += count
    return cells


def record(path: Path, *options: str, command: Sequence[str | Path], **popen: Any) -> Recording:
    """`capture -w PATH OPTIONS -- COMMAND` from start to end."""
    words = [CAPTURE, "-w", str(path), *options, "--", *map(str, command)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE, check=False, **popen)
    return Recording(path, done.returncode, done.stderr, done.stdout)


@dataclass
class Running:
    """A capture that records now. `stop` ends it and gives the recording."""

    path: Path
    process: subprocess.Popen[bytes]
    below_another: bool = False
    said: bytes = b""
    _selector: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)

    @property
    def pid(self) -> int:
        """The collector's process: ours, or a child where it was started below another program."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return int(children[0]) if self.below_another else self.process.pid

    def wait_for(self, text: str, patience: float = PATIENCE) -> None:
        """Until standard error holds `text`."""
        assert self.process.stderr is not None
        end = time.monotonic() + patience
        while text.encode() not in self.said:
            assert time.monotonic() < end, f"not said: {text!r}; said: {self.said.decode()}"
            if self._selector.select(end - time.monotonic()):
                piece = os.read(self.process.stderr.fileno(), 65536)
                assert piece, f"ended without saying {text!r}: {self.said.decode()}"
                self.said += piece

    def stop(self, number: int | None = signal.SIGINT) -> Recording:
        """Send the signal, if any, and wait for the end."""
        if number is not None:
            os.kill(self.pid, number)
        out, rest = self.process.communicate(timeout=PATIENCE)
        return Recording(self.path, self.process.returncode, (self.said + rest).decode(), (out or b"").decode())


@contextmanager
def recording(
    path: Path, *options: str, command: Sequence[str | Path] = (), program: Sequence[str] = (CAPTURE,), **popen: Any
) -> Iterator[Running]:
    """A capture in the background, entered once it says that it records; killed if the test has not stopped it.

    `program` is how it is started: `capture`, or that below another program.
    """
    words = [*program, "-w", str(path), *options, *(["--", *map(str, command)] if command else [])]
    process = subprocess.Popen(words, stderr=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True, **popen)
    running = Running(path, process, below_another=program != (CAPTURE,))
    assert process.stderr is not None
    running._selector.register(process.stderr, selectors.EVENT_READ)
    try:
        running.wait_for("recording")
        yield running
    finally:
        running._selector.close()
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        for stream in (process.stderr, process.stdout):
            if stream is not None:
                stream.close()


def run(program: Path, *arguments: object) -> Any:
    """Run a workload untraced by us and give the JSON that it prints."""
    return json.loads(subprocess.run([program, *map(str, arguments)], capture_output=True, check=True).stdout)
