"""The prompt of `analyze sql`: a query goes on until its semicolon; a word with a dot is a command."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import typer

from analyze.cli.interrupt import interruptible
from analyze.cli.output import Output
from analyze.errors import AnalyzeError
from analyze.session import Session

PROMPT, MORE = "systape> ", "    ...> "
GREETING = "{count} capture{s}. End a query with ; and see .help; Ctrl-D ends."
HELP = """\
.tables          the views
.schema [VIEW]   the columns of a view
.help            this
.quit            the end (or Ctrl-D)
Anything else is SQL, up to a semicolon; Ctrl-C drops what was typed or stops what runs."""


class Prompt:
    """Reads queries and writes their answers until the user has had enough."""

    def __init__(self, session: Session, output: Output, *, quiet: bool = False) -> None:
        """The session to ask, and where answers go."""
        self.session = session
        self.output = output
        self.quiet = quiet
        self.commands: dict[str, Callable[[str], None]] = {
            ".help": lambda _: typer.echo(HELP),
            ".tables": lambda _: self._ask("SHOW TABLES"),
            ".schema": self._schema,
        }

    def run(self) -> None:
        """Ask until the end of input."""
        from prompt_toolkit import PromptSession
        from prompt_toolkit.history import FileHistory

        reader: PromptSession[str] = PromptSession(history=FileHistory(str(history_file())))
        count = len(self.session.sources)
        if not self.quiet:
            typer.echo(GREETING.format(count=count, s="" if count == 1 else "s"))
        lines: list[str] = []
        while True:
            try:
                lines.append(reader.prompt(MORE if lines else PROMPT))
            except KeyboardInterrupt:
                lines.clear()
                continue
            except EOFError:
                return
            text = "\n".join(lines).strip()
            if text.startswith(".quit"):
                return
            if text.startswith(".") or text.endswith(";") or not text:
                lines.clear()
                self.take(text)

    def take(self, text: str) -> None:
        """One command or query; an error is said, and does not end the prompt."""
        word, _, rest = text.partition(" ")
        if not text.strip("; \n"):
            return
        try:
            if word.startswith("."):
                self.commands.get(word, self._unknown)(rest.strip() or word)
            else:
                self._ask(text)
        except AnalyzeError as error:
            typer.echo(str(error), err=True)
        except KeyboardInterrupt:
            typer.echo("stopped", err=True)

    def _ask(self, query: str) -> None:
        begun = time.perf_counter()
        with interruptible() as asked:
            try:
                rows = self.output.write(self.session.query(query))
            except (AnalyzeError, RuntimeError) as error:
                if asked.is_set():
                    raise KeyboardInterrupt from error
                raise
        if not self.quiet:
            typer.echo(f"{rows:,} row{'' if rows == 1 else 's'} in {time.perf_counter() - begun:.2f} s", err=True)

    def _schema(self, view: str) -> None:
        name = "calls" if view.startswith(".") else view
        self._ask(f"SELECT column_name, column_type FROM (DESCRIBE {name})")

    def _unknown(self, word: str) -> None:
        typer.echo(f"no such command: {word}; see .help", err=True)


def history_file() -> Path:
    """Where typed queries are remembered; its folder is made."""
    base = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    folder = base / "systape"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / "sql_history"
