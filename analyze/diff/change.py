"""One thing that changed."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Change:
    """What changed, from what to what, and how telling that is."""

    kind: str
    """process, error, file, peer, latency, call or pace: what it is about."""
    change: str
    """new, gone, more, less, slower or faster."""
    process: str = ""
    call: str = ""
    what: str = ""
    """The error, and the file or peer."""
    before: float = 0
    after: float = 0
    unit: str = "calls"
    """Of both: calls, files or ns."""
    p: float | None = None
    """How likely so much is by chance alone."""
    score: float = 0
    """The higher, the more telling."""

    @property
    def ratio(self) -> float | None:
        """After over before."""
        return self.after / self.before if self.before else None
