"""Captures made for tests, and their rows as plain Python to compare with."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from schemas.arrow import EVENTS, Key
from schemas.counters import Cell, Counters
from schemas.version import SCHEMA_VERSION, TOOL_VERSION

START = 1_790_000_000_000_000_000
CALLS = ("read", "write", "openat", "close", "futex", "connect")
NAMES = ("nginx", "sshd", "a worker", "\x1b[31mred", "日本語")
PATHS = ("/etc/passwd", "/proc/1/stat", "/var/log/a b.log", "", None, "relative", "/var/lib/été")
ADDRESSES = ("10.0.0.7:443", "[::1]:53", "unix:/run/x.sock", "[fe80::1]:8080", "10.0.0.70:80")
CGROUPS = ("/init.scope", f"/docker/{'0123456789ab' * 5}cdef", None)
ERRORS = ("ENOENT", "EAGAIN", "ECONNREFUSED")


def make_rows(count: int, seed: int = 0) -> list[dict[str, Any]]:
    """Calls of a few processes and threads, some failed, some without a duration, in an order that is not of time."""
    random = np.random.default_rng(seed)
    rows = []
    for index in range(count):
        number = int(random.integers(len(CALLS)))
        opens, connects = CALLS[number] == "openat", CALLS[number] == "connect"
        pid = 100 + int(random.integers(5))
        tid = pid + 1000 * int(random.integers(3))
        failed, timed = random.random() < 0.2, random.random() > 0.03
        rows.append(
            plain_row(
                ts=START + index * 1000 + int(random.integers(500)),
                dur_ns=int(np.exp(random.normal(7 + number, 2))) if timed else None,
                pid=pid,
                tid=tid,
                comm=NAMES[(pid + (tid > pid) + index // 400) % len(NAMES)],
                syscall=CALLS[number],
                nr=number,
                ret=-2 if failed else int(random.integers(4096)),
                errno=ERRORS[int(random.integers(3))] if failed else None,
                arg0=int(random.integers(-3, 40)),
                arg1=int(random.integers(1 << 40)),
                fd=None if number == 4 else int(random.integers(20)),
                path=PATHS[int(random.integers(len(PATHS)))] if opens else None,
                addr=ADDRESSES[int(random.integers(len(ADDRESSES)))] if connects else None,
                runq_ns=int(random.integers(5000)) if timed else None,
                cpu=int(random.integers(2)),
                uid=int(random.integers(2)) * 1000,
                cgroup=CGROUPS[pid % 3],
                flags=0 if timed else 1,
            )
        )
    return rows


def varied(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same calls, some of them by a 32-bit program, and some not finished when the capture ended."""
    for row in rows[::17]:
        row.update(abi="i386", nr=row["nr"] + 3)
    for row in rows[::23]:
        row.update(dur_ns=None, ret=None, errno=None, runq_ns=None, flags=2)
    return rows


def plain_row(**values: Any) -> dict[str, Any]:
    """A row of kind `syscall` with these values; the others are NULL where they may be."""
    row: dict[str, Any] = {field.name: None for field in EVENTS}
    row.update(kind="syscall", ts=START, pid=1, tid=1, comm="init", abi="x86_64", cpu=0, uid=0, weight=1, flags=0)
    return {**row, **values}


def loss_row(syscall: str | None, weight: int, cause: int = 0, **values: Any) -> dict[str, Any]:
    """A row of kind `loss`."""
    return plain_row(
        **{
            "kind": "loss",
            "syscall": syscall,
            "weight": weight,
            "arg0": cause,
            "pid": 0,
            "tid": 0,
            "comm": "",
            **values,
        }
    )


def table_of(rows: list[dict[str, Any]]) -> pa.Table:
    """The rows in the contract's schema."""
    return pa.Table.from_pylist(rows, schema=EVENTS)


def counters_of(rows: list[dict[str, Any]]) -> Counters:
    """The accounting that a sound collector writes beside these rows."""
    cells: dict[tuple[int, str], Cell] = {}
    for row in rows:
        cell = cells.setdefault(
            (row["cpu"], row["syscall"]), Cell(row["cpu"], "x86_64", row["nr"] or 0, row["syscall"])
        )
        if row["kind"] == "loss":
            cell.dropped["ring_full"] = cell.dropped.get("ring_full", 0) + row["weight"]
            cell.seen += row["weight"]
        elif row["kind"] == "syscall" and not row["flags"] & 32:
            cell.written += 1
            cell.seen += 1
    return Counters(cells=list(cells.values()))


def metadata_of(rows: list[dict[str, Any]], **changed: str | None) -> dict[str, str]:
    """The file's metadata; `changed` by the names in Key, None leaves one out."""
    values: dict[str, str | None] = {
        Key.SCHEMA_VERSION: SCHEMA_VERSION,
        Key.TOOL_VERSION: TOOL_VERSION,
        Key.HOST: "box",
        Key.COUNTERS: counters_of(rows).to_json(),
    }
    values.update({Key[name.upper()]: value for name, value in changed.items()})
    return {key: value for key, value in values.items() if value is not None}


def write_parquet(path: Path, rows: list[dict[str, Any]], **changed: str | None) -> Path:
    """A finished capture."""
    return write_table(path, table_of(rows), metadata_of(rows, **changed))


def write_table(path: Path, table: pa.Table, metadata: Mapping[str, str]) -> Path:
    """A Parquet file with this metadata."""
    pq.write_table(table.replace_schema_metadata(dict(metadata)), path, row_group_size=500, write_page_checksum=True)
    return path


def write_stream(path: Path, rows: list[dict[str, Any]], **changed: str | None) -> Path:
    """A capture as an Arrow stream, the counters in the custom metadata of a last, empty batch."""
    known = metadata_of(rows, **changed)
    late = {key: known.pop(key) for key in (Key.COUNTERS,) if key in known}
    schema = EVENTS.with_metadata(dict(known))
    table = table_of(rows).combine_chunks()
    with pa.OSFile(str(path), "wb") as out, pa.ipc.new_stream(out, schema) as stream:
        for batch in table.to_batches():
            stream.write_batch(batch)
        if late:
            empty = pa.RecordBatch.from_pylist([], schema=schema)
            stream.write_batch(empty, custom_metadata={str(key): value for key, value in late.items()})
    return path
