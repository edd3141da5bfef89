"""From what the user names to the capture files of one trace, each opened and checked.

A finished Parquet capture is read by DuckDB itself. What is not: an Arrow stream (`capture -w x.arrows`, or `-` for
standard input), and a Parquet capture whose collector still runs or died, which is read with its journal.
"""

import glob
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analyze.errors import CaptureFileError, first_line
from analyze.metadata import PREFIX, Metadata
from schemas.version import SCHEMA_VERSION

if TYPE_CHECKING:
    import duckdb

SUFFIXES = (".parquet", ".arrows")
PARQUET = b"PAR1"
STREAM = b"\xff\xff\xff\xff"
STDIN = "-"
JOURNAL = ".journal"


class State(StrEnum):
    """How far the writing of a capture came."""

    FINISHED = "finished"
    LIVE = "live"
    """It goes on."""
    CUT = "cut"
    REPAIRED = "repaired"
    """Cut, and made a whole file afterwards."""


@dataclass(frozen=True)
class Source:
    """One capture. `tables` is empty for a finished Parquet file; else Arrow tables or datasets that hold its rows."""

    name: str
    metadata: Metadata
    tables: list[Any] = field(default_factory=list)
    live: bool = False
    journalled: bool = False
    """Whether it is read with a journal, being written still or cut short."""

    @property
    def finished(self) -> bool:
        """Whether the collector came to its end."""
        return self.metadata.finished

    @property
    def state(self) -> State:
        """How far its writing came."""
        if self.finished:
            return State.FINISHED
        if self.live:
            return State.LIVE
        return State.CUT if self.tables else State.REPAIRED


def find(names: Iterable[str]) -> list[str]:
    """The capture files that files, globs and folders name, each once, in the order given; a folder's by name.

    Raises CaptureFileError for a name that leads to nothing.
    """
    found: dict[str, None] = {}
    for name in names:
        found.update(dict.fromkeys(_expand(name)))
    if not found:
        raise CaptureFileError(
            "no capture given: name a file, a glob or a folder, as in `analyze summary trace.parquet`"
        )
    return list(found)


def _expand(name: str) -> list[str]:
    path = Path(name)
    if name == STDIN or path.is_file():
        return [name]
    if path.is_dir():
        inside = sorted(str(file) for file in path.rglob("*") if file.suffix in SUFFIXES and file.is_file())
        if not inside:
            raise CaptureFileError(f"{name}: no capture in this folder (looked for *.parquet and *.arrows)")
        return inside
    found = glob.glob(name, recursive=True)  # noqa: PTH207 - a pattern may be absolute
    matches = sorted(match for match in found if not match.endswith(JOURNAL))
    if matches:
        return [file for match in matches for file in _expand(match)]
    if path.exists():
        return [name]
    raise CaptureFileError(f"{name}: no such file")


def open_sources(names: Iterable[str], database: "duckdb.DuckDBPyConnection") -> list[Source]:
    """Every capture that `names` lead to, checked. Raises CaptureFileError for the first that cannot be read."""
    files = find(names)
    forms = {file: _form(file) for file in files}
    parquet = _parquet_metadata([file for file in files if forms[file] == PARQUET], database)
    sources = [_open(file, forms[file], parquet.get(file)) for file in files]
    for source in sources:
        if source.metadata.pairs or forms[source.name]:  # else killed before its first record: an empty capture
            _check(source)
    return sources


def _form(name: str) -> bytes:
    """PARQUET for a finished Parquet file, STREAM for an Arrow stream, b'' for a capture with a journal."""
    if name == STDIN:
        return STREAM
    try:
        with Path(name).open("rb") as file:
            head = file.read(4)
            if head == STREAM:
                return STREAM
            if Path(name + JOURNAL).exists():
                return b""
            size = file.seek(0, 2)
            file.seek(max(0, size - 4))
            tail = file.read(4)
    except OSError as error:
        raise CaptureFileError(f"{name}: {error.strerror}") from error
    if head == PARQUET and tail == PARQUET:
        return PARQUET
    if head == PARQUET:
        raise CaptureFileError(f"{name}: cut short, and {name}{JOURNAL}, which would tell what is whole, is not there")
    what = "empty" if size == 0 else "neither Parquet nor an Arrow stream"
    raise CaptureFileError(f"{name}: {what}, so no capture; record one with `capture -w {name}`")


def _open(name: str, form: bytes, metadata: Metadata | None) -> Source:
    if metadata is not None:
        return Source(name, metadata)
    return _open_stream(name) if form == STREAM else _open_unfinished(name)


def _parquet_metadata(files: list[str], database: "duckdb.DuckDBPyConnection") -> dict[str, Metadata]:
    """What each Parquet file's key-values say."""
    import duckdb

    pairs: dict[str, dict[str, str]] = {file: {} for file in files}
    query = (
        "SELECT file_name, decode(key), decode(value) FROM parquet_kv_metadata($1) WHERE starts_with(decode(key), $2)"
    )
    for file in files:
        try:
            for name, key, value in database.execute(query, [[file], PREFIX]).fetchall():
                pairs[name][key.removeprefix(PREFIX)] = value
        except duckdb.Error as error:
            raise CaptureFileError(f"{file}: damaged: {first_line(error)}") from error
    return {file: Metadata(found) for file, found in pairs.items()}


def _decode(metadata: Mapping[bytes, bytes] | None) -> dict[str, str]:
    """Those of ours, without the prefix. Raises ValueError for one that is no UTF-8."""
    pairs = {key.decode(): value.decode() for key, value in (metadata or {}).items() if key.startswith(PREFIX.encode())}
    return {key.removeprefix(PREFIX): value for key, value in pairs.items()}


def _open_stream(name: str) -> Source:
    """An Arrow stream, memory-mapped unless it is standard input; one that was cut keeps its whole batches."""
    import pyarrow as pa

    batches: list[pa.RecordBatch] = []
    try:
        with pa.ipc.open_stream(sys.stdin.buffer if name == STDIN else pa.memory_map(name)) as stream:
            schema, metadata = stream.schema, _decode(stream.schema.metadata)
            while True:
                try:
                    batch, extra = stream.read_next_batch_with_custom_metadata()
                except StopIteration:
                    break
                except (pa.ArrowException, OSError):
                    if metadata.get("schema_version") is None:
                        raise
                    break
                batch.validate(full=True)  # nobody after us does: what lies about its lengths would be read beyond them
                batches.append(batch)
                metadata.update(_decode(extra))
    except (pa.ArrowException, OSError, ValueError) as error:
        raise CaptureFileError(f"{name}: no readable Arrow stream: {first_line(error)}") from error
    return Source(name, Metadata(metadata), [pa.Table.from_batches(batches, schema.remove_metadata())])


def _open_unfinished(name: str) -> Source:
    """A Parquet capture with a journal: its row groups as a dataset, so that only what is asked for is read."""
    import pyarrow as pa
    import pyarrow.dataset as ds

    from schemas.capture_file import open_capture_file

    try:
        file = open_capture_file(Path(name))
        journal = file.journal
        metadata = _decode(journal.file_schema().metadata if journal else None)
        tables: list[Any] = [file.tail] if file.tail.num_rows else []
        if journal is not None and journal.groups:
            form = ds.ParquetFileFormat()
            body = form.make_fragment(pa.PythonFile(file.parquet, "r"))
            tables.insert(0, ds.FileSystemDataset([body], body.physical_schema, form))
    except (pa.ArrowException, OSError, ValueError) as error:
        raise CaptureFileError(f"{name}: cannot be read with its journal: {first_line(error)}") from error
    return Source(name, Metadata(metadata), tables or [file.tail], file.live, journalled=True)


def _check(source: Source) -> None:
    try:
        source.metadata.check()
    except ValueError as error:
        raise CaptureFileError(f"{source.name}: damaged: {first_line(error)}") from error
    version = source.metadata.schema_version
    if version is None:
        raise CaptureFileError(f"{source.name}: not a capture: no {PREFIX}schema_version in its metadata")
    if version.partition(".")[0] != SCHEMA_VERSION.partition(".")[0]:
        remedy = "a newer systape reads it" if _major(version) > _major(SCHEMA_VERSION) else "an older systape reads it"
        raise CaptureFileError(
            f"{source.name}: written with schema {version}, this analyze reads {SCHEMA_VERSION}; {remedy}"
        )


def _major(version: str) -> int:
    head = version.partition(".")[0]
    return int(head) if head.isdecimal() and len(head) < 9 else sys.maxsize
