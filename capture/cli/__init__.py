"""The command `capture`: one command with options, as tcpdump's, and a few sub-commands. `main` is the one catch."""

import sys
from importlib import import_module

import typer

from capture.errors import CaptureError, ReaderGone

SUBCOMMANDS = {
    "bench": "what tracing costs here, beside strace and others",
    "doctor": "what can run here, what is missing, and the remedy",
    "repair": "finish a capture whose collector was killed",
}
"""Each is a function of that name in a module of that name; a command to trace of such a name goes after `--`."""


def app(name: str) -> typer.Typer:
    """The Typer application of a sub-command, or of `record`, the command itself."""
    application = typer.Typer(add_completion=name == "record", pretty_exceptions_enable=False, rich_markup_mode=None)
    settings = {"help_option_names": ["-h", "--help"], "allow_interspersed_args": name != "record"}
    application.command(context_settings=settings)(getattr(import_module(f"capture.cli.{name}"), name))
    return application


def main() -> None:
    """Run, and turn whatever the user can do something about into one line and an exit status of its kind."""
    arguments = sys.argv[1:]
    name = arguments.pop(0) if arguments and arguments[0] in SUBCOMMANDS else "record"
    program = "capture" if name == "record" else f"capture {name}"
    try:
        app(name)(arguments, prog_name=program)
    except ReaderGone:
        sys.exit(0)
    except CaptureError as error:
        print(f"capture: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)
