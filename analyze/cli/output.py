"""Where an answer goes, and in which format."""

import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, BinaryIO

from analyze.cli.options import Format
from analyze.errors import OutputError, UsageError
from analyze.render import data, table
from analyze.result import Result

SUFFIXES = {
    ".json": Format.JSON,
    ".ndjson": Format.NDJSON,
    ".jsonl": Format.NDJSON,
    ".csv": Format.CSV,
    ".parquet": Format.PARQUET,
    ".arrow": Format.ARROW,
    ".arrows": Format.ARROW,
    ".txt": Format.TABLE,
    ".html": Format.HTML,
}
TEXT: dict[Format, Callable[[Result, Any], int]] = {
    Format.JSON: data.write_json,
    Format.NDJSON: data.write_ndjson,
    Format.CSV: data.write_csv,
}
BINARY: dict[Format, Callable[[Result, BinaryIO], int]] = {
    Format.PARQUET: data.write_parquet,
    Format.ARROW: data.write_arrow,
}


@dataclass(frozen=True)
class Output:
    """A destination: `path`, or standard output if that is None; made by `choose`."""

    format: Format
    path: Path | None = None
    force: bool = False

    @property
    def is_for_people(self) -> bool:
        """Whether it is a table on standard output, beside which other words may stand."""
        return self.format == Format.TABLE and self.path is None

    def spare(self, inputs: Iterable[str]) -> None:
        """Make sure that no input would be overwritten, whatever is forced. Raises UsageError."""
        for name in inputs:
            if self.path and self.path.exists() and Path(name).exists() and self.path.samefile(name):
                raise UsageError(f"-w {self.path} is a capture that is read; name another file")

    def write(
        self,
        result: Result,
        totals: Mapping[str, object] | None = None,
        title: str = "",
        doubt: table.Doubt | None = None,
    ) -> int:
        """Write an answer; returns how many rows it has. Raises OutputError, and then leaves no file behind.

        `doubt` says of which rows a table marks the percentiles.
        """
        with self.opened() as out:
            if self.format in BINARY:
                return BINARY[self.format](result, out)
            if self.format == Format.HTML:
                from analyze.html.answer import write_html

                return write_html(result, out, title, doubt)
            if self.format in TEXT:
                return TEXT[self.format](result, out)
            return table.write(result.columns, result.rows(), out, totals, doubt)

    def remark(self, text: str) -> None:
        """Say something about the answer: below a table, else on standard error."""
        out = sys.stdout if self.is_for_people else sys.stderr
        print("\n".join(textwrap.wrap(text, table.terminal_width(out), break_on_hyphens=False)), file=out)

    @contextmanager
    def opened(self) -> Iterator[Any]:
        """The destination as a stream of text or, for a binary format, of bytes; raises as `write` does."""
        binary = self.format in BINARY
        if self.path is None:
            yield sys.stdout.buffer if binary else sys.stdout
            sys.stdout.flush()
            return
        try:
            mode = ("w" if self.force else "x") + ("b" if binary else "")
            out: IO[Any] = self.path.open(mode, encoding=None if binary else "utf-8")
        except FileExistsError as error:
            raise OutputError(f"{self.path} exists; --force overwrites it") from error
        except OSError as error:
            raise OutputError(f"{self.path}: {error.strerror}") from error
        try:
            with out:
                yield out
        except BaseException as error:
            self.path.unlink(missing_ok=True)
            if isinstance(error, OSError):
                raise OutputError(f"{self.path}: {error.strerror}") from error
            raise


def choose(form: Format | None, path: Path | None, force: bool) -> Output:
    """The destination that the options name. Raises UsageError for a binary format on a terminal."""
    chosen = form or (SUFFIXES.get(path.suffix, Format.TABLE) if path else Format.TABLE)
    if chosen in BINARY and path is None and sys.stdout.isatty():
        raise UsageError(f"--format {chosen} is binary and standard output a terminal; use -w FILE or a pipe")
    return Output(chosen, path, force)
