"""The picture: for each workload, the time of each tracer over native, with its interval."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from capture.bench.render import ratio
from capture.bench.summary import Row
from capture.errors import UnsupportedError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_OURS, _BOUND, _OTHERS = "#0072b2", "#777777", "#d55e00"  # of Okabe and Ito's palette: told apart by everyone
_BOUNDS = ("none", "floor", "clock")
_WIDTH, _ROW, _FRAME = 8.0, 0.24, 0.9  # inches


def check() -> None:
    """Raise UnsupportedError, before anything is measured, where the libraries of the extra `bench` are missing."""
    try:
        import matplotlib  # noqa: F401
        import scipy  # noqa: F401
    except ImportError as error:
        raise UnsupportedError(f"{error}: pip install 'systape[bench]' brings what bench needs") from error


def draw(tables: Mapping[str, Sequence[Row]], caption: str, path: Path) -> None:
    """Write an SVG. Raises OSError."""
    import matplotlib as mpl
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    heights = [_FRAME + _ROW * len(rows) for rows in tables.values()]
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "systape", "font.size": 9}):
        figure = Figure(figsize=(_WIDTH, sum(heights) + 0.4), layout="constrained")
        FigureCanvasSVG(figure)
        panels = figure.subplots(len(tables), squeeze=False, height_ratios=heights)[:, 0]
        for axes, (name, rows) in zip(panels, tables.items(), strict=True):
            _panel(axes, name, rows)
        panels[-1].set_xlabel("time of the workload over untraced (logarithmic); bars: 95 % interval of the median")
        figure.text(0.01, 0.0, caption, fontsize=7, color=_BOUND, va="top")
        figure.savefig(path, format="svg", metadata={"Date": None}, bbox_inches="tight")


def _panel(axes: "Axes", name: str, rows: Sequence[Row]) -> None:
    from matplotlib.ticker import LogLocator, NullFormatter

    shown = sorted(((row.time, row.tracer) for row in rows if row.time), key=lambda one: -one[0].median)
    for place, (time, tracer) in enumerate(shown):
        colour = _OURS if tracer.startswith("capture") else _BOUND if tracer in _BOUNDS else _OTHERS
        low, high = time.low or time.median, time.high or time.median
        axes.plot([low, high], [place, place], color=colour, linewidth=3, alpha=0.4, solid_capstyle="butt")
        axes.plot(time.median, place, "o", color=colour, markersize=5)
        axes.annotate(ratio(time.median), (high, place), (6, 0), textcoords="offset points", va="center", fontsize=8)
    axes.set_title(name, loc="left", fontweight="bold")
    axes.set_yticks(range(len(shown)), [tracer for _, tracer in shown])
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.margins(x=0.12, y=0.08)
    axes.grid(axis="x", alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
