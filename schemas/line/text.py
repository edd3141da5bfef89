"""Names from anybody as text that no terminal obeys."""

import re
from functools import lru_cache

from schemas.decode.text import CACHED_STRINGS, quote
from schemas.text import to_bytes

_STRING = re.compile(r'"((?:[^"\\]|\\.)*)"')
_ESCAPE = re.compile(r"\\(?:([0-7]{1,3})|(.))")
_BRACKET = re.compile(r"([<>])(?=([0-7])?)")
_LETTERS = {"n": "\n", "t": "\t", "r": "\r", "v": "\v", "f": "\f"}


@lru_cache(CACHED_STRINGS)
def safe(text: str, *, escaped: bool = False) -> str:
    r"""A name as it may stand in a line: what is not printable as `\xHH`, a backslash doubled; all else as it is.

    `escaped` says that the row has flag 16, so that the text is written thus already but for control characters.
    """
    if text.isprintable() and (escaped or "\\" not in text):
        return text
    whole = to_bytes(text, escaped=escaped).replace(b"\\", b"\\\\").decode(errors="backslashreplace")
    return whole if whole.isprintable() else "".join(map(_visible, whole))


def _visible(character: str) -> str:
    if character.isprintable():
        return character
    return "".join(f"\\x{byte:02x}" for byte in character.encode(errors="surrogatepass"))


@lru_cache(CACHED_STRINGS)
def target(text: str, *, escaped: bool = False) -> str:
    """What a descriptor stands for, as strace -y writes it between < and >: escaped as a string is, and these too."""
    return _BRACKET.sub(_bracket, quote(to_bytes(text, escaped=escaped))[1:-1])


def _bracket(match: re.Match[str]) -> str:
    return f"\\{ord(match[1]):03o}" if match[2] else f"\\{ord(match[1]):o}"


def to_hexadecimal(text: str, *, every: bool) -> str:
    r"""The printed arguments of a call with its strings as `\xHH` throughout; unless `every`, those not printable."""

    def convert(match: re.Match[str]) -> str:
        if not every and not _has_codes(match[1]):
            return match[0]
        plain = _ESCAPE.sub(lambda one: chr(int(one[1], 8)) if one[1] else _LETTERS.get(one[2], one[2]), match[1])
        return '"' + "".join(f"\\x{ord(character):02x}" for character in plain) + '"'

    return _STRING.sub(convert, text)


def _has_codes(text: str) -> bool:
    """Whether anything but printable ASCII and white space was escaped."""
    return any(match[1] for match in _ESCAPE.finditer(text))
