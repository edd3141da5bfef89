"""The view `events`: every row of every capture of a trace, with the columns `file` and `host` added."""

from typing import TYPE_CHECKING

from analyze.sqltext import identifier, literal
from analyze.trace import Source

if TYPE_CHECKING:
    import duckdb

TYPES = {"int8": "TINYINT", "int16": "SMALLINT", "int32": "INTEGER", "int64": "BIGINT", "binary": "BLOB"}
TYPES |= {"string": "VARCHAR", "timestamp[ns]": "TIMESTAMP_NS"}


COLUMNS = frozenset(
    """
    kind ts dur_ns pid tid ppid comm syscall nr abi arg0 arg1 arg2 arg3 arg4 arg5 ret errno fd path path2 addr data
    cmdline cpu uid cgroup runq_ns weight flags
    """.split()  # noqa: SIM905 - easier to compare with the schema
)
"""The names in schemas.arrow.EVENTS, here for the reason given in analyze/metadata.py; a test holds both equal."""


def define_events(sources: list[Source], database: "duckdb.DuckDBPyConnection") -> str:
    """The statement that makes the view. Arrow tables are registered with `database` as capture_0, capture_1, ..."""
    parquet = [source for source in sources if not source.tables]
    branches = [_parquet_branch(parquet)] if parquet else []
    for source in sources:
        for table in source.tables:
            name = f"capture_{len(branches)}"
            database.register(name, table)
            branches.append(_branch(name, literal(source.name), source.metadata.host))
    rows = "\nUNION ALL BY NAME\n".join(branches)
    return f"CREATE TEMP VIEW events AS\n{_complete(rows, database)}"


def define_users(sources: list[Source]) -> str:
    """The statement that makes the view `users`: the names of users on each host, from the metadata."""
    pairs = {(source.metadata.host, uid): name for source in sources for uid, name in source.metadata.users.items()}
    rows = [f"({literal(host)}, {uid}, {literal(name)})" for (host, uid), name in pairs.items()]
    if not rows:
        return "CREATE TEMP VIEW users AS\nSELECT '' AS host, 0 AS uid, '' AS name\nWHERE false"
    return f"CREATE TEMP VIEW users AS\nSELECT *\nFROM (VALUES {', '.join(rows)}) AS named(host, uid, name)"


def _parquet_branch(sources: list[Source]) -> str:
    names = ", ".join(literal(source.name) for source in sources)
    scan = f"read_parquet([{names}], union_by_name = true, filename = 'file')"
    hosts = {source.metadata.host for source in sources}
    if len(hosts) == 1:
        return f"SELECT *, {literal(hosts.pop())} AS host\nFROM {scan}"
    cases = "\n".join(f"    WHEN {literal(source.name)} THEN {literal(source.metadata.host)}" for source in sources)
    return f"SELECT *, CASE file\n{cases}\n    END AS host\nFROM {scan}"


def _branch(table: str, file: str, host: str) -> str:
    return f"SELECT *, {file} AS file, {literal(host)} AS host\nFROM {table}"


def _complete(rows: str, database: "duckdb.DuckDBPyConnection") -> str:
    """The rows with columns that captures of an older schema lack as NULL."""
    present = {name for name, *_ in database.execute(f"DESCRIBE {rows}").fetchall()}
    if present >= COLUMNS:
        return rows
    import pyarrow as pa

    from schemas.arrow import EVENTS

    missing = []
    for field in EVENTS:
        kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
        if field.name not in present:
            missing.append(f"CAST(NULL AS {TYPES[str(kind)]}) AS {identifier(field.name)}")
    return f"SELECT *, {', '.join(missing)}\nFROM (\n{rows}\n)"
