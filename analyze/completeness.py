"""How complete the captures behind an answer are, in one line that every report ends with."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from analyze.render.text import printable, timestamp
from analyze.session import Session
from analyze.trace import Source, State
from schemas.counters import OTHER

LIMIT = "limit"
"""The cause of calls that came after the last one asked for."""


@dataclass(frozen=True)
class Completeness:
    """Calls written and lost, over all captures."""

    written: int = 0
    lost: dict[str, int] = field(default_factory=dict)
    """Calls lost, by cause, that a filter does not rule out."""
    names: frozenset[str] = frozenset()
    """Of these lost calls the names; '' where the name of one is not known."""
    untimed: bool = False
    """Whether it is not known of some when they were lost."""
    elsewhere: int = 0
    """Calls lost that the filter rules out: by their name, CPU or time."""
    unaccounted: int = 0
    """Calls for which `seen = written + dropped` does not hold: a fault of the collector's."""
    unfinished: tuple[str, ...] = ()
    """Of each capture without an end a clause that says so: it is still being written, or ended abruptly, and when."""

    @property
    def complete(self) -> bool:
        """Whether nothing is known to be missing but what was not asked for (`capture -c N`)."""
        return not (self.lost.keys() - {LIMIT} or self.unaccounted or self.unfinished)

    def touches(self, row: Mapping[str, object]) -> bool:
        """Whether calls that were lost may belong to a row of an answer, by its columns `lost` or `syscall`."""
        if self.complete or not (self.lost or self.unaccounted):
            return False
        if self.unaccounted or "" in self.names:
            known_elsewhere = False
        else:
            known_elsewhere = "syscall" in row and row["syscall"] not in self.names
        if "lost" in row and not (self.untimed or self.unaccounted):
            known_elsewhere = known_elsewhere or row["lost"] is None
        return not known_elsewhere

    def sentence(self) -> str:
        """For the user: complete, or by how much an answer can be off."""
        if self.complete and self.lost:
            left_out = f"{self.written:,} recorded, {self.lost[LIMIT]:,} left out"
            return f"complete up to the limit of -c: no call was lost before it ({left_out})"
        if self.complete and self.elsewhere:
            return f"complete: the {self.elsewhere:,} calls that were lost cannot have matched"
        if self.complete:
            return f"complete: no call was lost ({self.written:,} recorded)"
        parts = []
        if self.lost:
            lost, seen = sum(self.lost.values()), self.written + self.elsewhere + sum(self.lost.values())
            causes = ", ".join(f"{cause.replace('_', ' ')} {count:,}" for cause, count in sorted(self.lost.items()))
            parts.append(f"{lost:,} of {seen:,} calls lost ({lost / seen:.2%}: {causes})")
            parts.append(
                "counts can be so much too low, and percentiles are of what was recorded (marked ~ in a table)"
            )
        if self.unaccounted:
            parts.append(f"{self.unaccounted:,} calls are neither recorded nor counted as lost")
        if self.unfinished:
            parts += self.unfinished[:3]
        if len(self.unfinished) > 3:
            parts.append(f"so it is with {len(self.unfinished) - 3:,} more")
        return printable("INCOMPLETE: " + "; ".join(parts))


def completeness(session: Session) -> Completeness:
    """Of all captures of the session: by the accounting in their metadata, or else by their loss rows.

    With a filter, only what was lost where the filter may have kept it, as far as call, CPU and time are known.
    """
    counters = {source.name: source.metadata.counters for source in session.sources}
    open_ended = [source for source in session.sources if not source.finished]
    written = sum(one.written for one in counters.values())
    latest = {}
    if open_ended:
        found = session.fetch("SELECT capture, count(*), max(epoch_ns(ts)) FROM calls GROUP BY ALL")
        latest = {file: (calls, last) for file, calls, last in found}
        written += sum(latest[source.name][0] for source in open_ended if source.name in latest)
    lost, names, untimed = Counter[str](), set[str](), False
    elsewhere = 0
    if open_ended or any(one.dropped for one in counters.values()):
        for cause, syscall, timed, calls, possible in _lost_where(session):
            if possible:
                lost[cause] += calls
                names.add(_name(syscall) or "")
                untimed = untimed or not timed
            else:
                elsewhere += calls
    if not open_ended and not session.filters:  # the accounting itself, which no row need tell of
        lost, elsewhere = sum((Counter(one.dropped) for one in counters.values()), Counter()), 0
    unaccounted = sum(abs(cell.missing()) for one in counters.values() for cell in one.balance())
    causes = {cause: n for cause, n in lost.items() if n}
    clauses = tuple(_open_end(source, latest.get(source.name, (0, None))[1]) for source in open_ended)
    return Completeness(written, causes, frozenset(names), untimed, elsewhere, unaccounted, clauses)


def _open_end(source: Source, last: int | None) -> str:
    """`last` is when its latest call began, in ns since the epoch."""
    if source.state is State.LIVE:
        return f"{source.name} is still being written, and its latest calls may be missing"
    if last is None:
        return f"{source.name} ended abruptly, before a call was secured"
    return f"{source.name} ended abruptly: its last call is of {timestamp(last)} UTC, later ones are missing"


def _lost_where(session: Session) -> list[tuple[str, str, bool, int, bool]]:
    """Cause, call, whether it is known when, calls lost, and whether the filters leave it open that they matched."""
    session.fetch("CREATE OR REPLACE TEMP TABLE unplaced AS SELECT * FROM losses LIMIT 0")
    if rows := _without_rows(session):
        session.database.executemany(
            "INSERT INTO unplaced (file, host, cpu, syscall, cause, calls) VALUES ($1, $2, $3, $4, $5, $6)", rows
        )
    possible = " AND ".join(f"({compiled.losses})" for compiled in session.filters) or "true"
    return session.fetch(
        f"SELECT coalesce(cause, 'unknown'), coalesce(syscall, ''), ts IS NOT NULL, sum(calls)::BIGINT, {possible} "
        "FROM (SELECT * FROM losses UNION ALL SELECT * FROM unplaced) GROUP BY ALL"
    )


def _without_rows(session: Session) -> list[list[object]]:
    """Losses that the accounting has and no row: it is known in which call and on which CPU, but not when."""
    rest = Counter[tuple[str, str, int, str | None, str]]()
    for source in session.sources:
        for cell in source.metadata.counters.cells:
            for cause, calls in cell.dropped.items():
                rest[source.name, source.metadata.host, cell.cpu, _name(cell.syscall), cause] += calls
    placed = "SELECT file, host, cpu, syscall, cause, sum(calls)::BIGINT FROM losses GROUP BY ALL"
    for file, host, cpu, syscall, cause, calls in session.fetch(placed):
        rest[file, host, cpu, _name(syscall), cause] -= calls
    return [[*key, calls] for key, calls in rest.items() if calls > 0]


def _name(syscall: str | None) -> str | None:
    """The name of a call that was lost, None where it is not known."""
    return None if syscall in ("", OTHER) else syscall
