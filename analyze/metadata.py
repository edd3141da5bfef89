"""The capture's metadata, by the names in `schemas.arrow.Key`.

They are said again here because schemas.arrow imports pyarrow, which takes longer to start than most reports to run;
a test holds both equal.
"""

import json
from calendar import timegm
from dataclasses import dataclass, field
from datetime import datetime

from schemas.counters import Counters

PREFIX = "systape."


@dataclass(frozen=True)
class Metadata:
    """Key-value pairs of one capture, without the prefix of the keys."""

    pairs: dict[str, str] = field(default_factory=dict)

    @property
    def schema_version(self) -> str | None:
        """MAJOR.MINOR of the columns; None if the file is no capture."""
        return self.pairs.get("schema_version")

    @property
    def host(self) -> str:
        """Where it was recorded; '' if that is not known."""
        return self.pairs.get("host", "")

    @property
    def finished(self) -> bool:
        """Whether the collector lived to say how many calls it had seen."""
        return "counters" in self.pairs

    @property
    def counters(self) -> Counters:
        """The accounting; all zero if the capture was never finished."""
        return Counters.from_json(self.pairs["counters"]) if self.finished else Counters()

    @property
    def span(self) -> tuple[int, int] | None:
        """Start and end, ns since the epoch; None if either is not known."""
        try:
            start, end = (_nanoseconds(self.pairs[name]) for name in ("start", "end"))
        except (KeyError, ValueError):
            return None
        return start, end

    @property
    def users(self) -> dict[int, str]:
        """Names by user id."""
        return {int(uid): str(name) for uid, name in json.loads(self.pairs.get("users", "{}")).items()}


def _nanoseconds(text: str) -> int:
    """An ISO 8601 time in UTC, to all nine digits, as ns since the epoch. Raises ValueError."""
    whole, _, rest = text.rstrip("Z").removesuffix("+00:00").partition(".")
    return timegm(datetime.fromisoformat(whole).timetuple()) * 10**9 + int(rest.ljust(9, "0")[:9] or 0)
