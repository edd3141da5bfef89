"""Numbers out of what strace prints for them: decimal, octal, hexadecimal, names, and all these joined with `|`."""

import os
import re
from functools import cache
from importlib.resources import files

from schemas.decode.fields import AT_FDCWD
from schemas.decode.file import SPECIAL, TYPES
from schemas.flags import ConstantSet, constant_set

OTHERS = {"AT_FDCWD": AT_FDCWD, "FUTEX_BITSET_MATCH_ANY": 0xFFFF_FFFF}
"""Names that are in no set."""
MASK64 = 0xFFFF_FFFF_FFFF_FFFF
_NUMBER = re.compile(r"-?(?:0x[0-9a-f]+|\d+)")
_COMMENT = re.compile(r" ?/\*.*?\*/")
_DEVICE = re.compile(r"makedev\((\w{1,10}), (\w{1,10})\)")
_NETWORK = re.compile(r"htons\((\w+)\)")


def number_of(text: str) -> int | None:
    """The number behind one printed argument, as int64; None for what strace prints no number of (a structure).

    What a descriptor stands for (`3</etc/hosts>`) and comments are left out.
    """
    text = _bare(text)
    if text == "NULL":
        return 0
    if device := _DEVICE.fullmatch(text):
        return os.makedev(*((plain(part) or 0) & 0x7FFF_FFFF for part in device.groups()))
    if network := _NETWORK.fullmatch(text):
        port = _term(network[1])
        return None if port is None else (port & 0xFF) << 8 | port >> 8
    if text in _values():
        return _signed(_values()[text])
    total = 0
    for part in text.split("|"):
        value = _shifted(part)
        if value is None:
            return None
        total |= value
    return _signed(total)


def _bare(text: str) -> str:
    """Without a comment, or the name in angle brackets behind a descriptor."""
    if "/*" in text:
        text = _COMMENT.sub("", text)
    if text.endswith(">") and "<" in text:
        text = text.partition("<")[0]
    if " or " in text:  # an ioctl request that several drivers share
        text = next((one for one in (text, *text.split(" or ")) if one in _values()), text)
    return text


def _shifted(part: str) -> int | None:
    left, shift, right = part.partition("<<")
    value = _term(left)
    if not shift:
        return value
    bits = _term(right)
    return None if value is None or bits is None or not 0 <= bits < 64 else value << bits


def _term(word: str) -> int | None:
    value = plain(word)
    return _values().get(word) if value is None else value


def plain(word: str) -> int | None:
    """A number in C's notation."""
    if not _NUMBER.fullmatch(word):
        return None
    digits = word.lstrip("-")
    base = 16 if digits.startswith("0x") else 8 if digits.startswith("0") and digits.isdigit() else 10
    try:
        return int(word, base)
    except ValueError:  # 08
        return int(word)


def _signed(value: int) -> int:
    """A register's 64 bits as the int64 that the columns hold."""
    return (value & MASK64 ^ 1 << 63) - (1 << 63)


@cache
def _values() -> dict[str, int]:
    """All constants by name; a test makes sure that no name has two values."""
    found = {**OTHERS, **{name: bits for names in (TYPES, SPECIAL) for bits, name in names.items()}}
    for file in (files("schemas") / "flags").iterdir():
        if file.name.endswith(".txt"):
            found.update(_names(constant_set(file.name[:-4])))
    return found


def _names(constants: ConstantSet) -> dict[str, int]:
    found = {}
    for names in (constants.enum or {}, constants.field, constants.flags):
        found.update({name: value for value, name in names.items()})
    if constants.prefix:
        found[constants.prefix[1]] = constants.prefix[0]
    if constants.shift:
        found[constants.shift[2]] = constants.shift[0]
    return found
