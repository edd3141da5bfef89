"""How far a query is, on standard error, once it has taken a second; only on a terminal."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

from analyze.session import Session

PATIENCE, STEP = 1.0, 0.2
WIDTH = 30


@contextmanager
def progress(session: Session, *, quiet: bool = False) -> Iterator[None]:
    """Show a bar while the block runs queries of the session."""
    if quiet or not sys.stderr.isatty():
        yield
        return
    done = Event()
    thread = Thread(target=_show, args=(session, done), daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _show(session: Session, done: Event) -> None:
    if done.wait(PATIENCE):
        return
    while not done.wait(STEP):
        share = session.database.query_progress() / 100
        if 0 <= share <= 1:
            sys.stderr.write(f"\r{bar(share)}")
            sys.stderr.flush()
    sys.stderr.write(f"\r{' ' * len(bar(1))}\r")
    sys.stderr.flush()


def bar(share: float) -> str:
    """A bar of fixed length and the percentage."""
    full = round(share * WIDTH)
    return f"[{'#' * full}{'.' * (WIDTH - full)}] {share:4.0%}"
