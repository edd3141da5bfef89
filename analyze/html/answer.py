"""The page of one answer: what `--format html` writes of any report or query, a table to sort and search."""

import html
from typing import Any, TextIO

from analyze.html.encode import fit, table
from analyze.html.page import body_of, page
from analyze.render.table import Doubt
from analyze.result import Result

MOST_BYTES = 4_000_000
"""Of the table's JSON; of a longer one the page has the first rows."""


def write_html(result: Result, out: TextIO, title: str = "", doubt: Doubt | None = None) -> int:
    """Write a page with all rows, as far as they go into 5 MB; returns how many rows there are."""
    rows = list(result.rows())
    out.write(
        answer_page(title or "Answer", {"title": title, "total": len(rows), **table(result.columns, rows, doubt=doubt)})
    )
    return len(rows)


def answer_page(title: str, answer: dict[str, Any]) -> str:
    """The page of what `table` made."""
    data = {"tables": fit({"answer": answer}, MOST_BYTES)}
    return page(f"{title} - systape", body_of("answer.html", title=html.escape(title)), data, ["answer.js"])
