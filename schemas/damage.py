"""Row groups of a capture that are not what its journal says was written, and the rows that tell of their loss.

Without --durable the kernel brings the capture and its journal to the disk in an order of its own. After a power cut
the journal may thus know a row group that is short, zeroes, or what was on the disk before.
"""

import os
import zlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from schemas.journal import PARQUET_MAGIC, Group, Journal, pack_tail, parse_footer, unpack_tail
from schemas.record import Cause

if TYPE_CHECKING:
    import pyarrow as pa

PIECE = 1 << 20
"""Bytes read at once."""
NOWHERE = -1
"""The CPU of a row that stands for calls on all of them."""


def leave_out(journal: Journal, fd: int) -> list[Group]:
    """Take the row groups that are damaged out of `journal`, and return them; `fd` is the capture.

    Reads all of them once. Raises ValueError for row groups that overlap, as no writer makes them.
    """
    end = len(PARQUET_MAGIC)
    for group in journal.groups:
        if not end <= group.start <= group.end:
            raise ValueError("row groups in it overlap")
        end = group.end
    groups, journal.groups = journal.groups, []
    damaged: list[Group] = []
    for group in groups:
        (journal.groups if _is_whole(group, fd) else damaged).append(group)
    return damaged


def tail_rows(payloads: Sequence[bytes], damaged: Sequence[Group], schema: "pa.Schema") -> "pa.Table":
    """The rows of TAIL payloads, and after them one of kind loss for each of these row groups.

    Such a row stands for as many calls as the row group had rows: how many of them were of another kind nobody knows
    any more. Its interval is from the first entry to the last, by the footer. Raises ValueError for a footer that is
    damaged.
    """
    import pyarrow as pa

    if not damaged:
        return unpack_tail(payloads, schema)
    rows = [_loss_row(group) for group in damaged]
    losses = pa.RecordBatch.from_pylist(rows, schema=schema)
    return unpack_tail([*payloads, pack_tail(losses)], schema)


def _is_whole(group: Group, fd: int) -> bool:
    crc = 0
    for at in range(group.start, group.end, PIECE):
        wanted = min(PIECE, group.end - at)
        piece = os.pread(fd, wanted, at)
        if len(piece) < wanted:
            return False
        crc = zlib.crc32(piece, crc)
    return crc == group.crc


def _loss_row(group: Group) -> dict[str, object]:
    began, ended = _span(group)
    nobody = {"pid": 0, "tid": 0, "uid": 0, "comm": "", "abi": "", "cpu": NOWHERE, "flags": 0}
    what = {"kind": "loss", "arg0": Cause.DAMAGED.value, "weight": group.rows}
    return {"ts": began, "dur_ns": ended - began, **what, **nobody}


def _span(group: Group) -> tuple[int, int]:
    """The first entry in it and the last, ns since the epoch; nothing to nothing where the footer does not tell."""
    footer = parse_footer(group.footer)
    columns = footer.row_group(0)
    for index in range(columns.num_columns):
        column = columns.column(index)
        if column.path_in_schema == "ts" and column.is_stats_set:
            return int(column.statistics.min_raw), int(column.statistics.max_raw)
    return 0, 0
