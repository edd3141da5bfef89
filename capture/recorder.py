"""The draining loop: rings to pipeline, with everything that has to happen now and then in between."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from capture.backends.base import Running
from capture.clock import Clock
from capture.ledger import Ledger
from capture.pipeline import Payload, Pipeline
from capture.ring import BLOCK, Rings, Words, as_words
from schemas.record import NO_PAYLOAD, RECORD, Flag, Kind

_FULL_SPEED = 2_000_000  # calls a second of one CPU: more than a program can make while it is traced
_LONGEST_PAUSE = 0.02
_HOUSEKEEPING = 0.1
_FEW = 64  # records: on an idle host they wait for the next housekeeping


class Recorder:
    """Moves records from `rings` to `pipeline` until it is told to stop.

    `limit` ends the recording after so many calls. `flush` is in seconds; 0 is after each pass that found something.
    """

    def __init__(
        self, rings: Rings, ledger: Ledger, pipeline: Pipeline, clock: Clock, *, limit: int | None, flush: float
    ) -> None:
        self._rings, self._ledger, self._pipeline, self._clock = rings, ledger, pipeline, clock
        self._left = limit
        self._flush = flush
        self._pause = min(_LONGEST_PAUSE, rings.records / 4 / _FULL_SPEED)
        self._chores: Iterator[None] = iter(())
        self.stopped_by: str | None = None

    def run(self, each: Callable[[], None]) -> None:
        """Drain until somebody calls `stop`, the limit is reached or the sink fails.

        `each` is called about ten times a second.
        """
        housekeeping = flushed = time.monotonic()
        while self.stopped_by is None:
            now = time.monotonic()
            keep_house = now - housekeeping >= _HOUSEKEEPING
            if keep_house or self._rings.pending() > _FEW:
                self.drain()
            if keep_house:
                housekeeping = now
                self._keep_house()
                each()
            if now - flushed >= self._flush and self._pipeline.flush():
                flushed = now
            if not self._do_some():
                time.sleep(self._pause)

    def do_between(self, chores: Iterator[None]) -> None:
        """Do these steps, in place of any that are left, between two passes, a few milliseconds at a time."""
        self._chores = chores

    def stop(self, reason: str) -> None:
        """End the loop after its current step. May be called by a signal handler; the first reason stays."""
        self.stopped_by = self.stopped_by or reason

    def drain(self, *, wait: bool = False) -> None:
        """One pass over the rings. With `wait` the writer is waited for, so that nothing stays in the rings."""
        for cpu, words in self._rings.blocks():
            payload = Payload(*self._rings.payload(cpu, words))
            if not self._take(cpu, words, payload, wait):
                return
            self._rings.release(cpu, len(words), payload.size)

    def finish(self, running: Running) -> None:
        """After the program is detached: what is left in the rings, the calls that run on, the last losses."""
        self.drain(wait=True)
        self._append_unfinished(running)
        self._pipeline.settle()  # so that what the writer loses is known
        self.append_losses(wait=True)

    def append_losses(self, *, wait: bool) -> None:
        """Rows for what was lost since the last time; without `wait` none, if the writer has no room for them."""
        if not wait and not self._pipeline.has_room():
            return  # later, in one row for a longer interval: it is when the writer is behind that calls are lost
        for cpu, records in self._ledger.loss_rows(time.clock_gettime_ns(time.CLOCK_MONOTONIC)):
            self._append_all(cpu, as_words(records))

    def _do_some(self) -> bool:
        """Steps of what is to be done, for less time than the rings take to fill; whether there was any."""
        end = time.monotonic() + self._pause
        return any(time.monotonic() > end for _ in self._chores)

    def _take(self, cpu: int, words: Words, payload: Payload, wait: bool) -> bool:
        if self._left is None:
            return self._pipeline.append(cpu, words, payload, wait=wait)
        ends = np.flatnonzero(_is_call(words))
        cut = len(words)
        if len(ends) >= self._left:
            cut = int(ends[self._left - 1]) + 1 if self._left else 0
        if cut and not self._pipeline.append(cpu, words[:cut], payload, wait=wait):
            return False
        self._left -= int(np.count_nonzero(ends < cut))
        self._ledger.left_out(cpu, words[cut:])
        if self._left == 0:
            self.stop("limit")
        return True

    def _append_unfinished(self, running: Running) -> None:
        """The CPU is not known of a call that has not returned: its row says CPU 0."""
        records, content = running
        self._ledger.saw(0, records)
        kept = records if self._left is None else records[: self._left]
        for at in range(0, len(kept), BLOCK):
            block = kept[at : at + BLOCK]
            first, end = _begins(kept[at:], content), _begins(records[at + len(block) :], content)
            self._pipeline.append(0, as_words(block), Payload(first, [content[first:end]]), wait=True)
        self._ledger.left_out(0, as_words(records[len(kept) :]))
        if self._left is not None:
            self._left -= len(kept)

    def _keep_house(self) -> None:
        self._clock.tick()
        self.append_losses(wait=False)
        self._pipeline.check()
        if self._pipeline.error is not None:
            self.stop("sink")

    def _append_all(self, cpu: int, words: Words) -> None:
        """Records that are not from a ring, however many."""
        for at in range(0, len(words), BLOCK):
            self._pipeline.append(cpu, words[at : at + BLOCK], wait=True)


def _begins(records: npt.NDArray[Any], content: npt.NDArray[np.uint8]) -> int:
    """Where in `content` what belongs to the first of these records begins, or would."""
    positions = records["payload"][records["payload"] != NO_PAYLOAD]
    return int(positions[0]) if len(positions) else len(content)


def _is_call(words: Words) -> npt.NDArray[np.bool_]:
    records = words.view(RECORD).ravel()
    calls: npt.NDArray[np.bool_] = (records["kind"] == Kind.SYSCALL) & (records["flags"] & Flag.STATE_ONLY == 0)
    return calls
