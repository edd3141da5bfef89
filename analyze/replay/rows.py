"""The rows that change what is known of descriptors, in the order in which they took effect."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import IntEnum
from importlib.resources import files
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from analyze.sqltext import literal
from schemas.state import STATE_CALLS

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

Numbers = npt.NDArray[np.int64]


class Op(IntEnum):
    """What a row does; rows.sql says which rows those are."""

    OPEN = 0
    MAKE = 1
    SOCKET = 2
    ACCEPT = 3
    CLOSE = 4
    DUP = 5
    MODE = 6
    CHDIR = 7
    FCHDIR = 8
    CLOSE_RANGE = 9
    CONNECT = 10
    BIND = 11
    UNSHARE = 12
    FORK = 13
    EXEC = 14
    EXIT = 15
    CWD = 16
    FD = 17
    LOSS = 18


COLUMNS = ("op", "time_ns", "process", "thread", "fd", "other", "mode")


@dataclass(frozen=True)
class Rows:
    """n rows, by the time at which they took effect. The number columns have shape (n,) and type int64.

    `text` and `addr` are places in `texts`; -1 where there is none.
    """

    op: Numbers
    at: Numbers
    """Ns since the epoch: of makers the return, of closers the entry."""
    process: Numbers
    thread: Numbers
    fd: Numbers
    """The descriptor that the row is about."""
    other: Numbers
    """Another: the directory of an open, the original of a dup; of a fork the parent's thread, of a loss its end."""
    mode: Numbers
    """Closed at exec: 0 no, 1 yes, 2 unknown; of a fork what is shared."""
    text: Numbers
    addr: Numbers
    texts: list[str]


def read(database: "duckdb.DuckDBPyConnection", state_lost: bool) -> Rows:
    """All such rows of the captures of a session. `state_lost`: rows were lost that no loss row tells of."""
    database.execute(f"SET VARIABLE state_lost = {state_lost}")
    calls = ", ".join(map(literal, sorted(STATE_CALLS)))
    database.execute(f"CREATE OR REPLACE TEMP MACRO changes_names(syscall) AS syscall IN ({calls})")
    query = (files("analyze") / "replay" / "rows.sql").read_text()
    table = database.sql(query).to_arrow_table()
    columns = dict(zip(table.column_names, table.columns, strict=True))
    del table  # each column is given up as it is put in order, so that memory holds them once
    with ThreadPoolExecutor(1) as beside:  # the other core
        coded = beside.submit(lambda: (_coded(columns.pop("text")), _coded(columns.pop("addr"))))
        order = np.argsort(_plain(columns["time_ns"]), kind="stable")
        numbers = {name: _plain(columns.pop(name))[order] for name in COLUMNS}
        (text, texts), (addr, addresses) = coded.result()
    return Rows(
        at=numbers.pop("time_ns"),
        text=text[order],
        addr=np.where(addr < 0, addr, addr + len(texts))[order],
        texts=texts + addresses,
        **numbers,
    )


def _plain(column: "pa.ChunkedArray") -> Numbers:
    """Numbers, 0 for NULL."""
    numbers: Numbers = column.fill_null(0).to_numpy().astype(np.int64, copy=False)
    return numbers


def _coded(column: "pa.ChunkedArray") -> tuple[Numbers, list[str]]:
    """Places in a list of the distinct values, -1 for NULL, and the list."""
    coded = column.combine_chunks().dictionary_encode()
    return coded.indices.fill_null(-1).to_numpy().astype(np.int64), coded.dictionary.to_pylist()


def losses(rows: Rows) -> Numbers:
    """The edges of the intervals in which rows were lost: begin and end in turn, in order, shape (2 * k,)."""
    begins = (rows.op == Op.LOSS) & (rows.at <= rows.other)
    edges: list[int] = []
    for begin, end in zip(rows.at[begins].tolist(), rows.other[begins].tolist(), strict=True):
        if edges and begin <= edges[-1]:
            edges[-1] = max(edges[-1], end + 1)
        else:
            edges += [begin, end + 1]
    return np.array(edges, np.int64)
