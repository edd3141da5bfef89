"""The picture: for each workload, the time of each tracer over native, with its interval."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from capture.bench.render import Heading, ratio, share
from capture.bench.summary import Estimate, Row
from capture.bench.tracers import FLOOR, NONE
from capture.errors import UnsupportedError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLOURS = {"systape": "#0072b2", "other tracers": "#e69f00", "the least that one can pay": "#bbbbbb"}
"""Of Okabe and Ito's palette: told apart by everyone."""
_BOUNDS = (FLOOR, "clock", "filter")
_TICKS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
_TEXT, _SOFT = "#222222", "#666666"
_WIDTH, _ROW, _FRAME = 7.2, 0.25, 0.85  # inches, of a panel
_BESIDE = 4
"""From so many workloads on, panels stand in two columns."""
_ROOM = 1.9
"""How far the axis goes beyond the longest bar, as a factor: for the figure beside it."""


def check() -> None:
    """Raise UnsupportedError, before anything is measured, where the libraries of the extra `bench` are missing."""
    try:
        import matplotlib  # noqa: F401
        import scipy  # noqa: F401
    except ImportError as error:
        raise UnsupportedError(f"{error}: pip install 'systape[bench]' brings what bench needs") from error


def draw(tables: Mapping[str, Sequence[Row]], headings: Mapping[str, Heading], caption: str, path: Path) -> None:
    """Write an SVG. Raises OSError."""
    import matplotlib as mpl
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    columns = 1 if len(tables) < _BESIDE else 2
    names = list(tables)
    lines = [names[at : at + columns] for at in range(0, len(names), columns)]
    heights = [_FRAME + _ROW * max(len(_shown(tables[name])) for name in line) for line in lines]
    longest = max(time.high or time.median for rows in tables.values() for _, time in _shown(rows))
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "systape", "font.size": 9, "text.color": _TEXT}):
        figure = Figure(figsize=(_WIDTH * columns, sum(heights) + 1.2), layout="constrained")
        FigureCanvasSVG(figure)
        panels = figure.subplots(len(lines), columns, squeeze=False, height_ratios=heights, sharex=True).ravel()
        for axes, name in zip(panels, names, strict=False):
            _panel(axes, name, tables[name], headings[name])
            axes.set_xlim(0.9, longest * _ROOM)
        for axes in panels[len(names) :]:
            axes.set_axis_off()
        _frame(figure, caption)
        figure.savefig(path, format="svg", metadata={"Date": None}, bbox_inches="tight", pad_inches=0.2)


def _shown(rows: Sequence[Row]) -> list[tuple[Row, Estimate]]:
    """The slowest first, which is the lowest; the untraced run is the line at 1."""
    timed = [(row, row.time) for row in rows if row.time and row.tracer != NONE]
    return sorted(timed, key=lambda one: -one[1].median)


def _panel(axes: "Axes", name: str, rows: Sequence[Row], heading: Heading) -> None:
    from matplotlib.ticker import FixedLocator, NullFormatter, NullLocator

    shown = _shown(rows)
    for place, (row, time) in enumerate(shown):
        _bar(axes, place, row, time)
    axes.set_title(name, loc="left", fontweight="bold", fontsize=11, pad=16)
    axes.text(0, 1.01, _about(heading, rows), transform=axes.transAxes, va="bottom", fontsize=8, color=_SOFT)
    axes.set_yticks(range(len(shown)), [row.tracer for row, _ in shown])
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(FixedLocator(_TICKS))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.axvline(1, color=_TEXT, linewidth=1)
    axes.tick_params(length=0, labelbottom=True)
    axes.grid(axis="x", alpha=0.3)
    axes.set_axisbelow(True)
    axes.spines[:].set_visible(False)


def _bar(axes: "Axes", place: int, row: Row, time: Estimate) -> None:
    """From 1, which is the untraced time, to the median; a line for its interval; the figure, and what was lost."""
    ours = row.tracer.startswith("capture")
    colour = list(_COLOURS.values())[0 if ours else 2 if row.tracer in _BOUNDS else 1]
    axes.barh(place, time.median - 1, left=1, height=0.7, color=colour)
    low, high = time.low or time.median, time.high or time.median
    axes.plot([low, high], [place, place], color=_TEXT, linewidth=1)
    said = ratio(time.median) + (f", {share(row.lost)} lost" if row.lost else "")
    end, weight = (max(high, 1.0), place), "bold" if ours else "normal"
    axes.annotate(said, end, (5, 0), textcoords="offset points", va="center", fontsize=8, weight=weight)


def _about(heading: Heading, rows: Sequence[Row]) -> str:
    calls = [f"{heading.calls:,} calls"] if heading.calls else []
    untraced = [f"{row.wall:.2f} s untraced" for row in rows if row.tracer == NONE]
    return "; ".join([heading.about, *calls, *untraced])


def _frame(figure: "Figure", caption: str) -> None:
    """What stands around the panels: the title, what the colours mean, and the machine."""
    from matplotlib.patches import Patch

    figure.suptitle("What tracing costs", x=0.01, ha="left", fontsize=15, fontweight="bold")
    handles = [Patch(color=colour, label=label) for label, colour in _COLOURS.items()]
    figure.legend(handles=handles, loc="upper right", ncols=len(handles), frameon=False, fontsize=8)
    figure.supxlabel(
        f"time of the workload over its time untraced; lines: 95 % interval of the median\n{caption}",
        x=0.01,
        ha="left",
        fontsize=8,
        color=_SOFT,
    )
