"""How the words of an option can go on, for a shell's completion."""

import typer

from analyze import reports
from analyze.errors import AnalyzeError

OF_CALLS = ("bytes", "capture", "direction", "file", "host", "peer")
"""Columns of calls that the file itself does not have."""


def by_words(incomplete: str) -> list[str]:
    """What can be grouped by, after the commas already there."""
    from analyze.events import COLUMNS
    from analyze.reports.run import GROUPS

    before, comma, last = incomplete.rpartition(",")
    known = [*GROUPS, *sorted({*COLUMNS, *OF_CALLS} - {"kind", "weight", "flags"})]
    return [f"{before}{comma}{word}" for word in known if word.startswith(last)]


def sort_words(ctx: typer.Context, incomplete: str) -> list[str]:
    """The columns of the report."""
    try:
        columns = reports.find(ctx.info_name or "").columns
    except AnalyzeError:  # not known, and nobody to tell: the shell shows nothing then
        return []
    return [column.name for column in columns if column.name.startswith(incomplete)]


def filter_words(incomplete: str) -> list[str]:
    """The fields of the filter language, after what is already there."""
    from analyze.filter.fields import fields

    start = max(incomplete.rfind(blank) for blank in " (") + 1
    return [f"{incomplete[:start]}{name}" for name in fields() if name.startswith(incomplete[start:])]
