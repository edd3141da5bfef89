"""`analyze sql FILE... [QUERY]`."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from analyze import memory
from analyze.cli import options
from analyze.cli.output import choose
from analyze.errors import UsageError

Words = Annotated[
    list[str] | None,
    typer.Argument(metavar="FILE... [QUERY]", help="Captures, then the query.", show_default=False),
]
Unsafe = Annotated[bool, typer.Option("--unsafe", help="Let the query do anything, as writing files.")]


def sql(
    words: Words = None,
    read: options.Read = None,
    keep: options.Filter = None,
    limit: options.Limit = None,
    form: options.FormatOption = None,
    output: options.Output = None,
    force: options.Force = False,
    show_sql: options.ShowSql = False,
    unsafe: Unsafe = False,
    verify: options.Verify = False,
    quiet: options.Quiet = False,
) -> None:
    """Ask in SQL.

    The last argument is the query. Without one it is read from standard input, or asked for at a prompt if that is a
    terminal. The views: `calls` (one row a system call), `selected` (those that -f keeps), `losses`, `events` (every
    row of the files), and more (SHOW TABLES); the dialect is DuckDB's.

    \b
    Examples:
      analyze sql trace.parquet 'SELECT comm, count(*) FROM calls GROUP BY ALL'
      analyze sql trace.parquet 'FROM calls ORDER BY dur_ns DESC' -n 10
      analyze sql trace.parquet
    """
    from analyze.session import Session

    if unsafe:
        memory.lift()
    files, query = split_words(words or [], read or [])
    target = choose(form, output, force)
    with Session(files, filters=keep or [], unsafe=unsafe, verified=verify) as session:
        target.spare(source.name for source in session.sources)
        if query is None and sys.stdin.isatty() and not show_sql:
            from analyze.cli.prompt import Prompt

            Prompt(session, target, quiet=quiet).run()
            return
        query = sys.stdin.read() if query is None and not show_sql else query
        if show_sql:
            typer.echo(";\n\n".join([*session.script, *([query] if query else [])]) + ";")
            return
        target.write(session.query(query or "", limit))


def split_words(words: list[str], read: list[str]) -> tuple[list[str], str | None]:
    """The captures and the query. The last word is the query unless it names a file or looks like one."""
    if words and not _is_file(words[-1]):
        files, query = [*words[:-1], *read], words[-1]
    else:
        files, query = [*words, *read], None
    if not files:
        raise UsageError("no capture given: analyze sql FILE... QUERY")
    return files, query


def _is_file(word: str) -> bool:
    if any(character.isspace() for character in word.strip()):
        return False
    return word == "-" or word.endswith((".parquet", ".arrows")) or Path(word).exists()
