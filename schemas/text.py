r"""Bytes from anybody (names, paths, arguments) as a text column holds them, and back.

Verbatim where they are UTF-8. In a row with `Flag.ESCAPED` (16) what is not is `\xHH`, and a backslash is `\\`.
"""

import re

_ESCAPED = re.compile(rb"\\(?:x([0-9a-f]{2})|\\)")


def is_text(value: bytes) -> bool:
    """Is it UTF-8, so that a column can hold it verbatim?"""
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True


def escape(value: bytes) -> str:
    r"""For rows with `Flag.ESCAPED`: what is not UTF-8 as `\xHH`, a backslash as `\\`; all else as it is."""
    return value.replace(b"\\", b"\\\\").decode(errors="backslashreplace")


def to_bytes(text: str, *, escaped: bool) -> bytes:
    """The bytes behind a text column; `escaped` is the row's flag."""
    return _ESCAPED.sub(_unescape, text.encode()) if escaped else text.encode()


def _unescape(match: re.Match[bytes]) -> bytes:
    return bytes.fromhex(match[1].decode()) if match[1] else b"\\"
