"""Puts the results of a bench into README.md, between its two marks, and the picture into docs: what tracing costs.

python scripts/readme_table.py FOLDER     # the folder that `capture bench -o FOLDER` has written
"""

import shlex
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from capture.bench import files, plot, render
from capture.bench.summary import Row, summarise
from capture.bench.tracers import NONE, OURS, TRACERS
from capture.errors import CaptureError

ROOT = Path(__file__).resolve().parents[1]
README, PICTURE = ROOT / "README.md", ROOT / "docs" / "bench.svg"
BEGIN, END = "<!-- made by scripts/readme_table.py -->", "<!-- end of what it made -->"
NAMES = {
    "floor": "empty programs",
    "clock": "two clock readings",
    "filter": "a seccomp filter alone",
    OURS: "**capture -w**",
    "capture-bcc": "capture -w, bcc",
    "capture-ptrace": "capture -w, ptrace",
    "strace": "strace -f -o",
    "perf-record": "perf record",
    "perf-trace": "perf trace",
}
WORKLOADS = {"dd": "dd, a byte at a time", "find": "find, a stat each"}


def table(tables: Mapping[str, Sequence[Row]], headings: Mapping[str, render.Heading]) -> str:
    """Time over untraced by tracer and workload, with what was lost, and bytes a call from the least to the most."""
    lines = [
        ["", *(WORKLOADS.get(name, name) for name in tables), "bytes a call"],
        ["---", *["---:"] * (len(tables) + 1)],
    ]
    for tracer in render.tracers(tables):
        if tracer == NONE:
            continue
        of = {name: next((row for row in rows if row.tracer == tracer), None) for name, rows in tables.items()}
        cells = [_cell(row, bold=tracer == OURS) for row in of.values()]
        lines.append([NAMES.get(tracer, tracer), *cells, _sizes([row.size for row in of.values() if row and row.size])])
    calls = [f"{headings[name].calls or 0:,}" for name in tables]
    lines.append(["calls", *calls, ""])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _cell(row: Row | None, *, bold: bool) -> str:
    if row is None or row.time is None:
        return ""
    time = render.ratio(row.time.median)
    return (f"**{time}**" if bold else time) + (f" ({render.share(row.lost)} lost)" if row.lost else "")


def _sizes(sizes: Sequence[float]) -> str:
    ends = list(dict.fromkeys(f"{size:.{int(size < 20)}f}" for size in (min(sizes), max(sizes)))) if sizes else []
    return " to ".join(ends)


def section(folder: Path) -> str:
    """All that stands between the marks. Raises SinkError where the folder holds no results."""
    runs, about = files.read(folder)
    tables = summarise(runs, frozenset(one.name for one in TRACERS if one.complete))
    ordered = {name: tables[name] for name in about.workloads if name in tables}
    headings = render.headings(runs, about.workloads, about.scale)
    here = about.machine
    rounds = max(row.rounds for rows in tables.values() for row in rows if row.tracer == OURS)
    month = datetime.fromisoformat(about.date).strftime("%B %Y")
    words = (
        f"Time of the traced program over its time untraced: medians of {rounds} shuffled rounds on {here.cpus} cores\n"
        f"({here.cpu}, {here.virtualised}, Linux {here.kernel.split()[0]}, {month}).\n"
    )
    plot.draw(ordered, headings, about.caption(), PICTURE)
    return "\n".join([words, table(ordered, headings), f"```console\n# {_again(about.command)}\n```\n"])


def _again(command: str) -> str:
    """The command without where it wrote."""
    words = shlex.split(command)
    if "-o" in words:
        del words[words.index("-o") : words.index("-o") + 2]
    return shlex.join(word for word in words if word != "--force")


def main() -> None:
    """Rewrite README.md between its marks."""
    if len(sys.argv) != 2:
        sys.exit("usage: python scripts/readme_table.py FOLDER")
    text = README.read_text()
    before, begun, rest = text.partition(BEGIN)
    _, ended, after = rest.partition(END)
    if not begun or not ended:
        sys.exit(f"{README.name} lacks the marks {BEGIN} and {END}: put them where the table is to stand")
    try:
        made = section(Path(sys.argv[1]))
    except CaptureError as error:
        sys.exit(str(error))
    README.write_text(f"{before}{BEGIN}\n\n{made}\n{END}{after}")


if __name__ == "__main__":
    main()
