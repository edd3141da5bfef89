"""`analyze report FILE...`."""

from pathlib import Path
from typing import Annotated

import typer

from analyze.cli import options
from analyze.cli.filters import filters
from analyze.cli.output import Output

PAGE = Path("report.html")
File = Annotated[Path, options.TARGET]


def make_page(
    files: options.Files = None,
    read: options.Read = None,
    filter_: options.Filter = None,
    pid: options.Pid = None,
    trace: options.Trace = None,
    path: options.PathOption = None,
    output: File = PAGE,
    force: options.Force = False,
    verify: options.Verify = False,
    quiet: options.Quiet = False,
) -> None:
    """Make a page to look at: one HTML file that opens in any browser, offline.

    Overview, timeline, latency as a heat map, a flame graph of time by process, call and file, tables to sort and
    search, the processes as a tree, files, peers, errors, losses. What it shows is what the reports return; each table
    says the command that prints the same.

    \b
    Examples:
      analyze report trace.parquet
      analyze report trace.parquet -o nginx.html -f 'proc.name = nginx'
    """
    from analyze.cli.progress import progress
    from analyze.completeness import completeness
    from analyze.html.report import report_page
    from analyze.session import Session

    target = Output(options.Format.TABLE, output, force)
    narrowed = filters(filter_, pid, trace, path)
    with Session([*(files or []), *(read or [])], filters=narrowed, verified=verify) as session:
        target.spare(source.name for source in session.sources)
        with target.opened() as out:
            with progress(session, quiet=quiet) as told:
                made = report_page(session, narrowed, told.begins)
            out.write(made)
        if not quiet:
            typer.echo(f"{output}: open it in a browser", err=True)
            typer.echo(completeness(session).sentence(), err=True)
