"""Bytes from anybody (names, paths, arguments) as text that can be turned back (schemas/decode/text.py: to_bytes)."""


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
