"""What the page of a capture holds: the answers of reports, the same that the command line gives."""

import shlex
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from analyze import reports
from analyze.completeness import Completeness, completeness
from analyze.html.encode import fit, number, table, text
from analyze.info import describe
from analyze.render.table import Doubt
from analyze.reports.run import Options, run
from analyze.session import Session

SLOTS = 200
"""Intervals of the timeline and the heat map, at most."""
STEPS = 2
"""Rows of the heat map to a power of two of duration."""

MOST_BYTES = 3_400_000
"""Of the tables' JSON: what the library and the scripts leave of a page of 5 MB, and some more."""


@dataclass(frozen=True)
class Part:
    """A table of the page: its name there, the report that it is, and with which options."""

    name: str
    report: str
    by: tuple[str, ...] = ()
    limit: int = 0
    seconds: float = 0.5
    """How long it takes, about, on ten million calls: how far the bar moves."""
    named: bool = False
    """Whether it needs the names behind descriptors."""


PARTS = (
    Part("calls", "summary"),
    Part("timeline", "timeline"),
    Part("heatmap", "heatmap", by=("syscall",), limit=100_000, seconds=1),
    Part("programs", "top", by=("comm",), limit=500),
    Part("users", "top", by=("uid",), limit=200),
    Part("cgroups", "top", by=("cgroup",), limit=300),
    Part("stacks", "top", by=("comm", "syscall")),
    Part("waiting", "blocked", by=("comm", "syscall"), limit=300),
    Part("repeats", "repeats", limit=300, seconds=1),
    Part("processes", "processes", limit=5000, seconds=1),
    Part("errors", "errors", limit=300),
    Part("failing", "errors", by=("path", "errno", "syscall"), limit=500),
    Part("losses", "losses", limit=300),
    Part("slowest", "slowest", limit=300, seconds=4),  # which waits for the replay
    Part("files", "files", limit=1000, named=True),
    Part("peers", "peers", limit=500, named=True),
    Part("leaves", "top", by=("comm", "syscall", "file", "peer"), limit=3000, seconds=1, named=True),
)

NAMED_COLUMNS = (
    "comm",
    "syscall",
    "errno",
    "dur_ns",
    "bytes",
    "direction",
    "file",
    "peer",
    "thing",
    "below",
    "given",
    "far_end",
)
"""Columns of the calls that the parts with names read."""
NAMES_SECONDS = 10.0
PICTURES = ("timeline", "heatmap", "stacks")
"""Parts that are drawn, for which each row counts."""

Step = Callable[[float], Any]
"""Told, before a piece of work, how much of the whole it is."""


def collect(session: Session, filters: Sequence[str], begins: Step) -> dict[str, Any]:
    """All data of the page of a capture, ready for JSON; `begins` is told what share of the work comes next."""
    span = session.span
    interval = session.fetch("SELECT round_interval($1)", [(span.end - span.start) / SLOTS])[0][0]
    whole = sum(part.seconds for part in PARTS) + NAMES_SECONDS
    tables: dict[str, Any] = {}
    complete = completeness(session)
    doubt = None if complete.complete else complete.touches

    def ask(named: bool) -> None:
        for part in PARTS:
            if part.named == named:
                begins(part.seconds / whole)
                tables[part.name] = _answer(session, part, interval, filters, doubt)

    def keep(*columns: str) -> None:
        begins(NAMES_SECONDS / whole)
        session.keep(columns)

    if session.filters_by_name:
        keep("*")
        ask(named=False)
    else:
        with _replaying(session):
            ask(named=False)
        keep(*NAMED_COLUMNS)
    ask(named=True)
    return {
        "files": [text(source.name) for source in session.sources],
        "hosts": [text(host) for host in session.hosts],
        "begin": str(span.start),
        "span": number(max(span.end - span.start, 0)),
        "interval": interval,
        "filter": [text(one) for one in filters],
        "about": [[name, text(value)] for name, value in describe(session)],
        "complete": _accounting(complete),
        "tables": fit(tables, MOST_BYTES, whole=PICTURES),
    }


@contextmanager
def _replaying(session: Session) -> Iterator[None]:
    """Replay the descriptors, which one thread of Python does, while the block asks DuckDB."""
    with ThreadPoolExecutor(1) as pool:
        replayed = pool.submit(lambda: session.replay.timeline)
        yield
        replayed.result()


def _answer(session: Session, part: Part, interval: int, filters: Sequence[str], doubt: Doubt | None) -> dict[str, Any]:
    """One table, and the command that prints the same."""
    report = reports.find(part.report)
    timed = {"interval": _readable(interval)} if part.name in ("timeline", "heatmap") else {}
    params = {**timed, **({"steps": str(STEPS)} if part.name == "heatmap" else {})}
    answer = run(session, report, Options(by=part.by, limit=part.limit, params=params), totals=True)
    rows = list(answer.result.rows())
    made = table(answer.result.columns, rows, session.span.start, report, doubt)
    words = ["analyze", part.report, *(source.name for source in session.sources)]
    words += [word for one in filters for word in ("-f", one)]
    words += ["--by", ",".join(part.by)] if part.by else []
    words += [word for name, value in params.items() for word in (f"--{name}", value)]
    made |= {
        "title": report.title,
        "command": text(shlex.join([*words, "-n", str(part.limit)])),
        "total": len(rows) if answer.rows is None else answer.rows,
    }
    if answer.totals:
        made["totals"] = {
            name: number(value) if isinstance(value, int) else value for name, value in answer.totals.items()
        }
    return made


def _readable(ns: int) -> str:
    """A round length of time as an option takes it."""
    unit, name = next(pair for pair in ((10**9, "s"), (10**6, "ms"), (10**3, "us"), (1, "ns")) if ns % pair[0] == 0)
    return f"{ns // unit}{name}"


def _accounting(found: Completeness) -> dict[str, Any]:
    return {
        "complete": found.complete,
        "sentence": found.sentence(),
        "written": found.written,
        "lost": sum(found.lost.values()),
    }
