"""`analyze export --to FORMAT FILE...`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from analyze.cli import options
from analyze.cli.filters import filters
from analyze.cli.output import Output
from analyze.export import Target, Weight

if TYPE_CHECKING:
    from analyze.session import Session
    from analyze.show.stream import Namer

To = Annotated[Target, typer.Option("--to", help="What to write.", show_default=False)]
File = Annotated[Path | None, options.TARGET]
Lines = Annotated[
    int, typer.Option("-n", "--limit", min=0, metavar="N", help="Lines, calls or stacks at most.", show_default=False)
]
Size = Annotated[int, typer.Option("-s", min=0, metavar="N", help="Bytes shown of a buffer (capture -s N).")]
Names = Annotated[bool, typer.Option("-y", help="What descriptors stand for, as strace -y.")]
Comms = Annotated[bool, typer.Option("--comm", help="strace: names of threads, as strace -Y.")]
Nanoseconds = Annotated[bool, typer.Option("--ns", help="strace: times in ns; some parsers want µs.")]
Counted = Annotated[Weight, typer.Option("--weight", help="folded: what counts, time in µs or calls.")]


def export(
    to: To,
    files: options.Files = None,
    read: options.Read = None,
    filter_: options.Filter = None,
    pid: options.Pid = None,
    trace: options.Trace = None,
    path: options.PathOption = None,
    limit: Lines = 0,
    size: Size = 32,
    names: Names = False,
    comms: Comms = False,
    nanoseconds: Nanoseconds = False,
    weight: Counted = Weight.TIME,
    output: File = None,
    force: options.Force = False,
    verify: options.Verify = False,
    quiet: options.Quiet = False,
) -> None:
    """Write a capture in the format of another tool, to standard output or with -o to a file.

    strace: the text of `strace -f -ttt -T`, in order of entry. chrome: trace events for ui.perfetto.dev and
    chrome://tracing, one track a thread, calls as slices. folded: stacks process;call;file for flamegraph.pl and
    speedscope, by time or calls.

    \b
    Examples:
      analyze export --to chrome trace.parquet -o trace.json
      analyze export --to strace trace.parquet -f 'proc.name = nginx' | strace-parser
      analyze export --to folded trace.parquet | flamegraph.pl > flames.svg
    """
    from analyze.cli.progress import progress
    from analyze.session import Session

    target = Output(options.Format.TABLE, output, force)
    with Session(
        [*(files or []), *(read or [])], filters=filters(filter_, pid, trace, path), verified=verify
    ) as session:
        target.spare(source.name for source in session.sources)
        with target.opened() as out, progress(session, quiet=quiet or output is None):
            if to is Target.FOLDED:
                from analyze.export.folded import write_folded

                write_folded(session, out, weight=weight, limit=limit)
            elif to is Target.CHROME:
                from analyze.export.chrome import write_chrome

                states = filters(filter_, pid, None, None)
                write_chrome(session, out, states=states, limit=limit, shown=size, namer=_namer(session, names))
            else:
                from analyze.export.strace import MICROSECONDS, NANOSECONDS, write_strace

                write_strace(
                    session,
                    out,
                    states=filters(filter_, pid, None, None),
                    limit=limit,
                    shown=size,
                    digits=NANOSECONDS if nanoseconds else MICROSECONDS,
                    comms=comms,
                    namer=_namer(session, names),
                )
        if not quiet:
            _warn(session)


def _namer(session: "Session", wanted: bool) -> "Namer | None":
    if not wanted:
        return None
    from analyze.show.names import Namer

    return Namer(session)


def _warn(session: "Session") -> None:
    """Say on standard error what is missing: none of the formats can."""
    from analyze.completeness import completeness

    whole = completeness(session)
    if not whole.complete:
        typer.echo(whole.sentence(), err=True)
