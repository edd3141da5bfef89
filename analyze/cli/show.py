"""`analyze show FILE...`."""

import os
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from analyze.cli import options
from analyze.cli.filters import filters
from analyze.cli.output import BINARY, TEXT, Output, choose
from analyze.errors import UsageError
from analyze.show.order import Order

if TYPE_CHECKING:
    from analyze.session import Session
    from analyze.show.query import Asked
    from schemas.line import Style

Read = Annotated[list[str] | None, typer.Option("--read", metavar="FILE", help="The same as FILE.")]
SortBy = Annotated[
    Order | None,
    typer.Option("-S", "--sort", help="Sort by time of entry or return (else: as in the file, nearly by return)."),
]
Lines = Annotated[int, typer.Option("-n", "--limit", min=0, metavar="N", help="Lines at most.", show_default=False)]
Times = Annotated[
    int,
    typer.Option("-t", count=True, help="Time of entry, UTC; -tt with µs, -ttt since the epoch.", show_default=False),
]
Relative = Annotated[bool, typer.Option("-r", help="Time since the line before.")]
Durations = Annotated[bool, typer.Option("-T", help="Time spent in the call, in s.")]
Names = Annotated[
    int, typer.Option("-y", count=True, help="What descriptors stand for, names of users.", show_default=False)
]
Size = Annotated[int, typer.Option("-s", min=0, metavar="N", help="Bytes shown of a buffer (capture -s N).")]
Hexadecimal = Annotated[
    int, typer.Option("-x", count=True, help="Strings not printable as \\xHH; -xx all strings.", show_default=False)
]
Resumed = Annotated[bool, typer.Option("--resumed", help="Cut calls in two where another came in between.")]
Everything = Annotated[bool, typer.Option("-v", "--all", help="Also rows that strace lacks: fork, exec, process, fd.")]


def show(
    files: options.Files = None,
    read: Read = None,
    filter_: options.Filter = None,
    pid: options.Pid = None,
    trace: options.Trace = None,
    path: options.PathOption = None,
    times: Times = 0,
    relative: Relative = False,
    durations: Durations = False,
    names: Names = 0,
    size: Size = 32,
    hexadecimal: Hexadecimal = 0,
    resumed: Resumed = False,
    everything: Everything = False,
    sort: SortBy = None,
    limit: Lines = 0,
    form: options.FormatOption = None,
    output: options.Output = None,
    force: options.Force = False,
    show_sql: options.ShowSql = False,
    verify: options.Verify = False,
    quiet: options.Quiet = False,
) -> None:
    """Print a capture as strace would.

    One line a call, in the order of the file: PID COMM CALL(ARGUMENTS) = RESULT. Signals and ends of processes as
    strace shows them; calls that were lost are said where they are missing. --format json, ndjson and csv give the rows
    as they are, and the line as `text`; -w FILE.parquet or FILE.arrows makes a capture of what the filters keep.

    \b
    Examples:
      analyze show trace.parquet -tt -T
      analyze show trace.parquet -p 1234 -e %file -y
      analyze show trace.parquet -f 'proc.name = nginx and evt.latency > 1ms'
      analyze show trace.parquet -f 'evt.failed' -w failed.parquet
    """
    from analyze.session import Session
    from analyze.show.query import Asked
    from schemas.line import Style

    target = choose(form, output, force)
    if resumed and (target.format != options.Format.TABLE or sort == Order.RETURN):
        raise UsageError("--resumed is for lines in order of entry: leave out --format and --sort return")
    style = Style(
        clock=min(times, 3),
        relative=relative,
        durations=durations,
        names=names > 0,
        shown=size,
        hexadecimal=min(hexadecimal, 2),
        everything=everything,
        colour=target.path is None and sys.stdout.isatty() and not os.environ.get("NO_COLOR"),
    )
    lines = target.format == options.Format.TABLE
    asked = Asked(
        filters(filter_, pid, None, None),
        everything=everything,
        whole=not lines,
        order=Order.ENTRY if resumed else sort,
        limit=0 if lines else limit,
    )
    with Session(
        [*(files or []), *(read or [])], filters=filters(filter_, pid, trace, path), verified=verify
    ) as session:
        target.spare(source.name for source in session.sources)
        if show_sql:
            from analyze.show.query import statement

            typer.echo(";\n\n".join([*session.script, statement(session, asked)]) + ";")
            return
        _write(session, asked, style, target, limit, resumed)
        if not quiet:
            _warn(session)


def _write(session: "Session", asked: "Asked", style: "Style", target: Output, limit: int, resumed: bool) -> None:
    from analyze.show.people import people
    from analyze.show.stream import Described, write_lines
    from schemas.line import Printer

    if target.format in BINARY:
        from analyze.show.subset import write_subset

        with target.opened() as out:
            write_subset(session, asked, out, parquet=target.format == options.Format.PARQUET)
        return
    printer = Printer(style, *people(session))
    namer = None
    if style.names:
        from analyze.show.names import Namer

        namer = Namer(session)
    if target.format in TEXT:
        target.write(Described(session, asked, printer, namer))
        return
    with target.opened() as out:
        write_lines(session, asked, printer, namer, out, limit=limit, resumed=resumed)


def _warn(session: "Session") -> None:
    from analyze.completeness import completeness

    whole = completeness(session)
    if not whole.complete:
        typer.echo(whole.sentence(), err=True)
