"""`capture doctor`: what can run here, what is missing, and the remedy."""

import os
import sys
from typing import Annotated

import typer


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object, for programs")] = False,
    test: Annotated[bool, typer.Option("--test/--no-test", help="Record a known number of calls too")] = True,
) -> None:
    """Say which loaders can record on this machine, what is missing and how to get it, and test each with known calls.

    \b
    Examples:
      capture doctor                what is there, and a self-test of some seconds
      capture doctor --no-test      only look
      capture doctor --json | jq .exit_status

    Exit status: 0 something can record; 3 only privileges are missing; 4 something else is.
    """
    from capture import doctor as clinic
    from capture.doctor import render

    diagnosis = clinic.examine()
    if test:
        diagnosis = clinic.test(diagnosis)
    colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    print(render.to_json(diagnosis) if as_json else render.text(diagnosis, colour=colour), end="\n" if as_json else "")
    raise typer.Exit(diagnosis.exit_status)
