"""Captures in the formats of other tools: strace's text, Chrome's trace events, folded stacks."""

from enum import StrEnum


class Target(StrEnum):
    """What `analyze export` can write."""

    STRACE = "strace"
    CHROME = "chrome"
    FOLDED = "folded"


class Weight(StrEnum):
    """What the number behind a folded stack counts."""

    TIME = "time"
    CALLS = "calls"
