"""What of DuckDB's language a query may use: only what reads.

DuckDB's own locks are not enough: COPY overwrote an allowed file when tried. So the text is split by DuckDB's parser
and each statement judged by its type. The type is not enough either: `WITH a AS (COPY ...) SELECT 1` is a SELECT and
overwrites the file all the same. So what runs is never the text itself but a query around it, in which DuckDB's binder
refuses whatever is not a plain query.
"""

import re
from typing import TYPE_CHECKING

from analyze.errors import QueryError

if TYPE_CHECKING:
    import duckdb

LINE = re.compile(r"(?<=\n)LINE (\d+):")
EXPLAIN = re.compile(r"\s*explain(\s+analyze)?\s+", re.IGNORECASE)
"""The forms of EXPLAIN that are let through; what follows must be a SELECT, since EXPLAIN ANALYZE runs it."""


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


def bare(query: str) -> str:
    """A statement without the blanks and the semicolon around it."""
    return query.strip().rstrip(";").rstrip()


def is_select(statement: "duckdb.Statement") -> bool:
    """Whether it is a query whose result can be a table of another one (DESCRIBE and SHOW are not)."""
    import duckdb

    return statement.type == duckdb.StatementType.SELECT


def _enclose(statement: "duckdb.Statement", database: "duckdb.DuckDBPyConnection") -> str:
    import duckdb

    text = bare(statement.query)
    if is_select(statement):
        return enclosed(text)
    explain = EXPLAIN.match(text)
    if statement.type == duckdb.StatementType.EXPLAIN and explain:
        inner = split(text[explain.end() :], database)
        if len(inner) == 1 and is_select(inner[0]):
            return f"{explain.group().strip()} {enclosed(bare(inner[0].query))}"
    kind = str(statement.type).rpartition(".")[2]
    raise QueryError(
        f"{kind} is refused: only SELECT, EXPLAIN SELECT and EXPLAIN ANALYZE SELECT run, so that a query cannot change "
        "anything on this machine; --unsafe lifts this"
    )


def enclosed(query: str) -> str:
    """A query whose rows are those of `query`, one line further down."""
    return f"SELECT * FROM (\n{query}\n)"


def explain_error(error: Exception) -> str:
    """DuckDB's message, with the line of the query it points at, counted in the text as it was given."""
    return LINE.sub(lambda found: f"LINE {max(1, int(found[1]) - 1)}:", _lines(error))


def _lines(error: Exception) -> str:
    return "\n".join(line for line in str(error).splitlines() if line.strip()) or type(error).__name__
