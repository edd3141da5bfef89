"""The page of a capture: `analyze report`."""

import html
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from analyze.html.collect import Step, collect
from analyze.html.page import body_of, page
from analyze.render.text import duration
from analyze.session import Session

SCRIPTS = ("charts.js", "timeline.js", "heatmap.js", "flame.js", "tree.js", "overview.js", "report.js")
LINKS = (
    ("overview", "Overview"),
    ("timeline", "Timeline"),
    ("latency", "Latency"),
    ("flame", "Flame graph"),
    ("calls", "Top"),
    ("processes", "Processes"),
    ("files", "Files"),
    ("peers", "Peers"),
    ("errors", "Errors"),
    ("losses", "Losses"),
)
MOST_NAMES = 3


def report_page(session: Session, filters: Sequence[str], begins: Step) -> str:
    """The page of the calls that the session's filters, said again in `filters`, keep.

    `begins` is told, before each piece of work, what share of the whole it is. Raises QueryError.
    """
    data = collect(session, filters, begins)
    names = [Path(name).name for name in data["files"]]
    title = ", ".join(names[:MOST_NAMES]) + (f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else "")
    complete = data["complete"]
    badge = "complete" if complete["complete"] else f"{complete['lost']:,} lost" if complete["lost"] else "not complete"
    body = body_of(
        "report.html",
        title=html.escape(title),
        state="good" if complete["complete"] else "bad",
        badge=html.escape(badge),
        subtitle=html.escape(_subtitle(data)),
        filter="".join(
            f'<p class="filter">Only calls with <code>{html.escape(one)}</code></p>' for one in data["filter"]
        ),
    )
    return page(f"{title} - systape", body, data, SCRIPTS, links=LINKS, pictures=True)


def _subtitle(data: dict[str, Any]) -> str:
    """Host, when, how long."""
    began = datetime.fromtimestamp(int(data["begin"]) // 10**9, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return " · ".join([*(host for host in data["hosts"] if host), began, duration(int(data["span"]))])
