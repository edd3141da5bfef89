"""Answers of reports as JSON: by column, what repeats said once, and nothing in it that HTML would obey."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from analyze.render.table import Doubt
from analyze.render.text import cut, printable
from analyze.reports.header import Report
from analyze.result import NS, Column

EXACT = 1 << 53
"""Integers from here on are no longer exact as JavaScript's numbers: they are written as texts."""
REPEATED = 4
"""A column is written as a list of its values and their places if each stands in it so many times on average."""
LONGEST = 400
"""Characters of a text; of a longer one the beginning is kept, of a path the end."""
ESCAPES = {ord("<"): "\\u003c", ord(">"): "\\u003e", ord("&"): "\\u0026", 0x2028: "\\u2028", 0x2029: "\\u2029"}
"""What could end a script element or begin a comment in it; within a text of JSON the same."""


def to_json(value: object) -> str:
    """JSON that may stand inside a script element of an HTML page."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).translate(ESCAPES)


def table(
    columns: Sequence[Column],
    rows: Sequence[Sequence[Any]],
    begin: int = 0,
    report: Report | None = None,
    doubt: Doubt | None = None,
) -> dict[str, Any]:
    """An answer as a JSON object: `rows`, their number, and `columns`, each with name, type, help and values.

    And `doubtful`: the places of the rows of which `doubt` says that lost calls may belong to them.
    A column has `values`, or `dict` and `codes`, the place of each row's value in it. Times are ns since `begin`.
    Control and direction characters of texts are escaped as in a terminal.
    """
    helps = {field.name: field.help for field in report.columns} if report else {}
    cells = list(zip(*rows, strict=True)) if rows else [()] * len(columns)
    made = []
    for column, values in zip(columns, cells, strict=True):
        shown = [_value(value, column, begin) for value in values]
        head = {"name": column.name, "type": column.type, "help": helps.get(column.name, "")}
        made.append({**head, **_packed(shown)})
    names = [column.name for column in columns]
    doubtful = [place for place, row in enumerate(rows) if doubt and doubt(dict(zip(names, row, strict=True)))]
    return {"rows": len(rows), "columns": made, "doubtful": doubtful}


def fit(tables: dict[str, dict[str, Any]], most: int, whole: Sequence[str] = ()) -> dict[str, dict[str, Any]]:
    """The tables, of the longest only so many rows that the JSON of all takes no more bytes; some stay `whole`."""
    sizes = {name: len(to_json(made).encode()) for name, made in tables.items()}
    while sum(sizes.values()) > most:
        longest = max((name for name in tables if name not in whole), key=sizes.__getitem__)
        tables[longest] = _shortened(tables[longest], tables[longest]["rows"] // 2)
        sizes[longest] = len(to_json(tables[longest]).encode())
    return tables


def _shortened(made: Mapping[str, Any], rows: int) -> dict[str, Any]:
    columns = []
    for column in made["columns"]:
        head = {name: column[name] for name in ("name", "type", "help")}
        values = column["values"] if "values" in column else [column["dict"][code] for code in column["codes"]]
        columns.append({**head, **_packed(values[:rows])})
    return {**made, "rows": rows, "columns": columns}


def text(value: str) -> str:
    """A text of the capture as the page shows it."""
    return cut(printable(value), LONGEST)


def number(value: int) -> int | str:
    """A whole number as JavaScript reads it exactly."""
    return value if abs(value) < EXACT else str(value)


def _value(value: object, column: Column, begin: int) -> object:
    """A value for JSON."""
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, int):
        return number(value - begin if column.type == NS else value)
    if isinstance(value, Mapping):  # a histogram
        return {str(key): number(count) for key, count in value.items()}
    return text(str(value))


def _packed(values: Sequence[object]) -> dict[str, object]:
    if any(isinstance(value, Mapping) for value in values):
        return {"values": list(values)}
    known = {value: place for place, value in enumerate(dict.fromkeys(values))}
    if len(known) * REPEATED > len(values):
        return {"values": list(values)}
    return {"dict": list(known), "codes": [known[value] for value in values]}
