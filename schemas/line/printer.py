"""From rows to lines."""

from collections.abc import Iterator, Mapping
from itertools import repeat
from typing import Any

import numpy as np
import pyarrow as pa

from schemas.line.calls import Describer, Key, Parts, entry_text, return_text
from schemas.line.clock import NOT_KNOWN, NOT_OVER, Clock
from schemas.line.columns import ABSENT, ARGS, CALL, NAMES, among, integers, memory, numbers, select, where, words
from schemas.line.memo import Memo
from schemas.line.states import EVERYTHING, STATES, STRACES
from schemas.line.style import COLUMN, Style
from schemas.line.text import safe
from schemas.record import Cause

ESCAPED, UNFINISHED = 16, 2
SIGKILL = 9
Text = tuple[str, int, str]
"""A line without head and duration: a call up to its closing parenthesis, the column it is filled to, and the rest."""


class Printer:
    """Prints rows in a style. It remembers what it printed before: use one for a whole capture.

    Batches have the columns NEEDED of schemas.arrow.EVENTS; with NAMES (all of them) what descriptors stand for is
    shown, with `host` where it was. `users` and `groups` name users and groups by number, for a style with names.
    """

    def __init__(
        self, style: Style, users: Mapping[int, str] | None = None, groups: Mapping[int, str] | None = None
    ) -> None:
        """Start with nothing remembered."""
        self.style = style
        self.clock = Clock(style)
        self._describer = Describer(style, users or {}, groups or {})
        self._texts: Memo[tuple[Any, ...], Text] = Memo(lambda key: self._whole(self.parts(key)), _size)
        self._threads = Memo(_thread)
        self._processes: set[int] = set()

    def lines(self, batch: pa.RecordBatch) -> list[str]:
        """The lines, with their ends, of those rows of a batch that the style shows.

        Signals and exits are shown of the processes of which a call has been.
        """
        batch = self.select(batch)
        if not batch.num_rows:
            return []
        heads = self.threads(batch)
        if self.style.clock or self.style.relative:
            stamps = self.clock.stamps(numbers(batch.column("ts")))
            heads = [head + stamp for head, stamp in zip(heads, stamps, strict=True)]
        texts = self._texts.trim()
        parts = zip(heads, [texts[key] for key in keys_of(batch)], self.ends(batch), strict=True)
        lines = [(head + text).ljust(width) + rest + end for head, (text, width, rest), end in parts]
        others = states(batch)
        for index, row in others.items():
            lines[index] = f"{heads[index]}{self.state(row)}\n" if self.belongs(row) else ""
        return list(filter(None, lines)) if others else lines

    def select(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The rows that the style shows; processes that have calls among them are remembered."""
        batch = select(batch, EVERYTHING if self.style.everything else STRACES)
        calls = where(batch, among(batch.column("kind"), CALL))
        self._processes.update(memory(calls.column("pid").unique()).tolist())
        return batch

    def belongs(self, row: Mapping[str, Any]) -> bool:
        """Whether a row that is no call is about something shown: a capture has such rows of all processes.

        What `-c N` left out is no loss to who asked for N. SIGKILL is not shown: nobody sees it but by the end that
        it makes, and the kernel ends threads by it unasked.
        """
        if self.style.everything:
            return True
        if row["kind"] == "loss":
            return bool(row["arg0"] != Cause.LIMIT)
        return row["pid"] in self._processes and not (row["kind"] == "signal" and row["ret"] == SIGKILL)

    def texts(self, batch: pa.RecordBatch) -> list[str]:
        """What each row says, without head and duration, whether the style shows it or not."""
        known = self._texts.trim()
        texts = [text + rest for text, _, rest in [known[key] for key in keys_of(batch)]]
        for index, row in states(batch).items():
            texts[index] = self.state(row)
        return texts

    def parts(self, key: tuple[Any, ...]) -> Parts:
        """The pieces of a call that `keys_of` gave the key of."""
        return self._describer.parts(Key._make(key))

    def whole(self, key: tuple[Any, ...]) -> Text:
        """A whole call; one without an end is unfinished."""
        return self._texts[key]

    def _whole(self, parts: Parts) -> Text:
        if not parts.result:
            return self.beginning(parts)
        name = self.style.paint("name", parts.name)
        return f"{name}({', '.join(parts.args)})", COLUMN - 1 + len(name) - len(parts.name), self._result(parts)

    def beginning(self, parts: Parts) -> Text:
        """A call when it begins."""
        name = self.style.paint("name", parts.name)
        return f"{entry_text(name, parts.args, parts.entered)} <unfinished ...>", 0, ""

    def end(self, parts: Parts) -> Text:
        """A call when it returns."""
        name = self.style.paint("name", parts.name)
        text = f"<... {name} resumed>{return_text(parts.args, parts.entered)}"
        return text, COLUMN - 1 + len(name) - len(parts.name), self._result(parts)

    def _result(self, parts: Parts) -> str:
        return " = " + (self.style.paint("error", parts.result) if parts.failed else parts.result)

    def state(self, row: Mapping[str, Any]) -> str:
        """What a row says that is no call."""
        return self.style.paint("loss" if row["kind"] == "loss" else "state", STATES[row["kind"]](row))

    def threads(self, batch: pa.RecordBatch) -> list[str]:
        """Number and name of each row's thread; '' for what no thread did."""
        known = self._threads.trim()
        hosts = words(batch.column("host")) if "host" in batch.schema.names else repeat(None)
        columns = (words(batch.column("comm")), integers(batch.column("flags")), hosts)
        return [known[key] for key in zip(integers(batch.column("tid")), *columns, strict=False)]

    def ends(self, batch: pa.RecordBatch) -> list[str]:
        """What stands behind the result of each call."""
        lasted = numbers(batch.column("dur_ns"))
        micros = np.where(lasted == ABSENT, NOT_KNOWN, lasted // 1000)
        micros[numbers(batch.column("flags")) & UNFINISHED != 0] = NOT_OVER
        return self.clock.durations(micros.tolist())


def _size(text: Text) -> int:
    """A usual line counts as one; paths may be as long as anybody likes."""
    return 1 + (len(text[0]) + len(text[2])) // 256


def _thread(key: tuple[int, str, int, str | None]) -> str:
    tid, comm, flags, host = key
    where = f"{safe(host)} " if host else ""
    name = safe(comm or "", escaped=bool(flags & ESCAPED))  # a hostile file may have none
    return f"{where}{tid} {name} " if tid else where


def states(batch: pa.RecordBatch) -> dict[int, dict[str, Any]]:
    """The rows that are no calls, by their places; columns by name, without `ts`."""
    others = ~among(batch.column("kind"), CALL)
    places = np.flatnonzero(others).tolist()
    return dict(zip(places, where(batch, others).drop_columns(["ts"]).to_pylist(), strict=True)) if places else {}


def keys_of(batch: pa.RecordBatch) -> Iterator[tuple[Any, ...]]:
    """For each row what the text of a call depends on, as in Key."""
    named = NAMES[0] in batch.schema.names
    return zip(
        integers(batch.column("nr"), -1),
        words(batch.column("abi")),
        *(integers(batch.column(name)) for name in ARGS),
        integers(batch.column("ret")),
        *(words(batch.column(name)) for name in ("path", "path2", "addr", "data", "cmdline")),
        integers(batch.column("flags")),
        zip(*(words(batch.column(name)) for name in NAMES), strict=False) if named else repeat(None),
        strict=False,
    )
