"""Bytes from anybody (names, paths, arguments) as text that can be turned back."""


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


def unescape(value: str) -> bytes:
    """The reverse of `escape`."""
    parts = value.encode().split(b"\\\\")
    return b"\\".join(_bytes(part) for part in parts)


def _bytes(part: bytes) -> bytes:
    first, *rest = part.split(b"\\x")
    return first + b"".join(bytes([int(piece[:2], 16)]) + piece[2:] for piece in rest)
