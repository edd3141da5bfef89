"""`capture bench`: what tracing costs on this machine."""

import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from capture.errors import UsageError


def bench(
    command: Annotated[
        list[str] | None, typer.Argument(metavar="[-- CMD ARGS]", help="The command of --workload")
    ] = None,
    workload: Annotated[bool, typer.Option("--workload", help="Measure a command of your own, given after --")] = False,
    workloads: Annotated[
        str | None,
        typer.Option(metavar="NAMES", help="dd getpid getpids find compile forks sqlite tcp bystander (default: all)"),
    ] = None,
    tracers: Annotated[
        str | None, typer.Option(metavar="NAMES", help="With commas between; --list names them (default: all)")
    ] = None,
    rounds: Annotated[int | None, typer.Option(metavar="N", min=1, help="Runs of each (default: 5)")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Fewer and smaller, in less than a minute")] = False,
    output: Annotated[
        Path | None, typer.Option("-o", metavar="FOLDER", help="For the results (default: bench-DATE-TIME)")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the results in FOLDER")] = False,
    listing: Annotated[bool, typer.Option("--list", help="Name workloads and tracers, and end")] = False,
) -> None:
    """Measure what tracing costs on this machine: workloads under systape, strace, perf and others, in shuffled rounds.

    \b
    Examples:
      capture bench --quick
      capture bench --rounds 11 --workloads dd,compile -o results
      capture bench --tracers floor,capture,strace --workload -- make -j8

    Prints tables, and writes them with every run (Parquet and JSON) and a picture into a folder. Ctrl-C ends it early,
    with the tables so far. Keep the machine quiet meanwhile.
    """
    if workload != bool(command):
        raise UsageError("--workload and a command go together: capture bench --workload -- CMD ARGS")
    if listing:
        from capture.bench.listing import lines

        print(*lines(), sep="\n")
        return
    from capture.bench import session

    options = session.Options(
        argv=("capture", *sys.argv[1:]),
        command=tuple(command or ()),
        workloads=workloads,
        tracers=tracers,
        rounds=rounds,
        quick=quick,
        folder=output or Path(f"bench-{datetime.now():%Y%m%d-%H%M%S}"),
        force=force,
    )
    raise typer.Exit(session.bench(options))
