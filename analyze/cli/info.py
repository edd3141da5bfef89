"""`analyze info FILE...`."""

from typing import Annotated

import typer

from analyze.cli import options
from analyze.cli.output import choose

Verbose = Annotated[bool, typer.Option("-v", "--verbose", help="Also the size of each column.")]


def info(
    files: options.Files = None,
    read: options.Read = None,
    verbose: Verbose = False,
    form: options.FormatOption = None,
    output: options.Output = None,
    force: options.Force = False,
    verify: options.Verify = False,
) -> None:
    """Say what a capture is: host, time, command, rows, size, calls seen and lost.

    \b
    Examples:
      analyze info trace.parquet
      analyze info -v trace.parquet
      analyze info trace.parquet --format json
    """
    from analyze.info import column_sizes, describe, facts
    from analyze.render.text import size
    from analyze.result import Column, Given
    from analyze.session import Session
    from schemas.console import visible

    target = choose(form, output, force)
    with Session([*(files or []), *(read or [])], verified=verify) as session:
        target.spare(source.name for source in session.sources)
        if not target.is_for_people:
            columns = [Column(name, "VARCHAR") for name in ("file", "name", "value")]
            target.write(Given(columns, list(facts(session, columns=verbose))))
            return
        for name, value in describe(session):
            typer.echo(f"{visible(name):<14} {visible(value)}")
        if verbose:
            for column, stored, plain in column_sizes(session):
                typer.echo(f"  {column:<12} {size(stored):>9} of {size(plain):>9}")
