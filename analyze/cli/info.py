"""`analyze info FILE...`."""

from typing import Annotated

import typer

from analyze.cli import options

Verbose = Annotated[bool, typer.Option("-v", "--verbose", help="Also the size of each column.")]


def info(
    files: options.Files = None, read: options.Read = None, verbose: Verbose = False, verify: options.Verify = False
) -> None:
    """Say what a capture is: host, time, command, rows, size, calls seen and lost.

    \b
    Examples:
      analyze info trace.parquet
      analyze info -v trace.parquet
    """
    from analyze.info import column_sizes, describe
    from analyze.render.text import size
    from analyze.session import Session
    from schemas.console import visible

    with Session([*(files or []), *(read or [])], verified=verify) as session:
        for name, value in describe(session):
            typer.echo(f"{visible(name):<14} {visible(value)}")
        if verbose:
            for column, stored, plain in column_sizes(session):
                typer.echo(f"  {column:<12} {size(stored):>9} of {size(plain):>9}")
