"""The tables: one for each workload, and one of all; no line is longer than 80 columns."""

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from capture.bench.run import Kind, Run
from capture.bench.summary import Estimate, Row, slowdown_ratio
from capture.bench.tracers import NONE, OURS

WIDTH = 80
_NAME = 15
_HEAD = ("time", "95 % interval", "/floor", "CPU/call", "memory", "B/call", "lost", "kernel")
_WIDTHS = (6, 15, 7, 9, 7, 7, 7, 7)
LEGEND = (
    "time: of the workload, over the untraced run of the same round. /floor: the same over empty programs on both "
    "tracepoints. CPU/call, B/call: CPU and bytes of the tracer for each call that it recorded. memory: its peak. "
    "lost: share of calls. kernel: ns a call in its eBPF programs, above empty ones (in rounds of their own)."
)


@dataclass(frozen=True)
class Heading:
    """What is said of a workload above its table."""

    about: str
    calls: int | None = None
    scale: float = 1.0


def headings(runs: Sequence[Run], about: Mapping[str, str], scale: float) -> dict[str, Heading]:
    """By workload; `about` says what each is. The calls are those of its warm-up."""
    calls = {run.workload: run.calls for run in runs if run.kind is Kind.WARMUP}
    return {name: Heading(words, calls.get(name), scale) for name, words in about.items()}


def text(tables: Mapping[str, Sequence[Row]], headings: Mapping[str, Heading]) -> str:
    """For a terminal: a table for each workload, and what the columns mean."""
    parts = ["\n".join(_table(name, rows, headings[name])) for name, rows in tables.items()]
    if len(tables) > 1:
        parts.append("\n\n".join("\n".join(_matrix(part)) for part in _fitting(tables)))
    return "\n\n".join([*parts, textwrap.fill(LEGEND, WIDTH)]) + "\n"


def markdown(tables: Mapping[str, Sequence[Row]]) -> str:
    """Time over native of every tracer on every workload: a table for a README."""
    cells = [["time over native", *tables], ["---"] + ["---:"] * len(tables)]
    cells += [[name, *(_of(rows, name) for rows in tables.values())] for name in tracers(tables)]
    return "".join(f"| {' | '.join(line)} |\n" for line in cells)


def wrapped(line: str) -> str:
    """A line of words within the width; what is carried over is indented."""
    return textwrap.fill(line, WIDTH, subsequent_indent="    ")


def _table(name: str, rows: Sequence[Row], heading: Heading) -> Iterator[str]:
    calls = f", {heading.calls:,} calls" if heading.calls else ""
    scale = f" (here {heading.scale:g} times as many)" if heading.scale != 1 else ""
    yield from textwrap.wrap(f"{name}: {heading.about}{scale}{calls}", WIDTH)
    native = next((row for row in rows if row.tracer == NONE), None)
    if native:
        yield f"untraced {_seconds(native.wall)}, CPU {_seconds(native.workload_cpu)}; rounds: {native.rounds}"
    yield "tracer".ljust(_NAME) + "".join(word.rjust(width) for word, width in zip(_HEAD, _WIDTHS, strict=True))
    for row in sorted(rows, key=lambda row: row.time.median if row.time else 0.0):
        cells = zip(_cells(row), _WIDTHS, strict=True)
        yield (row.tracer.ljust(_NAME) + "".join(cell.rjust(width) for cell, width in cells)).rstrip()
    times = slowdown_ratio(rows, "strace", OURS)
    if times is not None:
        yield f"strace slows it down {ratio(times)} times as much as {OURS} does"


def _cells(row: Row) -> tuple[str, ...]:
    return (
        _ratio_of(row.time),
        _interval(row.time) if row.tracer != NONE else "",
        _ratio_of(row.of_floor),
        _nanoseconds(row.tracer_cpu),
        "" if row.peak is None else _memory(row.peak),
        "" if row.size is None else f"{row.size:.1f}" if row.size < 999.5 else f"{row.size:,.0f}",
        "" if row.lost is None else share(row.lost),
        "" if row.kernel is None else f"{row.kernel:.0f}",
    )


def _matrix(tables: Mapping[str, Sequence[Row]]) -> Iterator[str]:
    widths = {name: _column(name) for name in tables}
    yield "time".ljust(_NAME) + "".join(name.rjust(width) for name, width in widths.items())
    for tracer in tracers(tables):
        cells = (_of(rows, tracer).rjust(widths[name]) for name, rows in tables.items())
        yield (tracer.ljust(_NAME) + "".join(cells)).rstrip()


def _fitting(tables: Mapping[str, Sequence[Row]]) -> Iterator[dict[str, Sequence[Row]]]:
    """As many workloads as find room beside each other."""
    part: dict[str, Sequence[Row]] = {}
    for name, rows in tables.items():
        if _NAME + sum(map(_column, [*part, name])) > WIDTH:
            yield part
            part = {}
        part[name] = rows
    yield part


def _column(name: str) -> int:
    return max(len(name), 5) + 1


def tracers(tables: Mapping[str, Sequence[Row]]) -> list[str]:
    """By their median time on the first workload that has them."""
    times: dict[str, float] = {}
    for rows in tables.values():
        for row in rows:
            times.setdefault(row.tracer, row.time.median if row.time else 0.0)
    return sorted(times, key=lambda name: times[name])


def _of(rows: Sequence[Row], tracer: str) -> str:
    return next((_ratio_of(row.time) for row in rows if row.tracer == tracer), "")


def ratio(value: float) -> str:
    """Three digits: 1.56, 15.6, 156."""
    return f"{value:.2f}" if value < 9.995 else f"{value:.1f}" if value < 99.95 else f"{value:,.0f}"


def _ratio_of(estimate: Estimate | None) -> str:
    return ratio(estimate.median) if estimate else ""


def _interval(estimate: Estimate | None) -> str:
    if estimate is None or estimate.low is None or estimate.high is None:
        return ""
    return f"{ratio(estimate.low)} .. {ratio(estimate.high)}"


def _seconds(value: float) -> str:
    return f"{value:.3f} s"


def _nanoseconds(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f} ns" if value < 9_999.5 else f"{value / 1000:,.0f} us"


def _memory(value: float) -> str:
    return f"{value / 1e6:.0f} MB" if value < 999.5e6 else f"{value / 1e9:.{int(value < 9.95e9)}f} GB"


def share(value: float) -> str:
    """Nothing lost is `0`; anything lost never looks like it."""
    return "0" if value == 0 else "<0.1 %" if value < 0.0005 else f"{value * 100:.1f} %"
