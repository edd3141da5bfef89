"""`capture repair FILE`."""

from pathlib import Path
from typing import Annotated

import typer


def repair(file: Annotated[Path, typer.Argument(help="A capture whose collector died.", show_default=False)]) -> None:
    """Finish a capture that was cut short, so that every Parquet reader can open it.

    The file needs its journal (FILE.journal) beside it, which is removed at the end. Everything up to the last flush is
    kept. Running it again, or on a capture that is whole, does no harm.

    \b
    Examples:
      capture repair trace.parquet
    """
    from capture.repair import repair as finish

    done = finish(file)
    if done.was_whole:
        typer.echo(f"{file} is whole already")
    else:
        typer.echo(f"{file}: {done.rows:,} rows; next: analyze summary {file}")
