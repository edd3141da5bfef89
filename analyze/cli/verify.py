"""`analyze verify FILE...`."""

import sys
from typing import Annotated

import typer

from analyze.cli import options

Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="The damaged ones alone.")]


def verify(files: options.Files = None, read: options.Read = None, quiet: Quiet = False) -> None:
    """Say whether captures are whole and undamaged.

    Reads everything: the checksum of each page (and with a journal that of each row group), the range of each value,
    and the rows against the accounting. One line a capture; exit status 3 if one is not sound. The other commands do
    not look at checksums unless they are given --verify: a bit that flipped on the disk may then be shown as it stands.

    \b
    Examples:
      analyze verify trace.parquet
      analyze verify -q captures/
      analyze top trace.parquet --verify
    """
    from analyze.errors import CaptureFileError
    from analyze.session import Session
    from analyze.trace import find
    from analyze.verify import verify as sound
    from schemas.console import error_line, visible

    damaged = 0
    for name in find([*(files or []), *(read or [])]):
        try:
            with Session([name]) as session:
                found = sound(session.sources[0])
        except CaptureFileError as error:
            print(error_line(error, "analyze"), file=sys.stderr)
            damaged += 1
        else:
            remark = f" ({found.remark})" if found.remark else ""
            if not quiet:
                typer.echo(f"{visible(name)}: sound, {found.rows:,} rows{remark}")
    if damaged:
        raise typer.Exit(CaptureFileError.exit_code)
