"""The accounting of a capture: what was seen, what was written, what was dropped and why.

The metadata key `Key.COUNTERS` holds `Counters.to_json()`: totals, and a list of cells, one per CPU, abi and call
number with at least one call seen. `seen = written + sum(dropped)` holds per cell; `balance()` says where it does not.
"""

import json
from dataclasses import asdict, dataclass, field
from typing import Any

OTHER = "other"
"""Name of the cells of calls without a number of their own."""


@dataclass
class Cell:
    """One CPU's count of one system call. `nr` is -1 in the cell of all calls without a number of their own."""

    cpu: int
    abi: str
    nr: int
    syscall: str
    seen: int = 0
    written: int = 0
    dropped: dict[str, int] = field(default_factory=dict)

    def missing(self) -> int:
        """Calls that are neither written nor accounted for; 0 in a sound capture."""
        return self.seen - self.written - sum(self.dropped.values())


@dataclass
class Counters:
    """All counts of one capture file. Everything but `cells` is about the whole capture."""

    cells: list[Cell] = field(default_factory=list)
    own_calls: int = 0
    child_returns: int = 0
    filtered: int = 0
    state_dropped: int = 0
    payload_dropped: int = 0
    paths_unreadable: int = 0
    entries_lost: int = 0
    unfinished: int = 0
    recursion: int = 0

    @property
    def seen(self) -> int:
        """Calls that passed the filter."""
        return sum(cell.seen for cell in self.cells)

    @property
    def written(self) -> int:
        """Calls that are rows in the file."""
        return sum(cell.written for cell in self.cells)

    @property
    def dropped(self) -> dict[str, int]:
        """Calls lost, by cause."""
        causes: dict[str, int] = {}
        for cell in self.cells:
            for cause, count in cell.dropped.items():
                causes[cause] = causes.get(cause, 0) + count
        return causes

    def balance(self) -> list[Cell]:
        """The cells in which `seen = written + dropped` does not hold."""
        return [cell for cell in self.cells if cell.missing()]

    def to_json(self) -> str:
        """Text for the file's metadata, totals included for readers that only want these."""
        totals = {"seen": self.seen, "written": self.written, "dropped": self.dropped}
        return json.dumps({**totals, **asdict(self)}, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> "Counters":
        """The reverse of `to_json`; unknown keys are left out. Raises ValueError for what is no accounting."""
        given = _mapping(json.loads(text))
        cells = given.get("cells", [])
        if not isinstance(cells, list):
            raise ValueError("cells is no list")
        totals = {
            name: _count(given[name], name) for name in cls.__dataclass_fields__ if name in given and name != "cells"
        }
        return cls([_cell(_mapping(cell)) for cell in cells], **totals)


def _cell(given: dict[str, Any]) -> Cell:
    abi, syscall = (given.get(name) or "" for name in ("abi", "syscall"))
    if not isinstance(abi, str) or not isinstance(syscall, str):
        raise ValueError("a name in a cell is no text")
    numbers = {name: _count(given.get(name, 0), name) for name in ("cpu", "nr", "seen", "written")}
    dropped = {cause: _count(calls, cause) for cause, calls in _mapping(given.get("dropped", {})).items()}
    return Cell(abi=abi, syscall=syscall, dropped=dropped, **numbers)


def _mapping(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{str(value)[:40]!r} where names and values belong")
    return value


def _count(value: object, name: str) -> int:
    """A number of calls; as many as 2**53 no machine makes, and their sums would leave what SQL counts in."""
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) >= 1 << 53:
        raise ValueError(f"{name} is {str(value)[:40]}")
    return value
