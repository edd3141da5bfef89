"""What of DuckDB's language a query may use: only what reads.

DuckDB's own locks are not enough: COPY overwrote an allowed file when tried. So the text is split by DuckDB's parser
and each statement judged by its type. The type is not enough either: `WITH a AS (COPY ...) SELECT 1` is a SELECT and
overwrites the file all the same. So what runs is never the text itself but a query around it, in which DuckDB's binder
refuses whatever is not a plain query. There are functions that run SQL of their own, too: `FROM
json_execute_serialized_sql(...)` wrote such a COPY. A query can build the name of one at will (`FROM query('json_' ||
...)`), so the functions are looked for in the plan that DuckDB makes of it, and only those that are known run.
"""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from analyze.errors import QueryError, first_line
from analyze.memory import too_much

if TYPE_CHECKING:
    import duckdb

LINE = re.compile(r"(?<=\n)LINE (\d+):")
EXPLAIN = re.compile(r"\s*explain(\s+analyze)?\s+", re.IGNORECASE)
"""The forms of EXPLAIN that are let through; what follows must be a SELECT, since EXPLAIN ANALYZE runs it."""
FUNCTIONS = re.compile(
    r"(read_parquet|parquet_\w+|python_arrow_scan|arrow_scan|seq_scan|duckdb_\w+|pragma_\w+|range|generate_series|repeat"
    r"|repeat_row|unnest|summary|json_each|json_tree|pg_timezone_names|icu_calendar_names|test_\w+)\Z",
    re.IGNORECASE,
)
"""Table functions that read the captures, say what there is, or make rows of nothing."""


def split(text: str, database: "duckdb.DuckDBPyConnection") -> list["duckdb.Statement"]:
    """The statements of a text, at least one. Raises QueryError if it does not parse."""
    import duckdb

    try:
        found = database.extract_statements(text)
    except duckdb.Error as error:
        raise QueryError(_lines(error)) from error
    if not found:
        raise QueryError("the query is empty; try: SELECT syscall, count(*) FROM calls GROUP BY ALL")
    return found


def only_reads(text: str, database: "duckdb.DuckDBPyConnection") -> list[str]:
    """The statements of a text, each put into a query that can only read.

    Raises QueryError for one of another kind; one that hides a writing part fails when it is bound.
    """
    return [_enclose(statement, database) for statement in split(text, database)]


def explained(statement: str) -> str:
    """The statement that makes the plan of one that `only_reads` gave, for `check_plan`."""
    return f"EXPLAIN (FORMAT JSON) {EXPLAIN.sub('', statement, count=1)}"


def check_plan(plan: str) -> None:
    """Raises QueryError if a plan (JSON) has a function that may do more than read."""
    for node in _nodes(json.loads(plan)):
        name = node.get("extra_info", {}).get("Function", "")
        if name and not FUNCTIONS.match(name):
            raise QueryError(
                f"the function {name.lower()} is refused, as it may do more than read the capture; --unsafe lifts this"
            )


def projects(plan: str, names: frozenset[str]) -> bool:
    """Whether a plan (JSON) makes a column of one of these names."""
    for node in _nodes(json.loads(plan)):
        made = node.get("extra_info", {}).get("Projections", [])
        if not names.isdisjoint([made] if isinstance(made, str) else made):
            return True
    return False


def _nodes(nodes: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    waiting = list(nodes)
    while waiting:
        node = waiting.pop()
        yield node
        waiting += node.get("children", [])


def bare(query: str) -> str:
    """A statement without the blanks and the semicolon around it."""
    return query.strip().rstrip(";").rstrip()


def is_select(statement: "duckdb.Statement") -> bool:
    """Whether it is a query whose result can be a table of another one (DESCRIBE and SHOW are not)."""
    import duckdb

    return _is(statement, duckdb.StatementType.SELECT)


def _is(statement: "duckdb.Statement", kind: "duckdb.StatementType") -> bool:
    try:
        return statement.type == kind
    except ValueError:  # a kind that DuckDB's Python has no name for
        return False


def _enclose(statement: "duckdb.Statement", database: "duckdb.DuckDBPyConnection") -> str:
    import duckdb

    text = bare(statement.query)
    if is_select(statement):
        return enclosed(text)
    explain = EXPLAIN.match(text)
    if explain and _is(statement, duckdb.StatementType.EXPLAIN):
        inner = split(text[explain.end() :], database)
        if len(inner) == 1 and is_select(inner[0]):
            return f"{explain.group().strip()} {enclosed(bare(inner[0].query))}"
    kind = text.partition(" ")[0][:40].upper()
    raise QueryError(
        f"{kind} is refused: only SELECT, EXPLAIN SELECT and EXPLAIN ANALYZE SELECT run, so that a query cannot change "
        "anything on this machine; --unsafe lifts this"
    )


def enclosed(query: str) -> str:
    """A query whose rows are those of `query`, one line further down."""
    return f"SELECT * FROM (\n{query}\n)"


@contextmanager
def query_errors() -> Iterator[None]:
    """What DuckDB refuses within the block, or fails at, becomes a QueryError."""
    import duckdb

    try:
        yield
    except duckdb.OutOfMemoryException as error:  # what it advises, settings, is not for the user to change
        raise QueryError(too_much()) from error
    except duckdb.Error as error:
        raise QueryError(_explain(error)) from error
    except OSError as error:  # Arrow's form of what DuckDB says while it computes
        raise QueryError(too_much() if "Out of Memory" in str(error) else first_line(error)) from error


def _explain(error: Exception) -> str:
    """DuckDB's message, with the line of the query it points at, counted in the text as it was given."""
    return LINE.sub(lambda found: f"LINE {max(1, int(found[1]) - 1)}:", _lines(error))


def _lines(error: Exception) -> str:
    return "\n".join(line for line in str(error).splitlines() if line.strip()) or type(error).__name__
