"""Logs in, a capture out."""

import gc
import json
import re
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from analyze.errors import CaptureFileError
from analyze.importer.log import read
from analyze.importer.resumed import Joiner, untold
from analyze.importer.rows import Rows
from analyze.importer.threads import Threads
from analyze.render.text import timestamp
from schemas.arrow import EVENTS, Key
from schemas.version import SCHEMA_VERSION, TOOL_VERSION

T = TypeVar("T")
STDIN = "-"
GROUP = 500_000
"""Rows of a row group."""
_OWN_PID = re.compile(r"\.(\d+)$")
UNTOLD_BY_STRACE = (
    "imported from strace, which does not tell CPU and user (-1), control group and time on the run queue"
)


@dataclass(frozen=True)
class Imported:
    """What became of the lines."""

    lines: int
    rows: int
    calls: int
    strange: int
    """Lines that were not understood."""
    examples: list[str]
    """Some of them."""


@dataclass
class Read:
    """How much of the logs has been read, in bytes."""

    whole: int = 0
    done: int = 0

    @property
    def share(self) -> float:
        """Of the whole, 0 to 1; 0 if nobody knows how much there is."""
        return min(self.done / self.whole, 1.0) if self.whole else 0.0


def import_logs(names: Sequence[str], out: BinaryIO, progress: Read | None = None) -> Imported:
    """Write what strace's logs say to `out`, as a capture in Parquet; `-` is standard input.

    Several logs are one trace (strace -ff writes one a thread, FILE.TID), their rows sorted by time. Raises
    CaptureFileError for a log that cannot be read. `progress` tells others how far the work is.
    """
    gc.disable()  # it would look through a million small tuples again and again, and find nothing
    try:
        return _import(_Portions(names, progress or Read()), names, out)
    finally:
        gc.enable()


def _import(portions: "_Portions", names: Sequence[str], out: BinaryIO) -> Imported:
    schema = EVENTS.with_metadata(_metadata(names))
    count, first, last = 0, 0, 0
    with pq.ParquetWriter(out, schema, compression="zstd", write_page_checksum=True) as file:
        for table in _ahead(_grouped(portions, whole=len(portions.logs) > 1)):
            file.write_table(table.cast(schema), row_group_size=GROUP)
            portions.rows.count(table)
            count += table.num_rows
            span = pc.min_max(table.column("ts").cast(pa.int64())).as_py()
            first, last = min(first or span["min"], span["min"]), max(last, span["max"])
        counters = portions.rows.counters()
        file.add_key_value_metadata(
            {Key.START: _iso(first), Key.END: _iso(last), Key.COUNTERS: counters.to_json(), Key.NOTES: portions.notes()}
        )
    return Imported(portions.lines, count, counters.written, portions.rows.strange, portions.rows.examples)


class _Portions:
    """The rows of the logs, a portion at a time."""

    def __init__(self, names: Sequence[str], progress: Read) -> None:
        self.logs = sorted(names, key=_order)
        self.rows = Rows()
        self.lines = 0
        self._progress = progress
        progress.whole = sum(Path(name).stat().st_size for name in names if name != STDIN and Path(name).is_file())
        self._threads = Threads()

    def __iter__(self) -> Iterator[pa.Table]:
        """Each log's, one log after the other."""
        for name in self.logs:
            try:
                yield from self._portions(name)
            except OSError as error:
                raise CaptureFileError(f"{name}: {error.strerror}") from error

    def _portions(self, name: str) -> Iterator[pa.Table]:
        own = _OWN_PID.search(name)
        default = int(own[1]) if own else 0
        joiner = Joiner()
        path = None if name == STDIN else Path(name)
        with sys.stdin.buffer if path is None else path.open("rb") as stream:
            for lines in _ahead(read(path, stream)):
                self.lines += len(lines.texts) + lines.notices
                self._progress.done += len(lines.texts.block)
                default = default or untold(lines)
                lines.who = np.where(lines.who == 0, default, lines.who)
                joined = joiner.join(lines)
                yield self.rows.batch(self._threads.follow(joined, joiner.begun), self._threads.known)
        left = joiner.finish()
        if len(left.texts):
            yield self.rows.batch(self._threads.follow(left, {}), self._threads.known)

    def notes(self) -> str:
        """For the metadata: what the capture does not hold."""
        notes = [UNTOLD_BY_STRACE]
        if self.rows.strange:
            notes.append(f"{self.rows.strange:,} lines were not understood, such as: {self.rows.examples[0]}")
        return json.dumps(notes)


def _ahead(items: Iterator[T]) -> Iterator[T]:
    """The same, each made by another thread while the one before is used: numpy, Arrow and zstd let others work."""
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, items, None)
        while (item := coming.result()) is not None:
            coming = pool.submit(next, items, None)
            yield item


def _order(name: str) -> tuple[str, int]:
    """Logs of strace -ff by number of the thread, so that parents come before their children."""
    own = _OWN_PID.search(name)
    return (name[: own.start()], int(own[1])) if own else (name, 0)


def _grouped(tables: "_Portions", *, whole: bool) -> Iterator[pa.Table]:
    """The rows in portions of a row group, or with `whole` all at once, sorted by time."""
    waiting: list[pa.Table] = []
    for table in tables:
        waiting.append(table)
        if not whole and sum(one.num_rows for one in waiting) >= GROUP:
            yield pa.concat_tables(waiting).unify_dictionaries()
            waiting = []
    if waiting:
        rest = pa.concat_tables(waiting).unify_dictionaries()
        if rest.num_rows:
            yield rest.sort_by("ts") if whole else rest


def _metadata(names: Sequence[str]) -> dict[str, str]:
    return {
        Key.SCHEMA_VERSION: SCHEMA_VERSION,
        Key.TOOL_VERSION: TOOL_VERSION,
        Key.HOST: "",
        Key.MACHINE: "x86_64",
        Key.COMMAND: "analyze import " + " ".join(names[:10]) + " ..." * (len(names) > 10),
        Key.FILTER: "whatever strace was told",
        Key.BACKEND: "strace",
    }


def _iso(ns: int) -> str:
    return timestamp(ns, "%Y-%m-%dT%H:%M:%S") + "Z"
