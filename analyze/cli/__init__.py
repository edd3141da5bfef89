"""The command `analyze`: its sub-commands and reports, and the one place where errors become a line and a status."""

import os
import sys
from collections.abc import Callable
from difflib import get_close_matches
from threading import Event
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

from analyze import memory, reports
from analyze.cli.diff import diff
from analyze.cli.export import export
from analyze.cli.fields import fields
from analyze.cli.import_ import import_
from analyze.cli.info import info
from analyze.cli.interrupt import interruptible
from analyze.cli.page import make_page
from analyze.cli.report import command_of
from analyze.cli.show import show
from analyze.cli.sql import sql
from analyze.cli.tree import tree
from analyze.cli.verify import verify
from analyze.errors import AnalyzeError, OutputError, QueryError, ReaderGone, ReportError
from schemas.console import (
    INTERRUPTED,
    error_line,
    give_up_output,
    system_line,
    to_the_end,
    unexpected_line,
    usage_line,
)
from schemas.version import SCHEMA_VERSION, TOOL_VERSION

ANYTHING = {"ignore_unknown_options": True, "allow_extra_args": True}
SETTINGS = {"help_option_names": ["-h", "--help"]}


class Commands(TyperGroup):
    """The commands and reports; one that ends in .sql is a report by the path of its file.

    A report becomes a command when it is asked for: to make all of them takes longer than some run.
    """

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ANN401 - Typer does not export its types
        """The names of all commands, and of the reports that are there now."""
        return [*super().list_commands(ctx), *sorted(reports.names())]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ANN401 - as above
        """The command of a name, or of a user's own file."""
        known = super().get_command(ctx, cmd_name)
        if known is not None or not (cmd_name.endswith(reports.SUFFIX) or cmd_name in reports.names()):
            return known
        return report_command(cmd_name)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:  # noqa: ANN401 - as above
        """The command that the words name; for a word that is none, the nearest is offered, reports among them."""
        if self.get_command(ctx, args[0]) is None and (near := get_close_matches(args[0], self.list_commands(ctx))):
            ctx.fail(f"no such command '{args[0]}'; did you mean {near[0]}?")
        return super().resolve_command(ctx, args)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - as above
        """Without any word the help, and the status of wrong usage."""
        if not args and not ctx.resilient_parsing:  # which is how a shell asks for completions
            print(ctx.get_help())
            ctx.exit(2)
        return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401 - as above
        """Run the command; a reader that has gone is no error to Typer's own handling, which would end with 1."""
        try:
            done = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError as error:
            raise ReaderGone from error
        return done


def report_command(name: str) -> Any:  # noqa: ANN401 - as above
    """The command of a report; of one whose file is wrong, it says so when it is run."""
    alone = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    try:
        alone.command(name, context_settings=SETTINGS)(command_of(reports.find(name)))
    except ReportError as error:
        if name.endswith(reports.SUFFIX):
            raise
        alone.command(name, help=f"(cannot be used: {error})", context_settings=ANYTHING)(_fail(error))
    return typer.main.get_command(alone)


def version(wanted: bool) -> None:
    """Print the version and end."""
    if wanted:
        typer.echo(f"analyze {TOOL_VERSION}, capture schema {SCHEMA_VERSION}")
        raise typer.Exit


def start(
    _version: Annotated[
        bool, typer.Option("-V", "--version", callback=version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    """Answer questions about captures of system calls.

    A capture is a file that `capture -w FILE` wrote. Each report takes files, globs and folders; `analyze REPORT -h`
    says what its columns mean. Reports of your own: ~/.config/systape/reports/*.sql, or the path of an .sql file.

    Exit status: 0 done, 2 wrong usage, 3 a capture cannot be read, 4 a query is refused or fails, 5 a report's own
    file is wrong, 6 the answer cannot be written, 7 import --strict: lines not understood, 8 diff --fail-if: a change
    found, 130 interrupted.
    """


def application() -> typer.Typer:
    """The Typer application with every command; reports are found by `Commands`."""
    made = typer.Typer(
        cls=Commands,
        name="analyze",
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings=SETTINGS,
    )
    made.callback(context_settings=SETTINGS)(start)
    made.command("show", context_settings=SETTINGS)(show)
    made.command("sql", context_settings=SETTINGS)(sql)
    made.command("fields", context_settings=SETTINGS)(fields)
    made.command("diff", context_settings=SETTINGS)(diff)
    made.command("export", context_settings=SETTINGS)(export)
    made.command("import", context_settings=SETTINGS)(import_)
    made.command("report", context_settings=SETTINGS)(make_page)
    made.command("info", context_settings=SETTINGS)(info)
    made.command("tree", context_settings=SETTINGS)(tree)
    made.command("verify", context_settings=SETTINGS)(verify)
    return made


def _fail(error: ReportError) -> Callable[[], None]:
    def command() -> None:
        raise error

    return command


app = application()


def _answer(asked: Event) -> int:
    """Run the command. `asked` says that the user wants it to end: whatever then went wrong followed from that."""
    try:
        return int(app(prog_name="analyze", standalone_mode=False) or 0)
    except Exception as error:
        if asked.is_set():
            raise KeyboardInterrupt from error
        raise


def run() -> int:
    """Run, and turn whatever the user can do something about into one line and an exit status of its kind."""
    try:
        with interruptible() as asked:
            return _answer(asked)
    except ReaderGone:
        give_up_output()
    except AnalyzeError as error:
        print(error_line(error, "analyze"), file=sys.stderr)
        return error.exit_code
    except typer.TyperException as error:
        print(usage_line(error, "analyze"), file=sys.stderr)
        return error.exit_code
    except OSError as error:
        print(system_line(error, "analyze"), file=sys.stderr)
        give_up_output()
        return OutputError.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED
    except MemoryError:
        print(error_line(memory.too_much(), "analyze"), file=sys.stderr)
        return QueryError.exit_code
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    except Exception as error:  # noqa: BLE001 - it is said, and a terminal gets no traceback with a file's values
        print(unexpected_line(error, "analyze", "if the file is sound (analyze verify)"), file=sys.stderr)
        return AnalyzeError.exit_code
    return 0


def main() -> NoReturn:
    """`run` as a program does."""
    memory.bound()
    sys.exit(to_the_end(run))


def script() -> NoReturn:
    """The same for the console script, which ends at once: to give back memory piece by piece takes Python 0.1 s."""
    memory.bound()
    status = to_the_end(run)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)
