"""Values as filters write them: durations with units, times of day, numbers in any base."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

UNITS = {"ns": 1, "us": 10**3, "µs": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
SIZES = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
DURATION = re.compile(r"(?P<number>\d+(\.\d*)?|\.\d+)(?P<unit>ns|us|µs|ms|s|m|h)?")
INTEGER = re.compile(r"(?P<number>[+-]?\d[\d_]*)(?P<unit>[kmgt])?(i?b)?", re.IGNORECASE)
OTHER_BASE = re.compile(r"[+-]?(0x[0-9a-f_]+|0o[0-7_]+|0b[01_]+)", re.IGNORECASE)
CLOCK = re.compile(
    r"((?P<date>\d{4}-\d\d-\d\d)[T ])?(?P<hour>\d?\d):(?P<minute>\d\d)(:(?P<second>\d\d)(\.(?P<rest>\d{1,9}))?)?Z?"
)
TRUE, FALSE = ("true", "yes", "1"), ("false", "no", "0")
SECOND, DAY = 10**9, 86400 * 10**9
WIDEST = 2**63


@dataclass(frozen=True)
class Span:
    """When the captures began and ended, ns since the epoch."""

    start: int
    end: int


def duration(text: str) -> int:
    """Nanoseconds; a bare number is that already. Raises ValueError."""
    found = DURATION.fullmatch(text)
    if not found:
        raise ValueError(f"{text} is no duration; write 500us, 1.5ms or 2s")
    return _bounded(_scaled(found["number"], UNITS[found["unit"] or "ns"]), text)


def integer(text: str) -> int:
    """A whole number: 4096, 4k, 0x1000, -2. Raises ValueError."""
    if OTHER_BASE.fullmatch(text):
        return _bounded(int(text.replace("_", ""), 0), text)
    found = INTEGER.fullmatch(text)
    if not found:
        raise ValueError(f"{text} is no whole number; write 4096, 4k or 0x1000")
    return _bounded(int(found["number"].replace("_", "")) * SIZES[(found["unit"] or "").lower()], text)


def flag(text: str) -> bool:
    """True or false. Raises ValueError."""
    if text.lower() not in TRUE + FALSE:
        raise ValueError(f"{text} is neither true nor false")
    return text.lower() in TRUE


def moment(text: str, span: Span) -> int:
    """Nanoseconds since the epoch: a time of day in the span, a date and time, or seconds since its start.

    Raises ValueError.
    """
    clock = CLOCK.fullmatch(text)
    since = DURATION.fullmatch(text)
    if since:
        return _bounded(span.start + _scaled(since["number"], UNITS[since["unit"] or "s"]), text)
    if not clock:
        raise ValueError(f"{text} is no time; write 12:00:01, 2026-09-21T12:00:01.5 (UTC), or seconds since the start")
    try:
        return _clock(clock, span)
    except ValueError as error:
        raise ValueError(f"{text} is no time: {error}") from error


def _clock(found: re.Match[str], span: Span) -> int:
    first = datetime.fromtimestamp(span.start // SECOND, UTC).date()
    day = date.fromisoformat(found["date"]) if found["date"] else first
    whole = datetime(
        day.year, day.month, day.day, int(found["hour"]), int(found["minute"]), int(found["second"] or 0), tzinfo=UTC
    )
    ns = (whole - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(seconds=1) * SECOND + int(
        (found["rest"] or "").ljust(9, "0")
    )
    later = ns + DAY
    beyond_midnight = not found["date"] and ns < span.start // SECOND * SECOND and later <= span.end
    return _bounded(later if beyond_midnight else ns, found.group())


def _scaled(number: str, unit: int) -> int:
    """A decimal number times the unit, exactly, cut to whole ns."""
    whole, _, rest = number.partition(".")
    return int(whole or "0") * unit + int(rest or "0") * unit // int("1".ljust(len(rest) + 1, "0"))


def _bounded(value: int, text: str) -> int:
    if not -WIDEST <= value < WIDEST:
        raise ValueError(f"{text} is out of range")
    return value
