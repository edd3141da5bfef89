"""What a capture says of itself: where and how it was made, what is in it, how complete it is."""

from collections.abc import Iterator
from pathlib import Path

from analyze.completeness import completeness
from analyze.render.text import duration, printable, size, timestamp
from analyze.session import Session
from analyze.trace import Source, State

SHOWN = ("host", "kernel", "machine", "boot_id", "command", "filter", "backend", "loader", "start", "end")
SAID = {
    State.FINISHED: "",
    State.LIVE: ", still being written",
    State.CUT: ", cut short",
    State.REPAIRED: ", cut short, and repaired",
}
"""Of a file, after its size."""
SPAN = "SELECT min(epoch_ns(ts)), max(epoch_ns(ts)) FROM events WHERE kind <> 'process'"
KINDS = "SELECT kind, count(*) FROM events GROUP BY ALL ORDER BY ALL"


def describe(session: Session) -> Iterator[tuple[str, str]]:
    """Names and values, in the order in which one wants to read them; files first."""
    for source in session.sources:
        yield "file", _file(source)
        for name in SHOWN:
            if value := source.metadata.pairs.get(name):
                yield name.replace("_", " "), printable(value)
        yield "schema", source.metadata.schema_version or "none"
        yield "recorded with", f"systape {source.metadata.pairs.get('tool_version', '?')}"
    yield from _contents(session)
    yield "accounting", completeness(session).sentence()


def facts(session: Session, *, columns: bool = False) -> Iterator[tuple[str | None, str, str]]:
    """The same for programs: file (None: of all), name and plain value; with `columns` their stored bytes too."""
    for source in session.sources:
        path = Path(source.name)
        if path.exists():
            yield source.name, "bytes", str(path.stat().st_size)
        yield source.name, "state", source.state
        for name in (*SHOWN, "tool_version"):
            if value := source.metadata.pairs.get(name):
                yield source.name, name, value
        if source.metadata.schema_version:
            yield source.name, "schema", source.metadata.schema_version
    first, last = session.fetch(SPAN)[0]
    if first is not None:
        yield None, "first_entry_ns", str(first)
        yield None, "last_entry_ns", str(last)
    for kind, rows in session.fetch(KINDS):
        yield None, f"{kind}_rows", str(rows)
    yield None, "accounting", completeness(session).sentence()
    for column, stored, _ in column_sizes(session) if columns else ():
        yield None, f"{column}_bytes", str(stored)


def _file(source: Source) -> str:
    path = Path(source.name)
    if not path.exists():
        return source.name
    return f"{printable(source.name)} ({size(path.stat().st_size)}{SAID[source.state]})"


def _contents(session: Session) -> Iterator[tuple[str, str]]:
    first, last = session.fetch(SPAN)[0]
    if first is not None:
        yield "first entry", f"{timestamp(first)} UTC"
        yield "last entry", f"{timestamp(last)} UTC, {duration(last - first)} later"
    for kind, rows in session.fetch(KINDS):
        yield f"{kind} rows", f"{rows:,}"


def column_sizes(session: Session) -> list[tuple[str, int, int]]:
    """Name, compressed and plain bytes of each column of the finished Parquet captures, the largest first."""
    names = [source.name for source in session.sources if not source.tables]
    if not names:
        return []
    query = """
        SELECT path_in_schema, sum(total_compressed_size)::BIGINT AS stored, sum(total_uncompressed_size)::BIGINT
        FROM parquet_metadata($1) GROUP BY ALL ORDER BY stored DESC, path_in_schema"""
    return session.fetch(query, [names])
