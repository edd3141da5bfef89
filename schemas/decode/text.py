"""Bytes as C strings, the way strace prints them."""

import re
from functools import lru_cache

CACHED_STRINGS = 65536
SHOWN = 32
"""Bytes of a buffer that are shown, as strace does by default; paths are shown whole."""

_NAMED = {0x22: '\\"', 0x5C: "\\\\", 0x0C: "\\f", 0x0A: "\\n", 0x0D: "\\r", 0x09: "\\t", 0x0B: "\\v"}
_SPECIAL = re.compile(rb'([^ -~]|["\\])(?=(.?))', re.DOTALL)


@lru_cache(CACHED_STRINGS)
def quote(value: bytes) -> str:
    """A quoted C string; other than printable ASCII is octal, as short as what follows allows."""
    return f'"{_SPECIAL.sub(_escape, value).decode("ascii")}"'


def quote_part(value: bytes, total: int, shown: int = SHOWN) -> str:
    """The first `shown` bytes, with dots behind if the buffer, of `total` bytes, is longer."""
    return quote(value[:shown]) + ("..." if total > min(shown, len(value)) else "")


def _escape(match: re.Match[bytes]) -> bytes:
    code = match[1][0]
    if code in _NAMED:
        return _NAMED[code].encode()
    return b"\\%03o" % code if match[2] and match[2] in b"01234567" else b"\\%o" % code
