"""`analyze fields`."""

from typing import Annotated

import typer

from analyze.cli import options
from analyze.cli.output import choose

Words = Annotated[list[str] | None, typer.Argument(metavar="[WORD...]", help="Only fields with these words.")]
FORMS = """\
Tests:     FIELD OPERATOR VALUE, FIELD in (VALUE, ...), FIELD between VALUE and VALUE, FIELD exists; %class
Operators: = != < <= > >=, and for text contains icontains startswith endswith glob iglob regex
Together:  and, or, not, ( )
"""


def fields(
    words: Words = None,
    form: options.FormatOption = None,
    output: options.Output = None,
    force: options.Force = False,
) -> None:
    """List the fields that a filter (-f) can name, with their meaning.

    \b
    Examples:
      analyze fields
      analyze fields path
      analyze fields --format json
      analyze top trace.parquet -f 'proc.name = nginx and evt.latency > 1ms'
    """
    from analyze.filter import fields as known

    found = [
        field
        for field in known().values()
        if all(word.lower() in f"{field.name} {field.meaning}".lower() for word in words or [])
    ]
    target = choose(form, output, force)
    if not target.is_for_people:
        from analyze.result import Column, Given

        columns = [Column(name, "VARCHAR") for name in ("field", "type", "meaning")]
        target.write(Given(columns, [(field.name, field.type, field.meaning) for field in found]))
        return
    for field in found:
        typer.echo(f"{field.name:<17} {field.type:<9} {field.meaning}")
    if not words:
        typer.echo(f"\n{FORMS}", nl=False)
