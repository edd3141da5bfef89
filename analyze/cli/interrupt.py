"""Ctrl-C while DuckDB computes. Python runs a handler only when its main thread comes back from a call, which may take
an hour; so another thread hears of the signal too, and has DuckDB stop, or ends the program if it does not."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

from schemas.console import INTERRUPTED

if TYPE_CHECKING:
    from analyze.session import Session

PATIENCE = 2.0
"""Seconds for what runs to stop."""


@contextmanager
def interruptible() -> Iterator[threading.Event]:
    """Within it Ctrl-C stops the queries of all open sessions. The event says that it was pressed.

    Only for the main thread. What the signal did before is put back at the end.
    """
    asked, heard = threading.Event(), threading.Event()
    reading, writing = os.pipe()
    os.set_blocking(writing, False)

    def handle(_: int, __: FrameType | None) -> None:
        heard.set()
        raise KeyboardInterrupt

    before, woken = signal.signal(signal.SIGINT, handle), signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    threading.Thread(target=_watch, args=(reading, asked, heard), daemon=True).start()
    try:
        yield asked
    finally:
        signal.set_wakeup_fd(woken)
        signal.signal(signal.SIGINT, before)
        os.close(writing)


def _watch(reading: int, asked: threading.Event, heard: threading.Event) -> None:
    while number := os.read(reading, 1):
        if number[0] == signal.SIGINT:
            asked.set()
            _stop_queries()
            if not heard.wait(PATIENCE):
                _give_up()
            heard.clear()
    os.close(reading)


def _stop_queries() -> None:
    for session in _sessions():
        from duckdb import ConnectionException  # loaded, where a session is open

        with suppress(ConnectionException):  # closed by now: nothing runs in it
            session.database.interrupt()


def _give_up() -> NoReturn:
    """Nothing is left behind but what was being written."""
    for session in _sessions():
        session.forget()
    os._exit(INTERRUPTED)


def _sessions() -> list["Session"]:
    if "analyze.session" not in sys.modules:
        return []
    from analyze.session import OPEN

    return list(OPEN)
