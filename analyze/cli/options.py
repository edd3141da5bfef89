"""Options that several commands share."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from analyze.cli.completion import by_words, filter_words, sort_words


class Format(StrEnum):
    """How an answer is written."""

    TABLE = "table"
    JSON = "json"
    NDJSON = "ndjson"
    CSV = "csv"
    PARQUET = "parquet"
    ARROW = "arrow"
    HTML = "html"


Files = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="FILE...", help="Captures: files, globs, folders; - reads an Arrow stream.", show_default=False
    ),
]
Read = Annotated[
    list[str] | None, typer.Option("-r", "--read", metavar="FILE", help="The same as FILE.", show_default=False)
]
Filter = Annotated[
    list[str] | None,
    typer.Option(
        "-f",
        "--filter",
        metavar="TEXT",
        help="Only calls that this filter keeps.",
        show_default=False,
        autocompletion=filter_words,
    ),
]
Pid = Annotated[
    list[int] | None, typer.Option("-p", "--pid", metavar="PID", help="Only this process.", show_default=False)
]
Trace = Annotated[
    list[str] | None,
    typer.Option("-e", "--trace", metavar="EXPR", help="Only these calls, as strace.", show_default=False),
]
PathOption = Annotated[
    list[str] | None, typer.Option("-P", "--path", metavar="PATH", help="Only calls on PATH.", show_default=False)
]
Limit = Annotated[
    int | None, typer.Option("-n", "--limit", min=0, metavar="N", help="Rows at most; 0: all.", show_default=False)
]
Sort = Annotated[
    str | None,
    typer.Option(
        "-S",
        "--sort",
        metavar="COLUMN",
        help="Sort by this column of the report.",
        show_default=False,
        autocompletion=sort_words,
    ),
]
By = Annotated[
    str | None,
    typer.Option(
        "--by",
        metavar="COLUMNS",
        help="Group by: process, thread, or columns.",
        show_default=False,
        autocompletion=by_words,
    ),
]
FormatOption = Annotated[Format | None, typer.Option("--format", help="How to write the answer.", show_default="table")]
Output = Annotated[
    Path | None,
    typer.Option(
        "-w", "--write", metavar="FILE", help="Write to FILE, in the format of its suffix.", show_default=False
    ),
]
TARGET = typer.Option("-o", "-w", "--output", metavar="FILE", help="Write to FILE.")
"""Of the commands that make a file of their own kind."""
Force = Annotated[bool, typer.Option("--force", help="Overwrite the FILE of -w.")]
Verify = Annotated[bool, typer.Option("--verify", help="Compare the captures with their checksums first.")]
ShowSql = Annotated[bool, typer.Option("-d", "--dump-sql", help="Print the SQL, and end.")]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="The answer alone, no remarks.")]
Verbose = Annotated[bool, typer.Option("-v", "--verbose", help="Say how long it took.")]
