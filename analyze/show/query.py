"""The SQL behind `analyze show`: which rows, in which order."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from analyze.session import Session
from analyze.show.order import Order
from schemas.arrow import EVENTS
from schemas.line import NEEDED

RETURNED = "returned_at(ts, dur_ns)"
CALLS = "kind = 'syscall' AND flags & 32 = 0"
ENDS = ("signal", "exit")
STATES = ("fork", "exec", "process", "fd")


@dataclass(frozen=True)
class Asked:
    """Which rows are wanted, beside those calls that the session's filters keep."""

    states: Sequence[str] = ()
    """Filters for rows that are no calls."""
    everything: bool = False
    """Rows of the kinds STATES too."""
    whole: bool = False
    """All columns of schemas.arrow.EVENTS, not only those that a line is made of."""
    order: Order | None = None
    limit: int = 0


def statement(session: Session, asked: Asked) -> str:
    """The query; with captures of several hosts it has the column `host`.

    It streams in the order of the file if no order is asked for and no filter is about what is looked up for calls
    alone, such as the file behind a descriptor; else it sorts.
    """
    looked_up = lookups(session)
    filters = [compiled.where for compiled in session.filters]
    others = _states(session, asked, looked_up)
    columns = ", ".join([*(EVENTS.names if asked.whole else NEEDED), *["host"] * (len(session.hosts) > 1)])
    order = asked.order
    if any(uses(where, looked_up) for where in filters):
        order = order or Order.RETURN
        calls = f"SELECT {columns}\nFROM selected"
        query = f"SELECT *\nFROM (\n{calls}\nUNION ALL\nSELECT {columns}\nFROM events\nWHERE {others}\n)"
    else:
        query = f"SELECT {columns}\nFROM events\nWHERE ({' AND '.join([CALLS, *filters])})\nOR {others}"
    if order is not None:
        query += f"\nORDER BY {'ts' if order is Order.ENTRY else RETURNED}, tid"
    return query + (f"\nLIMIT {asked.limit}" if asked.limit else "")


def _states(session: Session, asked: Asked, looked_up: set[str]) -> str:
    """The condition on rows that are no calls. A loss counts if a call that was lost may have been wanted."""
    compiled = [session.compile(text) for text in asked.states]
    kinds = ENDS + STATES if asked.everything else ENDS
    states = [f"kind IN ({', '.join(map(repr, kinds))})"]
    states += ["false" if uses(one.where, looked_up) else one.where for one in compiled]
    losses = ["kind = 'loss'", *(one.losses for one in session.filters)]
    return f"({' AND '.join(states)})\nOR ({' AND '.join(losses)})"


def lookups(session: Session) -> set[str]:
    """The columns that only calls have; `file` is the capture's name in events."""
    if not session.filters:  # nothing will be compared with them
        return set()
    calls, events = ({one.name for one in session.describe(f"SELECT * FROM {view}")} for view in ("calls", "events"))
    return calls - events | {"file"}


def uses(condition: str, columns: set[str]) -> bool:
    """Whether a compiled condition names one of the columns; nothing that the user wrote is in it."""
    return not columns.isdisjoint(re.findall(r"\w+", condition))
