"""`capture repair FILE...`."""

from pathlib import Path
from typing import Annotated

import typer

from capture.errors import SinkError


def repair(
    files: Annotated[list[Path], typer.Argument(help="Captures whose collector died.", show_default=False)],
) -> None:
    """Finish captures that were cut short, so that every Parquet reader can open them.

    A file needs its journal (FILE.journal) beside it, which is removed at the end. Everything up to the last flush is
    kept. Running it again, or on a capture that is whole, does no harm.

    \b
    Examples:
      capture repair trace.parquet
      capture repair ring*.parquet
    """
    from capture.repair import repair as finish

    failed = False
    for file in files:
        try:
            done = finish(file)
        except SinkError as error:  # the others can be finished all the same
            typer.echo(f"capture: {error}", err=True)
            failed = True
            continue
        if done.was_whole:
            typer.echo(f"{file} is whole already")
        else:
            typer.echo(f"{file}: {done.rows:,} rows; next: analyze summary {file}")
    if failed:
        raise typer.Exit(SinkError.exit_code)
