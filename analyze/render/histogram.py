"""Histograms in powers of two, drawn with bars, as a MAP from exponent to count in an answer."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TextIO

from analyze.render.text import IDS, cell, cut, duration, is_number, size, width
from analyze.result import Column

TYPE = "MAP(TINYINT, UBIGINT)"
SIZES = "sizes"
"""The name of a column whose histogram is of bytes; any other is of ns."""
MOST = 3
"""Histograms drawn under a table."""
WIDEST = 60
"""Cells of the longest bar: longer ones are harder to compare, and far from their numbers."""
FULL, PARTS = "█", " ▏▎▍▌▋▊▉"


def is_histogram(column: Column) -> bool:
    """Whether a column holds counts by power of two."""
    return column.type == TYPE


def draw(columns: Sequence[Column], rows: Sequence[Sequence[Any]], out: TextIO, total_width: int) -> None:
    """The histograms of the first rows, each under what it is of."""
    where = next((index for index, column in enumerate(columns) if is_histogram(column)), None)
    if where is None:
        return
    labels = _labels(columns)
    for row in rows[:MOST]:
        if not row[where]:
            continue
        name = " ".join(filter(None, (cell(row[index], columns[index]) for index in labels)))
        out.write(f"\n{cut(name or 'all', total_width)}\n")
        for line in lines(row[where], total_width, size if columns[where].name == SIZES else duration):
            out.write(f"{line}\n")
    if (more := sum(1 for row in rows[MOST:] if row[where])) > 0:
        out.write(f"\n{more:,} more in --format json, or one by one with -f\n")


def _labels(columns: Sequence[Column]) -> list[int]:
    """The columns that say what a row is of: those before the first count."""
    found = []
    for index, column in enumerate(columns):
        if is_number(column) and column.name not in IDS:
            break
        found.append(index)
    return found


def lines(counts: Mapping[int, int], total_width: int, shown: Callable[[float], str] = duration) -> Iterator[str]:
    """One line for each power of two from the least to the greatest, gaps included; `shown` gives the unit."""
    exponents = range(min(counts), max(counts) + 1)
    numbers = {exponent: f"{counts.get(exponent, 0):,}" for exponent in exponents}
    digits = max(map(len, numbers.values()))
    ranges = {
        exponent: f"{shown(2**exponent if exponent else 0):>8} .. {shown(2 ** (exponent + 1)):>8}"
        for exponent in exponents
    }
    room = min(WIDEST, max(10, total_width - digits - max(map(width, ranges.values())) - 4))
    most = max(counts.values())
    for exponent in exponents:
        bar = _bar(counts.get(exponent, 0) / most, room)
        yield f"{ranges[exponent]}  {numbers[exponent]:>{digits}}  {bar}".rstrip()


def _bar(share: float, room: int) -> str:
    eighths = round(share * room * 8)
    if share and not eighths:
        eighths = 1
    return FULL * (eighths // 8) + PARTS[eighths % 8].strip()
