"""The rows that change what is known of descriptors, in the order in which they took effect."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from analyze.replay.paths import PROCESSES_PER_HOST
from analyze.sqltext import literal
from schemas.state import STATE_CALLS

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

Numbers = npt.NDArray[np.int64]
Integers = npt.NDArray[np.integer[Any]]
"""Of whatever width does."""


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


SHARES_FILES, SHARES_FS, SHARES_ALL = 1, 2, 3
"""Bits of the mode of a fork, and of an unshare, which ends it."""
RANGE_UNSHARE, RANGE_CLOEXEC = 2, 4
"""Bits of the mode of a close_range."""

KINDS = {
    "op": np.uint8,
    "time_ns": np.int64,
    "process": np.int32,
    "thread": np.int32,
    "fd": np.int32,
    "other": np.int64,
    "mode": np.uint8,
    "text": np.int32,
    "addr": np.int32,
}
TEXTS = ("text", "addr")
WIDE = ("process", "thread", "fd")
"""Columns that hold processes, and need 64 bits where these are of many hosts."""
MANY = (1 << 31) // PROCESSES_PER_HOST // 2
"""So many hosts; half of the numbers are for threads (see LONER)."""
BULK = frozenset({"openat", "open", "openat2", "creat", "close"})
"""The calls that are most of all that change names."""
BATCH = 1 << 18
"""Rows that are taken from DuckDB at a time."""


@dataclass(frozen=True)
class Rows:
    """n rows, by the time at which they took effect. The columns have shape (n,) and the narrowest types that do.

    `text` and `addr` are places in `texts`; -1 where there is none.
    """

    op: Integers
    at: Integers
    """Ns since the epoch: of makers the return, of closers the entry."""
    process: Integers
    thread: Integers
    fd: Integers
    """The descriptor that the row is about."""
    other: Integers
    """Another: the directory of an open, the original of a dup; of a fork the parent's thread, of a loss its end."""
    mode: Integers
    """Closed at exec: 0 no, 1 yes, 2 unknown; of a fork what is shared."""
    text: Integers
    addr: Integers
    texts: list[str]

    def part(self, places: slice) -> "Rows":
        """Some of the rows; their columns are those of all."""
        columns = {name: getattr(self, name)[places] for name in ("at", *KINDS) if name != "time_ns"}
        return Rows(**columns, texts=self.texts)


def read(
    database: "duckdb.DuckDBPyConnection", state_lost: bool, hosts: int, processes: Iterable[int] | None = None
) -> Rows:
    """All such rows of the captures of a session. `state_lost`: rows were lost that no loss row tells of.

    Of `processes`, as `on_host` numbers them, if they are given, those of others being there or not.
    They are narrowed as they come, and each column is given up as it is put in order, so that memory holds them once.
    """
    database.execute(f"SET VARIABLE state_lost = {state_lost}")
    for macro, calls in (("is_bulk", BULK), ("is_rare", STATE_CALLS - BULK)):
        names = ", ".join(f"{literal(name)}: true" for name in sorted(calls))
        # (a map, since DuckDB looks each name up once)
        database.execute(f"CREATE OR REPLACE TEMP MACRO {macro}(syscall) AS map {{{names}}}[syscall]")
    number = "least(greatest(number, -2147483648), 2147483647)::INTEGER" if hosts < MANY else "number::BIGINT"
    database.execute(f"CREATE OR REPLACE TEMP MACRO as_number(number) AS {number}")
    database.execute(_replayed(processes))
    kinds = {**KINDS, **({} if hosts < MANY else dict.fromkeys(WIDE, np.int64))}
    columns = {name: bytearray() for name in kinds}  # which grow where they are, as lists of parts would not
    places: dict[str, int] = {}
    for batch in database.sql((files("analyze") / "replay" / "rows.sql").read_text()).to_arrow_reader(BATCH):
        for name, kind in kinds.items():
            column = batch[name]
            values = _coded(column, places) if name in TEXTS else column.fill_null(0).to_numpy(zero_copy_only=False)
            columns[name] += values.astype(kind, copy=False).data
    order = np.argsort(np.frombuffer(columns["time_ns"], np.int64), kind="stable").astype(np.uint32)
    sorted_columns = {name: np.frombuffer(columns.pop(name), kind)[order] for name, kind in kinds.items()}
    return Rows(at=sorted_columns.pop("time_ns"), texts=list(places), **sorted_columns)


def _replayed(processes: Iterable[int] | None) -> str:
    """The view of the rows to replay; of calls by pid alone: DuckDB can then skip what else stands in others' rows."""
    rows = "FROM events"
    if processes is not None:
        pids = ", ".join(f"({pid})" for pid in {process % PROCESSES_PER_HOST for process in processes})
        some = f"pid IN (SELECT pid FROM (VALUES {pids or '(NULL)'}) AS one(pid))"
        rows += f" WHERE kind <> 'syscall' UNION ALL FROM events WHERE kind = 'syscall' AND {some}"
    return f"CREATE OR REPLACE TEMP VIEW replayed AS {rows}"


def _coded(column: "pa.Array", places: dict[str, int]) -> Integers:
    """The places of texts, -1 for NULL; `places` has each text there is, and grows."""
    coded = column.dictionary_encode()
    here = [places.setdefault(text, len(places)) for text in coded.dictionary.to_pylist()]
    found: Integers = np.array([*here, -1], np.int32)[coded.indices.fill_null(len(here)).to_numpy(zero_copy_only=False)]
    return found


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
