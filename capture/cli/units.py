"""Sizes and times as people write them."""

import re

from capture.errors import UsageError

_SIZES = {"": 1, "b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
_TIMES = {"ns": 1, "us": 10**3, "µs": 10**3, "ms": 10**6, "s": 10**9, "": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}

_LONGEST = 2**63 - 1
_DIGITS = 18  # and no more, so that what comes of them is a number


def size(text: str, option: str) -> int:
    """`64k`, `16M`, `1g` or plain bytes. Raises UsageError."""
    found = re.fullmatch(r"(\d+)\s*([bkmg]?)(?:i?b)?", text.strip().lower())
    if found is None or len(found[1]) > _DIGITS:
        raise UsageError(f"{option} {text}: not a size; write 64k, 16m or 1g")
    return int(found[1]) * _SIZES[found[2]]


def nanoseconds(text: str, option: str) -> int:
    """`1ms`, `500us`, `2s`; without a unit, seconds. Raises UsageError."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([a-zµ]*)", text.strip().lower())
    if found is None or found[2] not in _TIMES or len(found[1]) > _DIGITS:
        raise UsageError(f"{option} {text}: not a time; write 500us, 1ms or 2s")
    count = round(float(found[1]) * _TIMES[found[2]])
    if count > _LONGEST:
        raise UsageError(f"{option} {text}: longer than any call; write 500us, 1ms or 2s")
    return count
