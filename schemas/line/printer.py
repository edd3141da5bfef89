"""From rows to lines."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import repeat
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.line.calls import Describer, Key, Parts, entry_text
from schemas.line.columns import ARGS, integers, numbers, select, words
from schemas.line.memo import Memo
from schemas.line.states import EVERYTHING, STATES, STRACES
from schemas.line.style import COLUMN, Style
from schemas.line.text import safe

SECOND = 10**9
ESCAPED, UNFINISHED = 16, 2
Text = tuple[str, int, str]
"""A call up to its closing parenthesis, how wide that is made, and the rest of the line but for the duration."""


class Printer:
    """Prints rows in a style. It remembers what it printed before: use one for a whole capture.

    Batches have the columns NEEDED of schemas.arrow.EVENTS; with the style's `names`, `fd_name` may be one more, what
    the descriptor in `fd` stands for. `users` and `groups` name users and groups by number.
    """

    def __init__(
        self, style: Style, users: Mapping[int, str] | None = None, groups: Mapping[int, str] | None = None
    ) -> None:
        """Start with nothing remembered."""
        self.style = style
        self._describer = Describer(style, users or {}, groups or {})
        self._texts: Memo[tuple[Any, ...], Text] = Memo(lambda key: self.text(self.parts(key)))
        self._threads = Memo(_thread)
        self._durations = Memo(_duration)
        self._seconds = Memo(_time_of_day)
        self._before: int | None = None
        self._processes: set[int] = set()

    def lines(self, batch: pa.RecordBatch) -> list[str]:
        """The lines, with their ends, of those rows of a batch that the style shows.

        Signals and exits are shown of the processes of which a call has been.
        """
        batch = self.select(batch)
        if not batch.num_rows:
            return []
        texts = self._texts.trim()
        heads, ends = self.heads(batch), self._ends(batch)
        parts = zip(heads, [texts[key] for key in keys_of(batch)], ends, strict=False)
        lines = [(head + text).ljust(width) + rest + end for head, (text, width, rest), end in parts]
        others = list(states(batch))
        if not others:
            self._see(batch.column("pid"))
            return lines
        self._see(pc.filter(batch.column("pid"), pc.equal(batch.column("kind").cast(pa.string()), "syscall")))
        for index, row in others:
            lines[index] = f"{heads[index]}{self.state(row)}\n" if self._belongs(row) else ""
        return list(filter(None, lines))

    def _see(self, pids: pa.Array) -> None:
        self._processes.update(pids.unique().to_pylist())

    def _belongs(self, row: Mapping[str, Any]) -> bool:
        """Whether a row that is no call is about something shown: a capture has such rows of all processes."""
        return self.style.everything or row["kind"] == "loss" or row["pid"] in self._processes

    def select(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The rows that the style shows."""
        return select(batch, EVERYTHING if self.style.everything else STRACES)

    def parts(self, key: tuple[Any, ...]) -> Parts:
        """The pieces of a call that `keys_of` gave the key of."""
        return self._describer.parts(Key(*key))

    def text(self, parts: Parts) -> Text:
        """A whole call; one without an end is unfinished."""
        name = self.style.paint("name", parts.name)
        if not parts.result:
            return f"{entry_text(name, parts.args, parts.entered)} <unfinished ...>", 0, ""
        return (
            f"{name}({', '.join(parts.args)})",
            COLUMN - 1 + len(name) - len(parts.name),
            " = " + (self.style.paint("error", parts.result) if parts.failed else parts.result),
        )

    def state(self, row: Mapping[str, Any]) -> str:
        """What a row says that is no call."""
        return self.style.paint("loss" if row["kind"] == "loss" else "state", STATES[row["kind"]](row))

    def heads(self, batch: pa.RecordBatch) -> list[str]:
        """The start of each row's line: number and name of the thread, and the time."""
        whos = self.threads(batch)
        if not self.style.clock and not self.style.relative:
            return whos
        stamps = self.stamps(numbers(batch.column("ts")))
        return [who + stamp for who, stamp in zip(whos, stamps, strict=True)]

    def threads(self, batch: pa.RecordBatch) -> list[str]:
        """Number and name of each row's thread; '' for what no thread did."""
        known = self._threads.trim()
        columns = integers(batch.column("tid")), words(batch.column("comm")), integers(batch.column("flags"))
        return [known[key] for key in zip(*columns, strict=False)]

    def stamps(self, times: np.ndarray) -> list[str]:
        """The time of each line, as the style wants it; `times` in ns since the epoch, shape (lines,)."""
        clocks = self._clocks(times) if self.style.clock else []
        if not self.style.relative:
            return [f"{clock} " for clock in clocks]
        since = np.diff(times, prepend=times[:1] if self._before is None else self._before)
        self._before = int(times[-1])
        steps = [f"{ns // SECOND:6d}.{ns // 1000 % 10**6:06d}" for ns in since.tolist()]
        if not clocks:
            return [f"{step} " for step in steps]
        return [f"{clock} (+{step}) " for clock, step in zip(clocks, steps, strict=True)]

    def _clocks(self, times: np.ndarray) -> Sequence[str]:
        whole, rest = np.divmod(times, SECOND)
        seconds, micros = whole.tolist(), (rest // 1000).tolist()
        if self.style.clock == 3:
            return [f"{second}.{micro:06d}" for second, micro in zip(seconds, micros, strict=True)]
        known = self._seconds.trim()
        if self.style.clock == 1:
            return [known[second] for second in seconds]
        return [f"{known[second]}.{micro:06d}" for second, micro in zip(seconds, micros, strict=True)]

    def _ends(self, batch: pa.RecordBatch) -> Iterable[str]:
        if not self.style.durations:
            return repeat("\n")
        micros = self.durations(batch)
        known = self._durations.trim()
        return [known[micro] for micro in micros]

    def durations(self, batch: pa.RecordBatch) -> list[int]:
        """How long each call took, µs; -1 where that is not known, -2 where it was not over."""
        lasted = numbers(batch.column("dur_ns"), -1000) // 1000
        running = numbers(batch.column("flags")) & UNFINISHED != 0
        listed: list[int] = np.where(running, -2, lasted).tolist()
        return listed


def _thread(key: tuple[int, str, int]) -> str:
    tid, comm, flags = key
    return f"{tid} {safe(comm, escaped=bool(flags & ESCAPED))} " if tid else ""


def _time_of_day(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%H:%M:%S")


def _duration(micros: int) -> str:
    if micros < 0:
        return " <?>\n" if micros == -1 else "\n"
    return f" <{micros // 10**6}.{micros % 10**6:06d}>\n"


def states(batch: pa.RecordBatch) -> Iterator[tuple[int, dict[str, Any]]]:
    """The rows that are no calls, with their places; columns by name, without `ts`."""
    others = pc.not_equal(batch.column("kind").cast(pa.string()), "syscall")
    places = np.flatnonzero(others.to_numpy(zero_copy_only=False))
    if len(places):
        yield from zip(places.tolist(), batch.drop_columns(["ts"]).take(pa.array(places)).to_pylist(), strict=True)


def keys_of(batch: pa.RecordBatch) -> Iterator[tuple[Any, ...]]:
    """For each row what the text of a call depends on, as in Key."""
    named = "fd_name" in batch.schema.names
    return zip(
        integers(batch.column("nr"), -1),
        words(batch.column("abi")),
        *(integers(batch.column(name)) for name in ARGS),
        integers(batch.column("ret")),
        *(words(batch.column(name)) for name in ("path", "path2", "addr", "data", "cmdline")),
        integers(batch.column("flags")),
        integers(batch.column("fd"), -1) if named else repeat(-1),
        words(batch.column("fd_name")) if named else repeat(None),
        strict=False,
    )
