"""Chrome's trace events: one track a thread, each call a slice with its arguments. Opens in ui.perfetto.dev.

Source of the format: "Trace Event Format", the document of the Catapult project (github.com/catapult-project). Times
are microseconds since the first event, with three digits, since a double holds no nanoseconds of today.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TextIO

import numpy as np
import pyarrow as pa

from analyze.render.text import timestamp
from analyze.show.people import people
from analyze.show.query import Asked, statement
from analyze.show.stream import Namer, batches
from schemas.line import Printer, Style
from schemas.line.calls import ABIS, NEVER_RETURN, Key
from schemas.line.columns import ABSENT, integers, numbers, words
from schemas.line.memo import Memo
from schemas.line.printer import UNFINISHED, keys_of, states
from schemas.line.signals import delivered, ended
from schemas.record import Abi
from schemas.syscalls import Call, table

if TYPE_CHECKING:
    from analyze.session import Session

CATEGORIES = ("net", "file", "desc", "process", "memory", "signal", "ipc", "clock", "creds")
"""strace's classes of calls, the most telling first; a slice has one category."""
THREAD, PROCESS, GLOBAL = "t", "p", "g"
"""How far an instant event is drawn."""
LONGEST = (1 << 63) - 1


def write_chrome(
    session: "Session",
    out: TextIO,
    *,
    states: Sequence[str] = (),
    limit: int = 0,
    shown: int = 32,
    namer: Namer | None = None,
) -> int:
    """Write the calls that the session's filters keep, at most `limit` (0: all); returns how many.

    Signals, program starts, ends and losses come as instants. Written as it is read, in memory that does not grow.
    """
    writer = _Writer(session, Style(names=namer is not None, shown=shown))
    asked = Asked(states, everything=True)
    head = {"displayTimeUnit": "ns", "otherData": {"start": writer.start, "host": ", ".join(session.hosts)}}
    out.write(json.dumps(head)[:-1] + ', "traceEvents": [\n')
    between = ""
    for batch in batches(session.prepare(statement(session, asked))):
        for event in writer.events(namer(batch) if namer else batch, limit):
            out.write(between + event)
            between = ",\n"
        if writer.calls == limit > 0:
            break
    out.write("\n]}\n")
    return writer.calls


class _Writer:
    """Makes events of rows."""

    def __init__(self, session: "Session", style: Style) -> None:
        self._printer = Printer(style, *people(session))
        self._texts: Memo[tuple[Any, ...], str] = Memo(self._text)
        self._names: dict[tuple[str, int], str] = {}
        query = "SELECT epoch_ns(min(ts)), epoch_ns(max(ts)) FROM events WHERE kind NOT IN ('process', 'fd', 'loss')"
        first, last = session.fetch(query)[0]
        self._begin, self._end = first or 0, last or 0
        self._ends: dict[int, int | None] = dict(
            session.fetch("SELECT tid, epoch_ns(max(ts)) FROM events WHERE kind = 'exit' GROUP BY ALL")
        )
        self.start = f"{timestamp(self._begin)} UTC"
        self.calls = 0

    def events(self, batch: pa.RecordBatch, limit: int) -> Iterator[str]:
        """The events of some rows as JSON, up to the last call that the limit allows. Without a time there is none."""
        batch = batch.filter(batch.column("ts").is_valid())
        others = states(batch)
        texts, times = self._texts.trim(), numbers(batch.column("ts"))
        ids = [integers(batch.column(name)) for name in ("pid", "tid")]
        columns = zip(
            keys_of(batch), *ids, words(batch.column("comm")), times.tolist(), self._lasted(batch), strict=False
        )
        for index, (key, pid, tid, comm, time, lasted) in enumerate(columns):
            if tid:
                yield from self._metadata(pid, tid, comm)
            if index in others:
                yield from self._instant(others[index], time)
                continue
            self.calls += 1
            yield (
                f'{{"ph": "X", "pid": {pid}, "tid": {tid}, "ts": {_micros(time - self._begin)}, '
                f'"dur": {_micros(lasted)}, {texts[key]}}}'
            )
            if self.calls == limit > 0:
                return

    def _lasted(self, batch: pa.RecordBatch) -> Sequence[int]:
        """How long each call took, ns; one that never returned lasts to the end of its thread or of the capture."""
        lasted, flags = numbers(batch.column("dur_ns")), numbers(batch.column("flags"))
        begun, tids = numbers(batch.column("ts")), numbers(batch.column("tid"))
        for row in np.flatnonzero(flags & UNFINISHED).tolist():
            lasted = lasted.copy() if not lasted.flags.writeable else lasted
            end = self._ends.get(int(tids[row])) or self._end
            lasted[row] = min(max(end - int(begun[row]), 0), LONGEST)
        found: list[int] = np.where(lasted == ABSENT, 0, lasted).tolist()
        return found

    def _text(self, key: tuple[Any, ...]) -> str:
        """What all equal calls have in common: name, category, arguments."""
        parts = self._printer.parts(key)
        call = _call(Key(*key))
        names = call.args if call and len(call.args) >= len(parts.args) else tuple(f"arg{n}" for n in range(6))
        args = dict(zip(names, parts.args, strict=False))
        returned = parts.result or ("?" if parts.name in NEVER_RETURN else "unfinished")
        fields = {"name": parts.name, "cat": _category(call), "args": {**args, "return": returned}}
        return json.dumps(fields)[1:-1]

    def _metadata(self, pid: int, tid: int, comm: str) -> Iterator[str]:
        """Names of processes and threads, again where they change: the last one counts."""
        for kind, number in (("thread_name", tid), ("process_name", pid)):
            if self._names.get((kind, number)) != comm and (number == tid or (kind, number) not in self._names):
                self._names[kind, number] = comm
                fields = {"name": kind, "ph": "M", "pid": pid, "tid": tid, "args": {"name": comm}}
                yield json.dumps(fields)

    def _instant(self, row: Mapping[str, Any], time: int) -> Iterator[str]:
        shown = _shown(row, self._printer)
        if shown is not None:
            name, scope, args = shown
            place = {"ph": "i", "s": scope, "pid": row["pid"], "tid": row["tid"]}
            fields = json.dumps({**place, "name": name, "cat": row["kind"], "args": args})
            yield f'{fields[:-1]}, "ts": {_micros(max(time - self._begin, 0))}}}'


def _shown(row: Mapping[str, Any], printer: Printer) -> tuple[str, str, dict[str, Any]] | None:
    """Name, scope and arguments of the instant for a row that is no call; None for what has no moment."""
    match row["kind"]:
        case "signal":
            text = delivered(row["ret"] or 0, row["arg0"] or 0, row["arg1"] or 0)
            return text.partition(" ")[0], THREAD, {"signal": text}
        case "exit":
            return ended(row["ret"] or 0), THREAD, {"status": row["ret"]}
        case "exec":
            return f"exec {row['path']}", PROCESS, {"path": row["path"], "cmdline": row["cmdline"]}
        case "loss":
            return printer.state(row).strip("- "), GLOBAL, {"calls": row["weight"], "cpu": row["cpu"]}
    return None


def _call(key: Key) -> Call | None:
    return table(ABIS.get(key.abi, Abi.X86_64)).by_number.get(key.nr)


def _category(call: Call | None) -> str:
    return next((name for name in CATEGORIES if call and name in call.classes), "other")


def _micros(ns: int) -> str:
    return f"{ns // 1000}.{ns % 1000:03d}"
