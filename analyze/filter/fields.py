"""The fields that a filter can name: fields.csv, one a line.

`sql` is the field's value over the view `calls`; where `within` is given, as VIEW.KEY, it is a value in that view,
whose rows belong to the calls of the same KEY on the same host. `loss` is the column of the view `losses` that says as
much of calls that were lost, if one does.
"""

import csv
import difflib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

KINDS = {"text", "int", "duration", "time", "flag"}


@dataclass(frozen=True)
class Field:
    """A field: its name in filters, its kind (one of KINDS), where it is, what it means."""

    name: str
    type: str
    sql: str
    within: str
    loss: str
    meaning: str


@cache
def fields() -> dict[str, Field]:
    """Every field, by name, in the order of the table."""
    lines = (files("analyze") / "filter" / "fields.csv").read_text(encoding="utf-8").splitlines()
    return {row["name"]: Field(**row) for row in csv.DictReader(lines)}


def nearest(name: str) -> str | None:
    """The field that a wrong name was most likely meant to be."""
    known = list(fields())
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    if not near:  # the right word behind the wrong prefix: file.name
        near = [one for one in known if one.rpartition(".")[2] == name.rpartition(".")[2]]
    return near[0] if near else None
