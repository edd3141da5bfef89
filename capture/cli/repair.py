"""`capture repair FILE...`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from capture.errors import SinkError

if TYPE_CHECKING:
    from capture.repair import Repaired


def repair(
    files: Annotated[list[Path], typer.Argument(help="Captures whose collector died.", show_default=False)],
) -> None:
    """Finish captures that were cut short, so that every Parquet reader can open them.

    A file needs its journal (FILE.journal) beside it, which is removed at the end. Everything up to the last flush is
    kept, but for what a power cut has damaged, which is said and in the file's losses. Running it again, or on a
    capture that is whole, does no harm.

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
        if done.damaged:
            typer.echo(f"capture: {_left_out(done)}", err=True)
    if failed:
        raise typer.Exit(SinkError.exit_code)


def _left_out(done: "Repaired") -> str:
    groups, rows = len(done.damaged), sum(done.damaged)
    what = "1 row group is" if groups == 1 else f"{groups} row groups are"
    return (
        f"{done.path}: {what} not what was written, as after a power cut without --durable: "
        f"{rows:,} rows are left out, and counted as lost (damaged)"
    )
