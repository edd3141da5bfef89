"""`analyze verify FILE...`."""

import sys
from typing import Annotated

import typer

from analyze.cli import options
from analyze.cli.output import choose

Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="The damaged ones alone.")]


def verify(
    files: options.Files = None,
    read: options.Read = None,
    form: options.FormatOption = None,
    output: options.Output = None,
    force: options.Force = False,
    quiet: Quiet = False,
) -> None:
    """Say whether captures are whole and undamaged.

    Reads everything: the checksum of each page (and with a journal that of each row group), the range of each value,
    and the rows against the accounting. One line a capture; exit status 3 if one is not sound. The other commands do
    not look at checksums unless they are given --verify: a bit that flipped on the disk may then be shown as it stands.

    \b
    Examples:
      analyze verify trace.parquet
      analyze verify -q captures/
      analyze verify captures/ --format json
      analyze top trace.parquet --verify
    """
    from analyze.errors import CaptureFileError
    from analyze.result import Column, Given
    from analyze.session import Session
    from analyze.trace import find
    from analyze.verify import verify as sound
    from schemas.console import error_line, visible

    target = choose(form, output, force)
    damaged = 0
    answers: list[tuple[str, bool, int | None, str]] = []
    names = find([*(files or []), *(read or [])])
    target.spare(names)
    for name in names:
        try:
            with Session([name]) as session:
                found = sound(session.sources[0])
        except CaptureFileError as error:
            print(error_line(error, "analyze"), file=sys.stderr)
            damaged += 1
            answers.append((name, False, None, str(error)))
        else:
            remark = f" ({found.remark})" if found.remark else ""
            if not quiet:
                answers.append((name, True, found.rows, found.remark))
            if target.is_for_people and not quiet:
                typer.echo(f"{visible(name)}: sound, {found.rows:,} rows{remark}")
    if not target.is_for_people:
        kinds = {"file": "VARCHAR", "sound": "BOOLEAN", "rows": "BIGINT", "remark": "VARCHAR"}
        target.write(Given([Column(*column) for column in kinds.items()], answers))
    if damaged:
        raise typer.Exit(CaptureFileError.exit_code)
