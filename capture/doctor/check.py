"""What a check of the doctor is."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

EBPF = ("core", "bcc")
"""The ways to record that load a program into the kernel."""


class State(StrEnum):
    """`missing` keeps a way from recording, `note` only makes a capture poorer or dearer."""

    OK = "ok"
    NOTE = "note"
    MISSING = "missing"


@dataclass(frozen=True)
class Check:
    """One thing looked at. `needed_by` names the ways that cannot record without it; `remedy` has a line a step.

    `privilege` says that the machine has what is missing, and only keeps it from this user.
    """

    group: str
    name: str
    state: State
    found: str
    remedy: tuple[str, ...] = ()
    needed_by: tuple[str, ...] = ()
    privilege: bool = False


@dataclass(frozen=True)
class Way:
    """A loader of the eBPF backend, or another backend: can it record, and if not, what keeps it (names of checks)?"""

    name: str
    lacks: tuple[str, ...] = ()
    only_privileges: bool = False
    built: bool = True

    @property
    def can_record(self) -> bool:
        """True as far as the checks can tell: the self-test has the last word."""
        return self.built and not self.lacks


def judge(name: str, checks: Iterable[Check]) -> Way:
    """What the checks mean for a way."""
    lacking = [check for check in checks if check.state is State.MISSING and name in check.needed_by]
    return Way(name, tuple(check.name for check in lacking), all(check.privilege for check in lacking))


def read(path: str) -> str | None:
    """The text of a small file of /proc or /sys; None where there is no such file, or this user may not read it."""
    try:
        return Path(path).read_text().strip()
    except (FileNotFoundError, PermissionError):
        return None
