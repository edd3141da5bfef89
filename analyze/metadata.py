"""The capture's metadata, by the names in `schemas.arrow.Key`.

They are said again here because schemas.arrow imports pyarrow, which takes longer to start than most reports to run;
a test holds both equal.
"""

import json
from calendar import timegm
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from schemas.counters import Counters

PREFIX = "systape."


LAST = (1 << 63) - 1
"""ns since the epoch, in the year 2262: what a timestamp[ns] can say."""
LAST_ID = (1 << 32) - 1


@dataclass(frozen=True)
class Metadata:
    """Key-value pairs of one capture, without the prefix of the keys.

    A property raises ValueError if its text is not what it should be; `check` raises it for all of them.
    """

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

    @cached_property
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
        return (start, end) if 0 <= start <= LAST and 0 <= end <= LAST else None

    @cached_property
    def users(self) -> dict[int, str]:
        """Names by user id."""
        return self._names("users")

    @cached_property
    def groups(self) -> dict[int, str]:
        """Names by group id."""
        return self._names("groups")

    @cached_property
    def notes(self) -> list[str]:
        """What the capture could not record, and why."""
        found = self._json("notes", [])
        if not isinstance(found, list):
            raise ValueError("notes is no list")
        return [str(note) for note in found]

    def check(self) -> None:
        """Read everything. Raises ValueError that says which value is damaged."""
        for name in ("counters", "users", "groups", "notes"):
            try:
                getattr(self, name)
            except (ValueError, RecursionError) as error:
                raise ValueError(f"{name} in its metadata: {error}") from error
        if odd := [name for name, text in self.pairs.items() if "\0" in text]:
            raise ValueError(f"{odd[0]} in its metadata holds a zero byte")

    def _names(self, key: str) -> dict[int, str]:
        found = self._json(key, {})
        if not isinstance(found, dict) or not all(isinstance(name, str) for name in found.values()):
            raise ValueError(f"{key} is no list of names")
        names = {int(number): name for number, name in found.items()}
        if not all(0 <= number <= LAST_ID for number in names):
            raise ValueError(f"a number of {key} is out of range")
        return names

    def _json(self, key: str, default: object) -> Any:  # noqa: ANN401 - what it is has to be seen
        return json.loads(self.pairs[key]) if key in self.pairs else default


def _nanoseconds(text: str) -> int:
    """An ISO 8601 time in UTC, to all nine digits, as ns since the epoch. Raises ValueError."""
    whole, _, rest = text.rstrip("Z").removesuffix("+00:00").partition(".")
    return timegm(datetime.fromisoformat(whole).timetuple()) * 10**9 + int(rest.ljust(9, "0")[:9] or 0)
