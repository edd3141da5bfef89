"""The command `capture`: one command with options, as tcpdump's, and a few sub-commands. `main` is the one catch."""

import os
import sys
from importlib import import_module
from typing import NoReturn

import typer

from capture.errors import CaptureError, ReaderGone, SinkError
from capture.threads import none_by_libraries
from schemas.console import (
    error_line,
    give_up_output,
    system_line,
    to_the_end,
    unexpected_line,
    usage_line,
)

SUBCOMMANDS = {
    "bench": "what tracing costs here, beside strace and others",
    "doctor": "what can run here, what is missing, and the remedy",
    "repair": "finish a capture whose collector was killed",
}
"""Each is a function of that name in a module of that name; a command to trace of such a name goes after `--`."""
COMPLETE = "_CAPTURE_COMPLETE"
"""Set by a shell that asks for completions; the words so far are then in another variable."""


def app(name: str) -> typer.Typer:
    """The Typer application of a sub-command, or of `record`, the command itself."""
    offered = name == "record" or COMPLETE in os.environ
    application = typer.Typer(add_completion=offered, pretty_exceptions_enable=False, rich_markup_mode=None)
    settings = {"help_option_names": ["-h", "--help"], "allow_interspersed_args": name != "record"}
    with none_by_libraries():
        module = import_module(f"capture.cli.{name}")
    application.command(context_settings=settings)(getattr(module, name))
    return application


def run() -> int:
    """Run, and turn whatever the user can do something about into one line and an exit status of its kind."""
    arguments = sys.argv[1:]
    typed = arguments or os.environ.get("COMP_WORDS", os.environ.get("_TYPER_COMPLETE_ARGS", "")).split()[1:]
    name = typed[0] if typed and typed[0] in SUBCOMMANDS else "record"
    arguments = arguments[name != "record" :]
    program = "capture" if name == "record" else f"capture {name}"
    try:
        status = app(name)(arguments, prog_name=program, complete_var=COMPLETE, standalone_mode=False)
        sys.stdout.flush()
    except (ReaderGone, BrokenPipeError):
        give_up_output()
        return 0
    except CaptureError as error:
        print(error_line(error, "capture"), file=sys.stderr)
        return error.exit_code
    except typer.TyperException as error:
        print(usage_line(error, program), file=sys.stderr)
        return error.exit_code
    except OSError as error:
        print(system_line(error, program), file=sys.stderr)
        give_up_output()
        return SinkError.exit_code
    except Exception as error:  # noqa: BLE001 - it is said; what was recorded has been written by then
        print(unexpected_line(error, "capture", "what was recorded until then is kept"), file=sys.stderr)
        return CaptureError.exit_code
    return int(status or 0)


def main() -> NoReturn:
    """`run` as a program does."""
    sys.exit(to_the_end(run))
