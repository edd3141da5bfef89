"""How far the work is, on standard error, once it has taken a second; only on a terminal."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread

from analyze.session import Session

PATIENCE, STEP = 1.0, 0.2
WIDTH = 30
REPLAY = 0.6
"""Of the time of a query that needs the replay."""


class Progress:
    """How much of all the work is done: pieces that are, and the query that runs."""

    def __init__(self, session: Session) -> None:
        """One piece of work, the session's next query, unless `begins` says otherwise."""
        self._session = session
        self._done, self._piece = 0.0, 1.0
        self._pieces = 0
        self._replays = session.replay.share < 1
        self._most = 0.0

    def begins(self, piece: float) -> None:
        """What was begun before is done; the next is so much of the whole, 0 to 1."""
        self._done += self._piece if self._pieces else 0.0
        self._pieces += 1
        self._piece = piece
        self._replays = self._session.replay.share < 1

    @property
    def share(self) -> float:
        """Of the whole, 0 to 1."""
        query = max(self._session.database.query_progress(), 0.0) / 100  # -1 while there is none
        replayed = self._session.replay.share if self._replays else 0.0
        if replayed:  # before the query, or amid it
            query = REPLAY * replayed + (1 - REPLAY) * query
        self._most = max(self._most, min(self._done + self._piece * min(query, 1.0), 1.0))
        return self._most


@contextmanager
def progress(session: Session, *, quiet: bool = False) -> Iterator[Progress]:
    """Show a bar while the block runs queries of the session."""
    told = Progress(session)
    with shown(lambda: told.share, quiet=quiet):
        yield told


@contextmanager
def shown(share: Callable[[], float], *, quiet: bool = False) -> Iterator[None]:
    """Show a bar while the block runs; `share` says how much is done, 0 to 1."""
    if quiet or not sys.stderr.isatty():
        yield
        return
    done = Event()
    thread = Thread(target=_show, args=(share, done), daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _show(share: Callable[[], float], done: Event) -> None:
    if done.wait(PATIENCE):
        return
    while not done.wait(STEP):
        sys.stderr.write(f"\r{bar(share())}")
        sys.stderr.flush()
    sys.stderr.write(f"\r{' ' * len(bar(1))}\r")
    sys.stderr.flush()


def bar(share: float) -> str:
    """A bar of fixed length and the percentage."""
    full = round(share * WIDTH)
    return f"[{'#' * full}{'.' * (WIDTH - full)}] {share:4.0%}"
