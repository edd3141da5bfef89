"""A DuckDB in memory over the captures of one trace: settings, views, locks, queries.

The views: `events` is every row of every file, with `file` and `host`; views/*.sql are loaded in name order on top of
it; `selected` is what the filter leaves of `calls`, and `numbered` of `numbered_calls`; reports read no others.
"""

import os
import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import suppress
from importlib.resources import files
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any
from weakref import WeakSet, finalize

from analyze import memory
from analyze.catalog import Catalog, looks_round
from analyze.errors import QueryError
from analyze.events import define_events, define_users
from analyze.replay import LIVES, NAME, PEER, STAND_INS, TEXT, Replay
from analyze.result import Column, Result
from analyze.sqltext import identifier, literal
from analyze.statements import bare, check_plan, explained, is_select, only_reads, projects, query_errors, split
from analyze.trace import STDIN, open_sources

if TYPE_CHECKING:
    import duckdb

    from analyze.filter import Compiled, Span

SETTINGS = (
    "SET python_enable_replacements = false",
    "SET autoinstall_known_extensions = false",
    # else each query, each DESCRIBE and each scan of the replay reads the footer of each file anew
    "SET GLOBAL parquet_metadata_cache = true",
    # so that the progress can be asked for (analyze/cli/progress.py); DuckDB is to print none of its own
    "SET enable_progress_bar = true",
    "SET enable_progress_bar_print = false",
    "SET progress_bar_time = 0",
)
OPEN: "WeakSet[Session]" = WeakSet()
"""Sessions whose queries Ctrl-C is to stop."""
NAMED = re.compile(r"\b(file|peer)\b")
"""The columns of `calls` that the replay gives."""
LOOKED_UP = frozenset({"thing", "far_end"})
"""The columns of `numbered_calls` from which these are made: where a plan has them, names are looked up."""
NO_NAMES = "CAST(NULL AS VARCHAR) AS file, CAST(NULL AS VARCHAR) AS peer"
KEPT = "kept"
"""The table of `keep`."""
LOCKS = ("SET autoload_known_extensions = false", "SET enable_external_access = false", "SET lock_configuration = true")


class Session:
    """Captures opened for questions; a context manager. Raises CaptureFileError if one of them cannot be read."""

    def __init__(
        self, names: Iterable[str], *, filters: Iterable[str] = (), unsafe: bool = False, verified: bool = False
    ) -> None:
        """Open the captures that `names` (files, globs, folders, `-`) lead to.

        `selected` holds the calls that all `filters` keep; raises FilterError if one of them is wrong. `unsafe` lets
        queries do anything that DuckDB can, as reading and writing files. With `verified` everything is read and
        compared with its checksums first; raises CaptureFileError for what is damaged.
        """
        import duckdb

        self.unsafe = unsafe
        self.script: list[str] = []
        """Every statement that makes the views and binds values: what `-d` prints."""
        self.database = duckdb.connect()
        OPEN.add(self)
        spill = f"{os.environ.get('TMPDIR', '/tmp')}/systape-{os.urandom(8).hex()}"
        with suppress(OSError):  # DuckDB says so if it needs the folder and cannot have it
            Path(spill).mkdir(0o700)
        self.forget = finalize(self, shutil.rmtree, spill, ignore_errors=True)
        """Removes what did not fit into memory; its folder is its owner's alone, as captures are."""
        for setting in (*SETTINGS, *_limits(spill)):
            self.database.execute(setting)
        self.sources = open_sources(names, self.database)
        self.replay = Replay(self.database, self.sources)
        self._catalog = Catalog()
        self._define(define_events(self.sources, self.database))
        if verified:
            self._verify()
        self._catalog.add_names([NAME, PEER, TEXT, LIVES], self._install_replay)
        for text in [*self.replay.script, define_users(self.sources), *_views()]:
            self._catalog.add(text, self._define)
        self.filters: list[Compiled] = []
        self._compiled = 0
        self._kept = False
        self.select(filters)
        if not unsafe:
            self._lock()

    def __enter__(self) -> "Session":
        """Itself; leaving the block closes it."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self.close()

    def close(self) -> None:
        """Give up the captures and the memory."""
        self.database.close()
        self.forget()

    @property
    def hosts(self) -> list[str]:
        """The hosts that the captures are of."""
        return list(dict.fromkeys(source.metadata.host for source in self.sources))

    def judge(self, text: str) -> list[str]:
        """The statements of a text, at least one, as they may be run. Raises QueryError if any is refused."""
        if self.unsafe or looks_round(text):
            self._catalog.need_all()
        if self.unsafe:
            return [bare(statement.query) for statement in split(text, self.database)]
        judged = only_reads(text, self.database)
        for statement in judged:
            self.inspect(statement)
        return judged

    def inspect(self, query: str) -> None:
        """Look through the plan of a query. Raises QueryError if it calls a function that may do more than read."""
        for _, plan in self.fetch(explained(query)):
            check_plan(plan)

    def query(self, text: str, limit: int | None = None) -> Result:
        """The answer to a text of one or more statements: the last one's, ready to be fetched, cut after `limit` rows.

        Raises QueryError if any is refused or cannot be understood.
        """
        *before, last = self.judge(text)
        for statement in before:
            self.fetch(statement)
        return self.prepare(last + (f"\nLIMIT {limit}" if limit else ""))

    def prepare(self, query: str) -> Result:
        """The answer to one statement that has been judged before."""
        return Result(self, query, self._columns(query))

    def describe(self, query: str) -> list[Column]:
        """Names and types of what a SELECT returns, without running it."""
        return [Column(name, kind) for name, kind, *_ in self.fetch(f"DESCRIBE {query}")]

    def bind(self, name: str, value: object, kind: str | None = None) -> None:
        """Set a variable, for `getvariable(name)`. `kind` is DuckDB's type where Python's does not tell."""
        term = "$1" if kind is None else f"CAST($1 AS {kind})"
        self.execute(f"SET VARIABLE {identifier(name)} = {term}", [value])
        self.script.append(f"SET VARIABLE {identifier(name)} = {term.replace('$1', _shown(value))}")

    def fetch(self, query: str, values: list[object] | None = None) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        return self.execute(query, values).fetchall()

    def execute(self, query: str, values: list[object] | None = None) -> "duckdb.DuckDBPyConnection":
        """Run a statement that has been judged before. Raises QueryError."""
        import duckdb

        self._catalog.need(query)
        with query_errors():
            try:
                return self.database.execute(query, values) if values else self.database.execute(query)
            except duckdb.CatalogException:
                if self._catalog.need_all():  # a view named where nobody looked for it
                    return self.execute(query, values)
                raise

    def replay_first(self, query: str) -> None:
        """Replay, if a SELECT looks names up and it is not done: before a query both cores do it, amid it only one."""
        if self.replay.waiting and projects(self.fetch(explained(query))[0][1], LOOKED_UP):
            _ = self.replay.timeline

    def fill(self, table: str, query: str) -> None:
        """Make a temporary table of what a SELECT returns, in place of one of that name. Raises QueryError."""
        self.replay_first(query)
        self.execute(f"CREATE OR REPLACE TEMP TABLE {table} AS {query}")

    @property
    def span(self) -> "Span":
        """When the captures began and ended, by their metadata or else by their rows."""
        from analyze.filter import Span

        spans = [source.metadata.span for source in self.sources]
        known = [span for span in spans if span is not None]
        if known and len(known) == len(spans):
            return Span(min(start for start, _ in known), max(end for _, end in known))
        first, last = self.fetch("SELECT min(epoch_ns(ts)), max(epoch_ns(ts)) FROM events WHERE kind = 'syscall'")[0]
        return Span(first or 0, last or 0)

    def select(self, filters: Iterable[str], *, named: bool = True) -> None:
        """Let `selected` hold the calls that all `filters` keep. Raises FilterError.

        Without `named` it lacks the columns `file` and `peer`, unless a filter asks for them: to make them ready takes
        longer than many reports run.
        """
        self.filters = [self.compile(text) for text in filters]
        self.narrow(named=named)

    def narrow(self, *, named: bool, stand_ins: bool = False) -> None:
        """Define `selected` anew, with or without the columns `file` and `peer`, when it is used next.

        With `stand_ins` they are there and NULL, unless a filter asks for them.
        """
        named = named or self.filters_by_name
        views = {"selected": "calls" if named else "bare_calls", "numbered": "numbered_calls"}
        for view, calls in views.items():
            source = KEPT if named and self._kept else f"{calls}{self._where}"
            columns = f"*, {NO_NAMES}" if stand_ins and not named else "*"
            self._catalog.add(f"CREATE OR REPLACE TEMP VIEW {view} AS\nSELECT {columns}\nFROM {source}", self._define)

    def keep(self, columns: Iterable[str]) -> None:
        """Let `selected`, where it has the columns `file` and `peer`, be a table, filled now, of these columns alone.

        For several queries about names: to find these takes longer than all else. Once for a session.
        """
        listed = ", ".join(columns)
        self.fill(KEPT, f"SELECT {listed}\nFROM numbered_calls{self._where}")
        self._kept = True

    @property
    def filters_by_name(self) -> bool:
        """Whether a filter needs the columns `file` or `peer`."""
        return NAMED.search(self._where) is not None

    @property
    def _where(self) -> str:
        conditions = "\nAND ".join(compiled.where for compiled in self.filters)
        return f"\nWHERE {conditions}" if conditions else ""

    def compile(self, text: str) -> "Compiled":
        """A filter as SQL over `calls` and `losses`, its values bound as variables of their own. Raises FilterError."""
        from analyze.filter import Context, compile_filter

        context = Context(lambda: self.span, self._regex_error, len(self.hosts))
        compiled = compile_filter(text, context, f"f{self._compiled}")
        self._compiled += 1
        for name, values in compiled.variables.items():
            self.bind(name, values)
        return compiled

    def _verify(self) -> None:
        from analyze.verify import verify

        for source in self.sources:
            verify(source)

    def _regex_error(self, pattern: str) -> str | None:
        try:
            self.fetch("SELECT regexp_matches('', $1)", [pattern])
        except QueryError as error:
            return str(error).splitlines()[0].rpartition("Error: ")[2]
        return None

    def _columns(self, query: str) -> list[Column] | None:
        """What a query will return; None for a statement that is none: EXPLAIN, and all that --unsafe lets through."""
        try:
            return self.describe(query) if is_select(split(query, self.database)[0]) else None
        except QueryError:
            if self.unsafe:
                return None
            raise

    def _define(self, text: str) -> None:
        self._catalog.need(text)
        self.script.append(bare(text))
        self.execute(text)

    def _install_replay(self) -> None:
        self.script += STAND_INS
        self.replay.install()
        if any(source.tables for source in self.sources):
            _ = self.replay.timeline  # to scan Arrow from inside a query, as the functions would, crashes DuckDB

    def _lock(self) -> None:
        allowed = ", ".join(literal(source.name) for source in self.sources if source.name != STDIN)
        self.database.execute(f"SET allowed_paths = [{allowed}]")
        for lock in LOCKS:
            self.database.execute(lock)


def _limits(spill: str) -> Iterator[str]:
    """Settings of memory, and of where to put what does not fit into it."""
    yield f"SET memory_limit = '{memory.limit() >> 20}MiB'"
    yield f"SET temp_directory = {literal(spill)}"


def _views() -> list[str]:
    """The definitions in views/, in name order."""
    folder = files("analyze") / "views"
    return [
        file.read_text() for file in sorted(folder.iterdir(), key=lambda file: file.name) if file.name[-4:] == ".sql"
    ]


def _shown(value: object) -> str:
    if isinstance(value, str):
        return literal(value)
    if isinstance(value, list):
        return "[" + ", ".join(_shown(item) for item in value) + "]"
    return "NULL" if value is None else str(value)
