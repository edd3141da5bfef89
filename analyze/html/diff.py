"""The page of `analyze diff`: two captures, and what changed between them."""

import html
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from analyze.html.encode import fit, table, text
from analyze.html.page import body_of, page
from analyze.render.text import duration
from analyze.result import Result
from analyze.session import Session

MOST_BYTES = 4_000_000
"""Of the changes' JSON."""


@dataclass(frozen=True)
class Side:
    """One of the captures that are compared: its name, and what to say of it."""

    name: str
    facts: tuple[str, ...]


def side_of(name: str, session: Session) -> Side:
    """What the page says of a capture: host, when, how long, how many calls the filters keep."""
    span = session.span
    session.narrow(named=session.filters_by_name)
    calls = session.fetch("SELECT count(*) FROM selected")[0][0]
    began = datetime.fromtimestamp(span.start // 10**9, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    length = f"{calls:,} calls in {duration(max(span.end - span.start, 0))}"
    return Side(text(name), (*(text(host) for host in session.hosts if host), began, length))


def diff_page(sides: Sequence[Side], changes: Result, remarks: Sequence[str]) -> str:
    """The page of the changes from one side to the other; `remarks` are lines on what the captures lack."""
    before, after = sides
    rows = list(changes.rows())
    made: dict[str, Any] = {"title": "Changes", "total": len(rows), **table(changes.columns, rows)}
    data = {
        "before": {"name": before.name, "facts": before.facts},
        "after": {"name": after.name, "facts": after.facts},
        "tables": fit({"changes": made}, MOST_BYTES),
    }
    title = f"{before.name} → {after.name}"
    told = "".join(f'<p class="bad">{html.escape(text(line))}</p>' for line in remarks if line)
    body = body_of("diff.html", title=html.escape(title), remarks=told)
    return page(f"{title} - systape", body, data, ["diff.js"])
