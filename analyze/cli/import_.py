"""`analyze import LOG...`."""

from pathlib import Path
from typing import Annotated

import typer

from analyze.cli import options
from analyze.cli.output import Output
from analyze.errors import CaptureFileError, NotUnderstood, UsageError

Logs = Annotated[
    list[str],
    typer.Argument(metavar="LOG...", help="strace's logs, those of -ff all together; - reads standard input."),
]
Capture = Annotated[Path, options.TARGET]
Strict = Annotated[bool, typer.Option("--strict", help="Exit with 7 if any line was not understood.")]
SHOWN = 100
"""Characters of a line that was not understood."""


def import_(
    logs: Logs, output: Capture, force: options.Force = False, strict: Strict = False, quiet: options.Quiet = False
) -> None:
    """Turn strace's logs into a capture, so that every report works on them.

    Any of strace's formats will do: with -f or -ff, with -t, -tt, -ttt or -r, with -T, with -y or -yy, -x, -Y. Best is
    `strace -f -ttt -T -y -s 4096 -o LOG`: what a log does not say stays empty. Lines that are not understood are
    counted, shown, and in the capture stand for calls that were lost.

    \b
    Examples:
      analyze import strace.log -o trace.parquet
      analyze import out.1234 out.1235 -o trace.parquet      (strace -ff -o out)
      strace -f -ttt -T make 2>&1 >/dev/null | analyze import - -o trace.parquet
    """
    from analyze.cli.progress import shown
    from analyze.importer import Read, import_logs
    from analyze.render.text import cut, printable

    missing = next((log for log in logs if log != "-" and not Path(log).is_file()), None)
    if missing is not None:
        raise CaptureFileError(f"{missing}: no such file; write one with `strace -f -ttt -T -o {missing} COMMAND`")
    if any(log != "-" and output.exists() and Path(log).samefile(output) for log in logs):
        raise UsageError(f"-o {output} is a log that is read; name another file")
    with Output(options.Format.PARQUET, output, force).opened() as out:
        read = Read()
        with shown(lambda: read.share, quiet=quiet):
            done = import_logs(logs, out, read)
    if not quiet:
        typer.echo(f"{done.lines:,} lines: {done.calls:,} calls, {done.rows - done.calls:,} other rows in {output}")
    if done.strange:
        for example in done.examples:
            typer.echo(f"not understood: {cut(printable(example), SHOWN)}", err=True)
        share = f"{done.strange:,} of {done.lines:,} lines not understood ({done.strange / done.lines:.3%})"
        if strict:
            raise NotUnderstood(f"{share}; without --strict that is no error")
        typer.echo(share, err=True)
    elif not quiet:
        typer.echo(f"next: analyze summary {output}")
