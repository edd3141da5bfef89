"""Bytes as C strings, the way strace prints them."""

import re
from functools import lru_cache

CACHED_STRINGS = 65536
SHOWN = 32
"""Bytes of a buffer that are shown, as strace does by default; paths are shown whole."""

_NAMED = {0x22: '\\"', 0x5C: "\\\\", 0x0C: "\\f", 0x0A: "\\n", 0x0D: "\\r", 0x09: "\\t", 0x0B: "\\v"}
_SPECIAL = re.compile(rb'([^ -~]|["\\])(?=(.?))', re.DOTALL)
_ESCAPED = re.compile(rb"\\(?:x([0-9a-f]{2})|\\)")


@lru_cache(CACHED_STRINGS)
def quote(value: bytes) -> str:
    """A quoted C string; other than printable ASCII is octal, as short as what follows allows."""
    return f'"{_SPECIAL.sub(_escape, value).decode("ascii")}"'


def quote_part(value: bytes, total: int, shown: int = SHOWN) -> str:
    """The first `shown` bytes, with dots behind if the buffer, of `total` bytes, is longer."""
    return quote(value[:shown]) + ("..." if total > min(shown, len(value)) else "")


def to_bytes(text: str, *, escaped: bool) -> bytes:
    r"""The bytes behind a text column; `escaped` (flag 16) says that `\xHH` and `\\` stand for bytes."""
    return _ESCAPED.sub(_unescape, text.encode()) if escaped else text.encode()


def _unescape(match: re.Match[bytes]) -> bytes:
    return bytes.fromhex(match[1].decode()) if match[1] else b"\\"


def _escape(match: re.Match[bytes]) -> bytes:
    code = match[1][0]
    if code in _NAMED:
        return _NAMED[code].encode()
    return b"\\%03o" % code if match[2] and match[2] in b"01234567" else b"\\%o" % code
