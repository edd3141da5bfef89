"""What a capture says on standard error: that it records, how it goes, and how it ended."""

import os
import sys
import time
from pathlib import Path

from capture.ledger import Ledger
from capture.sink.base import Sink
from schemas.console import visible
from schemas.counters import Counters

_PROGRESS = 1.0
_SILENCE = 10.0


def size(count: float) -> str:
    """Bytes for people: `1.4 MB`."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


class Report:
    """Speaks of one capture; `quiet` leaves only errors, `verbose` adds a progress line on a terminal."""

    def __init__(self, target: str | None, ledger: Ledger, sink: Sink, *, quiet: bool, verbose: bool) -> None:
        self._target, self._ledger, self._sink, self._quiet = target, ledger, sink, quiet
        self._progressing = verbose and not quiet and sys.stderr.isatty()
        self._asked = False
        self._began = self._last = time.monotonic()
        self._last_seen = 0
        self._silent = True
        self._line_open = False

    def recording(self, what: str, by: str) -> None:
        """The one line that is true from now on; `by` is what records."""
        self._began = self._last = time.monotonic()
        where = f" to {self._target}" if self._target else ""
        stop = "" if self._target is None else "; Ctrl-C stops"
        self._say(f"capture: recording {what}{where} ({by}){stop}")

    def ask(self) -> None:
        """Show the counters at the next opportunity (USR1)."""
        self._asked = True

    def progress(self, every: float | None) -> None:
        """Called often; says something seldom."""
        now = time.monotonic()
        if self._asked:
            self._asked = False
            self._say(self._line(now), always=True)
        if self._silent and now - self._began >= _SILENCE:
            self._silent = False
            if not self._ledger.total_seen():
                self._say("capture: no call has passed the filter so far; -d shows the filter")
        if self._progressing and now - self._last >= _PROGRESS:
            _print(f"\r\x1b[K{self._line(now)}", end="")
            self._line_open = True
            self._last, self._last_seen = now, self._ledger.total_seen()
        elif every is not None and not self._progressing and now - self._last >= every:
            self._say(self._line(now))
            self._last, self._last_seen = now, self._ledger.total_seen()

    def finished(self, path: Path, rows: int, following: Path, *, asked: bool) -> None:
        """A file is whole, and the capture goes on in the one `following`; `asked` for by somebody who waits for it."""
        if asked:
            self._say(f"capture: {path} is finished ({rows:,} rows); recording to {following}")

    def trouble(self, what: str) -> None:
        """Something went wrong, and the recording goes on."""
        self._say(f"capture: {what}", always=True)

    def given_up(self, path: Path | None) -> None:
        """A second Ctrl-C: no more waiting. `path` is the file that is left with its journal, if there is one."""
        remedy = f"; `capture repair {path}` finishes the file" if path else ""
        self._say(f"capture: stopped without waiting{remedy}", always=True)

    def closing(self, counters: Counters, sink: Sink, files: str | None = None) -> None:
        """The account, and the next command to type; `files` names them where there are more than one."""
        target = files or self._target
        self._say(f"{counters.seen:,} calls seen")
        if self._target is not None:
            each = f", {sink.bytes_written / counters.written:.1f} bytes a call" if counters.written else ""
            self._say(f"{counters.written:,} written to {target} ({size(sink.bytes_written)}{each})")
        dropped = counters.dropped
        causes = "".join(f", {cause.replace('_', ' ')} {count:,}" for cause, count in dropped.items())
        self._say(f"{sum(dropped.values()):,} dropped{causes}")
        if counters.unfinished:
            self._say(f"{counters.unfinished:,} still running at the end")
        if counters.paths_unreadable:
            self._say(f"{counters.paths_unreadable:,} with a path that could not be read")
        if counters.entries_lost:
            self._say(f"{counters.entries_lost:,} entries found no place in the table; their calls have no duration")
        if self._target not in (None, "-", "/dev/null"):
            self._say(f"next: analyze summary {target}")

    def _line(self, now: float) -> str:
        seen = self._ledger.total_seen()
        rate = (seen - self._last_seen) / max(now - self._last, 1e-9)
        return (
            f"capture: {now - self._began:.0f} s, {seen:,} calls seen, {rate:,.0f}/s, "
            f"{self._ledger.total_dropped():,} dropped, {size(self._sink.bytes_written)}"
        )

    def _say(self, text: str, *, always: bool = False) -> None:
        if self._line_open:
            _print("")
            self._line_open = False
        if always or not self._quiet:
            _print(visible(text))


def _print(text: str, end: str = "\n") -> None:
    """To standard error; if whoever read it has gone there is nobody to tell, and the recording goes on."""
    try:
        print(text, end=end, file=sys.stderr, flush=True)
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())
