"""The view `events`: every row of every capture of a trace, with the columns `file` and `host` added."""

from typing import TYPE_CHECKING

from analyze.errors import CaptureFileError, first_line
from analyze.sqltext import identifier, literal
from analyze.trace import Source
from schemas.version import SCHEMA_VERSION

if TYPE_CHECKING:
    import duckdb

COLUMNS = {
    "kind": "VARCHAR",
    "ts": "TIMESTAMP_NS",
    "dur_ns": "BIGINT",
    "pid": "INTEGER",
    "tid": "INTEGER",
    "ppid": "INTEGER",
    "comm": "VARCHAR",
    "syscall": "VARCHAR",
    "nr": "INTEGER",
    "abi": "VARCHAR",
    **{f"arg{index}": "BIGINT" for index in range(6)},
    "ret": "BIGINT",
    "errno": "VARCHAR",
    "fd": "INTEGER",
    "path": "VARCHAR",
    "path2": "VARCHAR",
    "addr": "VARCHAR",
    "data": "BLOB",
    "cmdline": "VARCHAR",
    "cpu": "SMALLINT",
    "uid": "INTEGER",
    "cgroup": "VARCHAR",
    "runq_ns": "BIGINT",
    "weight": "BIGINT",
    "flags": "INTEGER",
}
"""The columns in schemas.arrow.EVENTS with DuckDB's names of their types, here for the reason given in
analyze/metadata.py; a test holds both equal."""


FILE = "systape file"
"""The scan's own column for the name of a file, called as no column of a capture is."""


def define_events(sources: list[Source], database: "duckdb.DuckDBPyConnection") -> str:
    """The statement that makes the view. Arrow tables are registered with `database` as capture_0, capture_1, ..."""
    parquet = [source for source in sources if not source.tables]
    branches = [_parquet_branch(parquet, database)] if parquet else []
    for source in sources:
        for table in source.tables:
            name = f"capture_{len(branches)}"
            database.register(name, table)
            columns = _columns(name, [source], database)
            said = f"{literal(source.name)} AS file, {literal(source.metadata.host)} AS host"
            branches.append(f"SELECT {columns}, {said}\nFROM {name}")
    return "CREATE TEMP VIEW events AS\n" + "\nUNION ALL\n".join(branches)


def define_users(sources: list[Source]) -> str:
    """The statement that makes the view `users`: the names of users on each host, from the metadata."""
    pairs = {(source.metadata.host, uid): name for source in sources for uid, name in source.metadata.users.items()}
    rows = [f"({literal(host)}, {uid}, {literal(name)})" for (host, uid), name in pairs.items()]
    if not rows:
        return "CREATE TEMP VIEW users AS\nSELECT '' AS host, 0 AS uid, '' AS name\nWHERE false"
    return f"CREATE TEMP VIEW users AS\nSELECT *\nFROM (VALUES {', '.join(rows)}) AS named(host, uid, name)"


def _parquet_branch(sources: list[Source], database: "duckdb.DuckDBPyConnection") -> str:
    names = ", ".join(literal(source.name) for source in sources)
    scan = f"read_parquet([{names}], union_by_name = true, filename = {literal(FILE)})"
    columns = _columns(scan, sources, database)
    hosts = {source.metadata.host for source in sources}
    if len(hosts) == 1:
        return f"SELECT {columns}, {identifier(FILE)} AS file, {literal(hosts.pop())} AS host\nFROM {scan}"
    cases = "\n".join(f"    WHEN {literal(source.name)} THEN {literal(source.metadata.host)}" for source in sources)
    return (
        f"SELECT {columns}, {identifier(FILE)} AS file, CASE {identifier(FILE)}\n{cases}\n    END AS host\nFROM {scan}"
    )


def _columns(scan: str, sources: list[Source], database: "duckdb.DuckDBPyConnection") -> str:
    """The columns as `events` has them: those that captures of an older schema lack as NULL.

    Those of a newer one are left out, since anybody may have named them. Raises CaptureFileError for one of another
    type than the schema says.
    """
    import duckdb

    try:
        found = {name: kind for name, kind, *_ in database.execute(f"DESCRIBE FROM {scan}").fetchall()}
    except duckdb.Error as error:
        raise CaptureFileError(f"{_names(sources)}: damaged: {first_line(error)}") from error
    for name, kind in COLUMNS.items():
        if found.get(name, kind) != kind:
            raise CaptureFileError(
                f"{_names(sources)}: no sound capture: column {name} is {found[name][:40]}, schema {SCHEMA_VERSION} "
                f"says {kind}"
            )
    return ", ".join(name if name in found else f"CAST(NULL AS {kind}) AS {name}" for name, kind in COLUMNS.items())


def _names(sources: list[Source]) -> str:
    return sources[0].name if len(sources) == 1 else f"{sources[0].name} or one of {len(sources) - 1} more"
