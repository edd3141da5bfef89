"""`analyze info FILE...`."""

from typing import Annotated

import typer

from analyze.cli import options

Verbose = Annotated[bool, typer.Option("-v", "--verbose", help="Also the size of each column.")]


Check = Annotated[bool, typer.Option("--check", help="Also read everything and say whether it is sound.")]


def info(
    files: options.Files = None, read: options.Read = None, verbose: Verbose = False, check: Check = False
) -> None:
    """Say what a capture is: host, time, command, rows, size, calls seen and lost.

    \b
    Examples:
      analyze info trace.parquet
      analyze info -v trace.parquet
      analyze info --check captures/
    """
    from analyze.check import check as sound
    from analyze.info import column_sizes, describe
    from analyze.render.text import size
    from analyze.session import Session

    with Session([*(files or []), *(read or [])]) as session:
        for name, value in describe(session):
            typer.echo(f"{name:<14} {value}")
        if verbose:
            for column, stored, plain in column_sizes(session):
                typer.echo(f"  {column:<12} {size(stored):>9} of {size(plain):>9}")
        for source in session.sources if check else ():
            typer.echo(f"{'checked':<14} {source.name}: sound, {sound(source):,} rows")
