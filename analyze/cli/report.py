"""`analyze REPORT FILE...`: one command for each report, made from the header of its .sql file."""

import inspect
import time
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import typer

from analyze.cli import options
from analyze.cli.filters import filters
from analyze.cli.output import Output, choose
from analyze.reports.header import Report


def command_of(report: Report) -> Callable[..., None]:
    """The function whose signature is the report's options; Typer reads it like any other."""

    def command(**given: object) -> None:
        answer(report, given)

    command.__name__ = report.name
    command.__doc__ = help_of(report)
    parameters = [_parameter(name, *kind) for name, kind in _options(report).items()]
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return command


def help_of(report: Report) -> str:
    """Title, text, the columns with what they mean, an example."""
    parts = [f"{report.title}."]
    if report.text:
        parts.append(report.text)
    if report.columns:
        longest = max(len(column.name) for column in report.columns)
        listed = "\n".join(f"  {column.name:<{longest}}  {column.help}" for column in report.columns)
        parts.append(f"\b\nColumns:\n{listed}")
    examples = [f"analyze {report.name} trace.parquet"]
    if report.by:
        examples.append(f"analyze {report.name} trace.parquet --by process -n 5")
    parts.append("\b\nExamples:\n" + "\n".join(f"  {example}" for example in examples))
    return "\n\n".join(parts)


def answer(report: Report, given: Mapping[str, Any]) -> None:
    """Run a report with the options given, and write what it returns."""
    from analyze.cli.progress import progress
    from analyze.completeness import completeness
    from analyze.reports.run import Options, compile_query, run
    from analyze.session import Session

    output = choose(given["form"], given["output"], given["force"])
    asked = Options(
        by=tuple(word.strip() for word in (given.get("by") or "").split(",") if word.strip()),
        sort=given["sort"],
        limit=given["limit"],
        params={param.name: given[param.name] for param in report.options},
    )
    begun = time.perf_counter()
    narrowed = filters(given["filter"], given["pid"], given["trace"], given["path"])
    names = [*(given["files"] or []), *(given["read"] or [])]
    with Session(names, filters=narrowed, verified=given["verify"]) as session:
        output.spare(source.name for source in session.sources)
        if given["show_sql"]:
            query = compile_query(session, report, asked)
            typer.echo(";\n\n".join([*session.script, query]) + ";")
            return
        whole = output.format == options.Format.TABLE
        limit = (given["limit"] if given["limit"] is not None else report.limit) if whole else given["limit"] or 0
        with progress(session, quiet=given["quiet"]):
            answered = run(session, report, asked, limited=whole or given["limit"] is not None, totals=whole)
            complete = completeness(session)
        doubt = None if complete.complete else complete.touches
        shown = output.write(answered.result, answered.totals, report.title, doubt)
        if not given["quiet"]:
            _remarks(output, answered.rows, shown, limit, complete.sentence())
        if given["verbose"]:
            typer.echo(f"{time.perf_counter() - begun:.2f} s after the start of the program", err=True)


def _remarks(output: Output, rows: int | None, shown: int, limit: int, complete: str) -> None:
    if rows is not None and rows > shown:
        output.remark("")
        output.remark(f"{shown:,} of {rows:,} rows; -n 0 shows all")
    elif rows is None and limit and shown >= limit:
        output.remark("")
        output.remark(f"the first {shown:,} rows; -n 0 shows all")
    elif output.format == options.Format.TABLE:
        output.remark("" if shown else "no rows")
    output.remark(complete)


def _options(report: Report) -> dict[str, tuple[Any, Any]]:
    """Annotation and default of each option, in the order of --help."""
    found: dict[str, tuple[Any, Any]] = {"files": (options.Files, None), "read": (options.Read, None)}
    found.update(
        filter=(options.Filter, None),
        pid=(options.Pid, None),
        trace=(options.Trace, None),
        path=(options.PathOption, None),
    )
    if report.by:
        found["by"] = (options.By, None)
    for param in report.options:
        option = typer.Option(f"--{param.name.replace('_', '-')}", metavar=param.type, help=param.help)
        found[param.name] = (Annotated[str, option], param.default)
    return {
        **found,
        "limit": (options.Limit, None),
        "sort": (options.Sort, None),
        "form": (options.FormatOption, None),
        "output": (options.Output, None),
        "force": (options.Force, False),
        "show_sql": (options.ShowSql, False),
        "verify": (options.Verify, False),
        "quiet": (options.Quiet, False),
        "verbose": (options.Verbose, False),
    }


def _parameter(name: str, annotation: object, default: object) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
