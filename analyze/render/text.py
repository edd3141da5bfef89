"""Values as people read them: units, digits, and nothing that a terminal would obey."""

import unicodedata
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal

from analyze.result import NS, Column

DURATIONS = ((3_600_000_000_000, "h"), (1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "µs"), (1, "ns"))
SIZES = ((1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"), (1, "B"))
LONGEST_SECONDS = 10_000
INTEGERS = frozenset(f"{sign}{size}INT" for sign in ("", "U") for size in ("TINY", "SMALL", "BIG", "HUGE"))
NUMBERS = INTEGERS | {"INTEGER", "UINTEGER", "FLOAT", "DOUBLE", "DECIMAL"}
IDS = ("pid", "tid", "ppid", "uid", "nr", "fd", "cpu", "port", "ret")
"""Numbers that are read as they stand: a result may be a pid or a descriptor too."""
UNITS = ("_ns", "_bytes", "_share")
"""Ends of names that say in what a column counts."""
ELLIPSIS = "…"
ESCAPES = {"\n": "\\n", "\t": "\\t", "\r": "\\r", "\x1b": "\\e", "\x00": "\\0"}


def printable(text: str) -> str:
    """The text with whatever a terminal would not show as it is (control and direction characters) escaped."""
    return text if text.isprintable() else "".join(map(_escape, text))


def _escape(character: str) -> str:
    if character.isprintable():
        return character
    code = ord(character)
    return ESCAPES.get(character) or (
        f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}"
    )


def width(text: str) -> int:
    """Cells that a printable text takes on a terminal."""
    return len(text) if text.isascii() else sum(map(_cells, text))


def _cells(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def cut(text: str, cells: int) -> str:
    """The text in at most so many cells; what is cut off shows as an ellipsis. Of a path the end is kept."""
    if width(text) <= cells:
        return text
    if text.startswith("/"):
        return ELLIPSIS + _first(text[::-1], cells - 1)[::-1]
    return _first(text, cells - 1) + ELLIPSIS


def _first(text: str, cells: int) -> str:
    """As much of the text, from its beginning, as so many cells hold."""
    used = 0
    for index, character in enumerate(text):
        used += _cells(character)
        if used > cells:
            return text[:index]
    return text


def duration(ns: float) -> str:
    """Nanoseconds with a unit and three digits: 1.23 ms."""
    if abs(ns) < 999.5:
        return f"{ns:.0f} ns"
    unit, name = next(pair for pair in DURATIONS if abs(ns) >= pair[0] * 0.9995 and pair[1] != "h")
    if abs(ns) >= LONGEST_SECONDS * 10**9:
        unit, name = DURATIONS[0]
    return f"{_three(ns / unit)} {name}"


def size(count: float) -> str:
    """Bytes with a unit and three digits: 4.00 KiB."""
    unit, name = next((pair for pair in SIZES if abs(count) >= pair[0]), SIZES[-1])
    return f"{count:,.0f} B" if unit == 1 else f"{_three(count / unit)} {name}"


def _three(value: float) -> str:
    magnitude = abs(value)
    return f"{value:.2f}" if magnitude < 9.995 else f"{value:.1f}" if magnitude < 99.95 else f"{value:,.0f}"


def timestamp(ns: int, date_format: str = "%Y-%m-%d %H:%M:%S") -> str:
    """Nanoseconds since the epoch as UTC, all nine digits."""
    seconds, rest = divmod(ns, 10**9)
    return f"{datetime.fromtimestamp(seconds, UTC).strftime(date_format)}.{rest:09d}"


def is_number(column: Column) -> bool:
    """Whether a column's values stand at the right."""
    return column.type.partition("(")[0] in NUMBERS


def title(column: Column) -> str:
    """A column's name without the unit, which stands beside each value."""
    if not is_number(column):
        return printable(column.name)
    return printable(
        next((column.name.removesuffix(unit) for unit in UNITS if column.name.endswith(unit)), column.name)
    )


class Moments:
    """How a column of timestamps is shown: the date once, above, if it is the same; no more digits than they need."""

    def __init__(self, values: Iterable[int], most: int = 9) -> None:
        """From the values that settle it, ns since the epoch; `most`: digits of a second at most."""
        known = list(values)
        dates = {timestamp(value, "%Y-%m-%d")[:10] for value in known}
        self.date = dates.pop() if len(dates) == 1 else None
        needed = (3 * thirds for thirds in (0, 1, 2) if all(ns % 10 ** (9 - 3 * thirds) == 0 for ns in known))
        self.digits = min(most, next(needed, 9))

    def text(self, ns: int) -> str:
        """One of them."""
        whole, _, rest = timestamp(ns, "%H:%M:%S" if self.date else "%Y-%m-%d %H:%M:%S").partition(".")
        return f"{whole}.{rest[: self.digits]}" if self.digits else whole


def cell(value: object, column: Column) -> str:
    """A value for a table: unit by the column's name (`_ns`, `bytes`, `share`), names of NULL empty."""
    if value is None:
        return ""
    if column.type == NS and isinstance(value, int):
        return timestamp(value)
    if isinstance(value, int | float | Decimal) and is_number(column):
        return _number(value, column.name)
    if isinstance(value, bytes):
        return printable(value.decode("latin-1"))
    return printable(str(value))


def _number(value: int | float | Decimal, name: str) -> str:
    if name.endswith("_ns"):
        return duration(float(value))
    if name.endswith("bytes"):
        return size(float(value))
    if name.endswith("share"):
        return f"{float(value):.1%}"
    if name in IDS:
        return str(value)
    return f"{value:,}" if isinstance(value, int) else f"{float(value):,.6g}"
