"""Tables for people: numbers with units at the right, names cut so that a line fits the terminal."""

import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Any, TextIO

from analyze.render.histogram import draw, is_histogram
from analyze.render.text import Moments, cell, cut, is_number, title, width
from analyze.result import NS, Column

SAMPLE = 1000
"""Rows that settle the widths; later ones are cut to them."""
SPARED = ((9, False), (9, True), (6, True), (3, True))
"""Digits of a second, and whether `tid` is left out where it is `pid`: tried in turn until a line fits."""
LEAST = 6
"""Cells that a name keeps however narrow the terminal."""
PERCENTILE = re.compile(r"p\d+_\w+")
NONE = "-"
"""At the head of a row whose first name is not known, or is none: what it is about would not be seen."""
ABOUT = "~"
"""Before a percentile of which it is not known what the lost calls would make it."""
Doubt = Callable[[Mapping[str, object]], bool]
"""Whether calls that were lost may belong to a row."""
BOLD, PLAIN = "\x1b[1m", "\x1b[0m"


def terminal_width(out: TextIO) -> int:
    """Cells of a line: those of the terminal, 80 where there is none."""
    if "COLUMNS" not in os.environ and not out.isatty():
        return 80
    return shutil.get_terminal_size((80, 24)).columns


def write(
    columns: Sequence[Column],
    rows: Iterable[Sequence[Any]],
    out: TextIO,
    totals: Mapping[str, object] | None = None,
    doubt: Doubt | None = None,
) -> int:
    """Write a table, its totals, and its histograms; returns how many rows it has."""
    rows = iter(rows)
    first = list(islice(rows, SAMPLE))
    for spared in SPARED:  # names say more than a thread's number, or the last digits of a time
        sheet = _Sheet(columns, first, totals or {}, doubt, spared)
        layout = _Layout(sheet.heads, [sheet.names, *sheet.lines, sheet.last], terminal_width(out))
        if not layout.cut:
            break
    styled = out.isatty() and not os.environ.get("NO_COLOR")
    head = layout.line(sheet.names)
    out.write(f"{BOLD}{head}{PLAIN}\n" if styled else f"{head}\n")
    count = 0
    for line in chain(sheet.lines, sheet.cells(rows)):
        out.write(layout.line(line) + "\n")
        count += 1
    if totals and count:
        out.write(layout.line(_named(sheet.last, sheet.heads)) + "\n")
    draw(columns, first, out, terminal_width(out))
    return count


class _Sheet:
    """The texts of a table; `spared` is one of SPARED."""

    def __init__(
        self,
        columns: Sequence[Column],
        rows: Sequence[Sequence[Any]],
        totals: Mapping[str, object],
        doubt: Doubt | None,
        spared: tuple[int, bool],
    ) -> None:
        digits, threads = spared
        self._columns, self._doubt = columns, doubt
        self._shown = [
            index
            for index, column in enumerate(columns)
            if _worth_showing(index, column, rows) and not (threads and _repeats_pid(index, columns, rows))
        ]
        self._moments = {
            index: Moments((row[index] for row in rows if row[index] is not None), digits)
            for index in self._shown
            if columns[index].type == NS
        }
        self.heads = [columns[index] for index in self._shown]
        self.names = [_title(columns[index], self._moments.get(index)) for index in self._shown]
        self.last = [cell(totals.get(column.name), column) for column in self.heads]
        self.lines = list(self.cells(rows))

    def cells(self, rows: Iterable[Sequence[Any]]) -> Iterator[list[str]]:
        """The texts of each row."""
        names, moments = [column.name for column in self._columns], self._moments
        for row in rows:
            texts = [
                moments[index].text(row[index])
                if index in moments and row[index] is not None
                else cell(row[index], self._columns[index])
                for index in self._shown
            ]
            if self._doubt and self._doubt(dict(zip(names, row, strict=True))):
                pairs = zip(self._shown, texts, strict=True)
                texts = [ABOUT + text if text and PERCENTILE.fullmatch(names[index]) else text for index, text in pairs]
            if texts and row[self._shown[0]] is None and not is_number(self.heads[0]):
                texts[0] = NONE
            yield texts


def _worth_showing(index: int, column: Column, rows: Sequence[Sequence[Any]]) -> bool:
    """A column without any value says nothing, nor does the one host or the one file; a histogram is drawn below."""
    where = column.name == "host" or (column.name == "file" and bool(rows) and index == len(rows[0]) - 1)
    if is_histogram(column) or (where and len({row[index] for row in rows}) == 1 and rows[0][1:]):
        return False
    return not rows or any(row[index] is not None for row in rows)


def _repeats_pid(index: int, columns: Sequence[Column], rows: Sequence[Sequence[Any]]) -> bool:
    """Whether a column says of every row that the thread is the process's first."""
    pid = next((place for place, column in enumerate(columns) if column.name == "pid"), index)
    return columns[index].name == "tid" and pid < index and bool(rows) and all(row[index] == row[pid] for row in rows)


def _title(column: Column, moments: Moments | None) -> str:
    return f"{title(column)} {moments.date}" if moments and moments.date else title(column)


def _named(totals: list[str], columns: Sequence[Column]) -> list[str]:
    """The line of totals with the word in the first column that has none."""
    free = next((index for index, text in enumerate(totals) if not text and not is_number(columns[index])), None)
    return ["total" if index == free else text for index, text in enumerate(totals)]


class _Layout:
    """Widths of the columns, so that a line fits if it can."""

    def __init__(self, columns: Sequence[Column], lines: Sequence[Sequence[str]], room: int) -> None:
        self.right = [is_number(column) for column in columns]
        self.whole = [is_number(column) or column.type == NS for column in columns]
        self.widths = [max(map(width, texts)) for texts in zip(*lines, strict=True)]
        self.cut = sum(self.widths) + len(self.widths) - 1 > room
        self.gap = "  "
        if sum(self.widths) + 2 * (len(self.widths) - 1) > room:
            self.gap = " "
        self._shrink(room - len(self.gap) * (len(self.widths) - 1))

    def _shrink(self, room: int) -> None:
        """Take cells from the widest column of names, one by one, as long as that helps."""
        while sum(self.widths) > room:
            names = [index for index, whole in enumerate(self.whole) if not whole and self.widths[index] > LEAST]
            if not names:
                return
            self.widths[max(names, key=lambda index: self.widths[index])] -= 1

    def line(self, texts: Sequence[str]) -> str:
        """One line of the table."""
        parts = []
        for text, cells, right in zip(texts, self.widths, self.right, strict=True):
            kept = text if right else cut(text, cells)
            blanks = " " * (cells - width(kept))
            parts.append(blanks + kept if right else kept + blanks)
        return self.gap.join(parts).rstrip()
