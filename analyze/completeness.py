"""How complete the captures behind an answer are, in one line that every report ends with."""

from collections import Counter
from dataclasses import dataclass, field

from analyze.session import Session


@dataclass(frozen=True)
class Completeness:
    """Calls written and lost, over all captures."""

    written: int = 0
    lost: dict[str, int] = field(default_factory=dict)
    """Calls lost, by cause."""
    unaccounted: int = 0
    """Calls for which `seen = written + dropped` does not hold: a fault of the collector's."""
    unfinished: list[str] = field(default_factory=list)
    """Captures without an end: still being written, or cut short."""

    @property
    def complete(self) -> bool:
        """Whether nothing is known to be missing."""
        return not (self.lost or self.unaccounted or self.unfinished)

    def sentence(self) -> str:
        """For the user: complete, or by how much an answer can be off."""
        if self.complete:
            return f"complete: no call was lost ({self.written:,} recorded)"
        parts = []
        if self.lost:
            lost = sum(self.lost.values())
            share = lost / (self.written + lost)
            causes = ", ".join(f"{cause.replace('_', ' ')} {count:,}" for cause, count in sorted(self.lost.items()))
            parts.append(f"{lost:,} of {self.written + lost:,} calls lost ({share:.2%}: {causes})")
            parts.append("counts can be so much too low")
        if self.unaccounted:
            parts.append(f"{self.unaccounted:,} calls are neither recorded nor counted as lost")
        if self.unfinished:
            names = ", ".join(self.unfinished[:3]) + (", ..." if len(self.unfinished) > 3 else "")
            parts.append(f"{names} has no end yet, and its latest calls may be missing")
        return "INCOMPLETE: " + "; ".join(parts)


def completeness(session: Session) -> Completeness:
    """Of all captures of the session: by the accounting in their metadata, or else by their loss rows."""
    lost: Counter[str] = Counter()
    written = unaccounted = 0
    open_ended = [source.name for source in session.sources if not source.finished]
    for source in session.sources:
        counters = source.metadata.counters
        written += counters.written
        lost.update(counters.dropped)
        unaccounted += sum(abs(cell.missing()) for cell in counters.balance())
    if open_ended:
        rows = session.fetch("SELECT file, cause, sum(calls)::BIGINT FROM losses GROUP BY ALL")
        for file, cause, calls in rows:
            if file in open_ended:
                lost[cause or "unknown"] += calls
        for file, calls in session.fetch("SELECT file, count(*) FROM calls GROUP BY ALL"):
            written += calls if file in open_ended else 0
    return Completeness(written, {cause: count for cause, count in lost.items() if count}, unaccounted, open_ended)
