"""What stands behind the descriptors: the tables of all processes, replayed from the rows that change them.

A session registers the functions `descriptor_name` and `descriptor_peer`, which give numbers, and `descriptor_text`,
which gives the text of a number: of them the columns `file` and `peer` of the view `calls` are made. It registers the
table behind the view `fds` too. They are computed for the rows that a query looks at and no others; the replay runs
once, when the first of them is asked for, so what does not touch them costs nothing (docs/decisions/0005-replay.md).
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib.resources import files
from threading import Lock
from typing import TYPE_CHECKING

from analyze.replay.paths import PROCESSES_PER_HOST
from analyze.sqltext import literal
from analyze.statements import query_errors

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

    from analyze.replay.timeline import Timeline
    from analyze.trace import Source

NAME, PEER, TEXT, LIVES = "descriptor_name", "descriptor_peer", "descriptor_text", "descriptor_lives"
STAND_INS = [
    *(f"CREATE TEMP MACRO {name}(process, thread, fd, time_ns) AS CAST(NULL AS INTEGER)" for name in (NAME, PEER)),
    f"CREATE TEMP MACRO {TEXT}(number) AS CAST(NULL AS VARCHAR)",
    f"CREATE TEMP TABLE {LIVES} (\n    host VARCHAR, pid INTEGER, fd INTEGER, since_ns BIGINT, until_ns BIGINT,\n"
    "    file VARCHAR, peer VARCHAR\n)",
]
"""What a script needs that runs without us: there is no replay in it, so no name is known."""

READ, SORTED = 0.5, 0.95
"""Of the time that a replay takes: when its rows are read, and when the pass over them is done."""


class Replay:
    """The replay of one session; safe for the threads that run a query."""

    def __init__(self, database: "duckdb.DuckDBPyConnection", sources: "list[Source]") -> None:
        """Nothing is made or read yet."""
        self._database, self._sources = database, sources
        self._hosts = list(dict.fromkeys(source.metadata.host for source in sources))
        self._lock = Lock()
        self._timeline: Timeline | None = None
        self._used: dict[int, set[int]] | None = None
        self._installed = False
        self.share = 0.0
        """How much of the replay is done, 0 to 1."""
        self.script = [place_of_host(self._hosts)]
        """The statements that views need beside the functions."""

    def install(self) -> None:
        """Make the functions and the table that views are written with; nothing is read yet. Loads pyarrow."""
        from duckdb.func import ARROW, SPECIAL
        from duckdb.sqltypes import BIGINT, INTEGER, VARCHAR

        make = partial(self._database.create_function, type=ARROW, null_handling=SPECIAL)
        for name, function in (
            (NAME, lambda process, thread, fd, at: self.timeline.names(process, thread, fd, at)),
            (PEER, lambda process, thread, fd, at: self.timeline.peers(process, thread, fd, at)),
        ):
            make(name, function, [BIGINT, BIGINT, INTEGER, BIGINT], INTEGER)
        make(TEXT, lambda numbers: self.timeline.text(numbers), [INTEGER], VARCHAR)
        self._database.register(LIVES, _Lives(self))
        self._installed = True

    @property
    def waiting(self) -> bool:
        """Whether queries may ask for names, and none has been looked up yet."""
        return self._installed and self._timeline is None

    @property
    def hosts(self) -> list[str]:
        """The hosts, in the order in which `on_host` numbers them."""
        return self._hosts

    @property
    def timeline(self) -> "Timeline":
        """The replayed tables, for look-ups of many descriptors at a time; the replay runs if it has not yet."""
        with self._lock:
            if self._timeline is None:
                self._timeline = self._run()
                self._reached(1.0)
            return self._timeline

    @contextmanager
    def only(self, processes: Iterable[int]) -> Iterator[None]:
        """Within the block, names are right for these processes, as `on_host` numbers them, and may lack for others.

        Nothing is gained, or lost, if all have been replayed before. Raises QueryError.
        """
        if self._timeline is not None:
            yield
            return
        self._timeline = self._run(processes)
        try:
            yield
        finally:
            self._timeline, self._used = None, None

    def _run(self, processes: Iterable[int] | None = None) -> "Timeline":
        """Replay, all or some. On a connection of its own, since this happens amid a query. Raises QueryError."""
        from analyze.events import define_events
        from analyze.replay.kin import kin
        from analyze.replay.rows import losses, read
        from analyze.replay.state import replay
        from analyze.replay.timeline import Timeline

        with query_errors(), self._database.cursor() as cursor:
            for text in (*self.script, define_events(self._sources, cursor), _paths()):
                cursor.execute(text)
            state_lost = any(source.metadata.counters.state_dropped for source in self._sources)
            concerned = None if processes is None else kin(cursor, processes)
            rows = read(cursor, state_lost, len(self._hosts), concerned)
            self._reached(READ)
            unknown = losses(rows)
            history = replay(rows, lambda process: self._used_by(process, cursor), self._passed)
            del rows
            return Timeline(history, unknown)

    def _passed(self, share: float) -> None:
        """So much of the pass is done."""
        self._reached(READ + (SORTED - READ) * share)

    def _reached(self, share: float) -> None:
        self.share = share

    def _used_by(self, process: int, cursor: "duckdb.DuckDBPyConnection") -> set[int]:
        """The descriptors that a process uses."""
        if self._used is None:
            self._used = {}
            pairs = "SELECT DISTINCT on_host(host, pid), fd FROM events WHERE kind = 'syscall' AND fd IS NOT NULL"
            for owner, fd in cursor.execute(pairs).fetchall():
                self._used.setdefault(owner, set()).add(fd)
        return self._used.get(process, set())


class _Lives:
    """The table behind the view `fds`, made when DuckDB reads it (Arrow's PyCapsule interface)."""

    def __init__(self, replay: Replay) -> None:
        self._replay = replay

    def __arrow_c_schema__(self) -> object:
        from analyze.replay.timeline import lives_schema

        return lives_schema().__arrow_c_schema__()

    def __arrow_c_stream__(self, requested: object = None) -> object:
        table: pa.Table = self._replay.timeline.lives(self._replay.hosts)
        return table.__arrow_c_stream__(requested)


def place_of_host(hosts: list[str]) -> str:
    """A macro that makes the pids of several hosts distinct: `on_host(host, pid)`."""
    cases = " ".join(f"WHEN {literal(host)} THEN {place * PROCESSES_PER_HOST}" for place, host in enumerate(hosts))
    place = f"CASE host {cases} END" if len(hosts) > 1 else "0"
    return f"CREATE TEMP MACRO on_host(host, pid) AS ({place} + pid)::BIGINT"


def _paths() -> str:
    return (files("analyze") / "views" / "05_paths.sql").read_text()
