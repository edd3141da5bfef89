"""C strings as strace prints them, and the text columns that come of them."""

import re

STRING = re.compile(r'"((?:[^"\\]|\\.)*)"(\.\.\.)?')
_ESCAPE = re.compile(rb"\\(?:x([0-9a-f]{2})|([0-7]{1,3})|(.))", re.DOTALL)
_LETTERS = {b"n": b"\n", b"t": b"\t", b"r": b"\r", b"v": b"\v", b"f": b"\f", b"a": b"\a", b"b": b"\b"}


def unquote(inside: str) -> bytes:
    """The bytes behind what stands between two quotes; `inside` is Latin-1, one character a byte of the log."""
    raw = inside.encode("latin-1")
    return _ESCAPE.sub(_character, raw) if b"\\" in raw else raw


def _character(match: re.Match[bytes]) -> bytes:
    if match[1]:
        return bytes.fromhex(match[1].decode())
    if match[2]:
        return bytes([int(match[2], 8) & 0xFF])
    return _LETTERS.get(match[3], match[3])
