"""Calls cut in two where another thread did something in between, as strace shows them.

    12 a read(3,  <unfinished ...>
    13 b close(4)                           = 0
    12 a <... read resumed>0x7ffd5c1f, 4096) = 10

A line is printed when the next thing happens, at the time at which it began.
"""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

import numpy as np
import pyarrow as pa

from schemas.line import Printer
from schemas.line.columns import ABSENT, numbers
from schemas.line.printer import Text, keys_of, states


@dataclass
class _Event:
    """A call that has begun: when, when it returns (ABSENT: never, or not known), and the parts of its line."""

    begin: int
    end: int
    who: str
    key: tuple[Any, ...]
    ending: str


class Interleaver:
    """Turns rows in order of entry into lines in order of time."""

    def __init__(self, printer: Printer) -> None:
        """`printer` says how lines look."""
        self._printer = printer
        self._running: list[tuple[int, int, _Event]] = []
        """Calls that will return, the next one first."""
        self._current: _Event | None = None
        """The call whose line is not printed yet, as nothing has happened since."""
        self._order = count()
        self._out: list[tuple[int, str, Text, str]] = []
        """Lines to be: time, thread, text, ending."""

    def lines(self, batch: pa.RecordBatch) -> list[str]:
        """The lines that are certain once these rows are known."""
        batch = self._printer.select(batch)
        if not batch.num_rows:
            return []
        others = states(batch)
        for index, event in enumerate(self._events(batch)):
            while self._running and self._running[0][0] <= event.begin:
                self._leave(heapq.heappop(self._running)[2])
            self._interrupt()
            if index not in others:
                self._enter(event)
            elif self._printer.belongs(others[index]):
                self._say(event.begin, event, (self._printer.state(others[index]), 0, ""), "\n")
        return self._take()

    def finish(self) -> list[str]:
        """The lines of the calls that had not returned yet."""
        while self._running:
            self._leave(heapq.heappop(self._running)[2])
        self._interrupt()
        return self._take()

    def _events(self, batch: pa.RecordBatch) -> Iterator[_Event]:
        begins = numbers(batch.column("ts"))
        known = numbers(batch.column("dur_ns"))
        ends = np.where(known == ABSENT, ABSENT, begins + known).tolist()
        columns = (begins.tolist(), ends, self._printer.threads(batch), keys_of(batch), self._printer.ends(batch))
        return map(_Event, *columns)

    def _enter(self, event: _Event) -> None:
        if event.end == ABSENT:
            self._say(event.begin, event, self._printer.whole(event.key), event.ending)
        else:
            self._current = event
            heapq.heappush(self._running, (event.end, next(self._order), event))

    def _leave(self, event: _Event) -> None:
        if event is self._current:
            self._current = None
            self._say(event.begin, event, self._printer.whole(event.key), event.ending)
        else:
            self._interrupt()
            self._say(event.end, event, self._printer.end(self._printer.parts(event.key)), event.ending)

    def _interrupt(self) -> None:
        """Print the beginning of the call that is not printed yet."""
        event, self._current = self._current, None
        if event is not None:
            self._say(event.begin, event, self._printer.beginning(self._printer.parts(event.key)), "\n")

    def _say(self, time: int, event: _Event, text: Text, ending: str) -> None:
        self._out.append((time, event.who, text, ending))

    def _take(self) -> list[str]:
        out, self._out = self._out, []
        stamps = self._printer.clock.stamps(np.array([time for time, *_ in out], np.int64))
        return [
            (who + stamp + text).ljust(width) + rest + ending
            for (_, who, (text, width, rest), ending), stamp in zip(out, stamps, strict=True)
        ]
