"""Names of constants: the sets in flags/*.txt, and values printed with them as strace prints them.

A set is a text file of `VALUE NAME` lines, in the order in which strace tries them (a name of several bits goes before
its parts), under lines that say what the values below them are. `UNKNOWN` goes into the comment behind values
without a name, as in `0x8 /* O_??? */`:

- `enum UNKNOWN`: the whole value is one of these;
- `prefix VALUE NAME`: a bit to print before what is left, an enum;
- `field MASK [UNKNOWN]`: the bits of the mask are one of these, printed first; without UNKNOWN, bits that have no
  name there are left to the flags;
- `flags [UNKNOWN]`: each is a bit or several;
- `shift N MASK NAME`: the field at bit N, printed as `21<<NAME` at the end if it is not 0;
- `octal MASK`: a file mode, printed last, always.
"""

from dataclasses import dataclass
from dataclasses import field as value_of
from functools import cache, lru_cache
from pathlib import Path

Names = dict[int, str]
CACHED_VALUES = 65536


@dataclass
class ConstantSet:
    """One file, parsed."""

    enum: Names | None = None
    enum_unknown: str = ""
    prefix: tuple[int, str] | None = None
    field_mask: int = 0
    field: Names = value_of(default_factory=dict)
    field_unknown: str = ""
    flags: Names = value_of(default_factory=dict)
    flags_unknown: str = ""
    shift: tuple[int, int, str] | None = None
    octal: int = 0


@cache
def constant_set(name: str) -> ConstantSet:
    """The set in flags/NAME.txt. Raises KeyError if there is none, ValueError if the file cannot be read as a set."""
    path = Path(__file__).parent / "flags" / f"{name}.txt"
    if not path.exists():
        raise KeyError(name)
    found = ConstantSet()
    values: Names = {}
    for number, line in enumerate(path.read_text().splitlines(), 1):
        words = line.partition("#")[0].split()
        if len(words) > 1 and words[0][0].isdigit():
            values[int(words[0], 0)] = " ".join(words[1:])
        elif words:
            values = _heading(found, words, values, f"{path.name}:{number}")
    return found


def _heading(found: ConstantSet, words: list[str], values: Names, where: str) -> Names:
    """Take in one line that is no value; returns where the values below it belong."""
    match words:
        case ["enum", *unknown]:
            found.enum, found.enum_unknown = {}, "".join(unknown)
            return found.enum
        case ["field", mask, *unknown]:
            found.field_mask, found.field_unknown = int(mask, 0), "".join(unknown)
            return found.field
        case ["flags", *unknown]:
            found.flags_unknown = "".join(unknown)
            return found.flags
        case ["prefix", value, name]:
            found.prefix = (int(value, 0), name)
        case ["shift", bits, mask, name]:
            found.shift = (int(bits), int(mask, 0), name)
        case ["octal", mask]:
            found.octal = int(mask, 0)
        case _:
            raise ValueError(f"{where}: '{' '.join(words)}' is neither a value nor a heading of a set")
    return values


def hexadecimal(value: int) -> str:
    """`0` or `0x..`, as C's %#x prints."""
    return f"{value:#x}" if value else "0"


@lru_cache(CACHED_VALUES)
def format_enum(name: str, value: int, bits: int = 32) -> str:
    """The name of one of a set's values, the low `bits` of `value`; hexadecimal with a comment if it has no name."""
    names = constant_set(name)
    value &= (1 << bits) - 1
    prefix = ""
    if names.prefix is not None and value & names.prefix[0]:
        prefix, value = f"{names.prefix[1]}|", value & ~names.prefix[0]
    return prefix + _one_of(value, names.enum or {}, names.enum_unknown)


@lru_cache(CACHED_VALUES)
def format_flags(name: str, value: int, bits: int = 32) -> str:
    """The names of the bits of the low `bits` of `value`, what is left in hexadecimal."""
    names = constant_set(name)
    value &= (1 << bits) - 1
    parts = []
    tail = []
    if names.shift is not None:
        at, mask, label = names.shift
        if high := value >> at & mask:
            tail.append(f"{high}<<{label}")
            value &= ~(mask << at)
    if names.octal:
        tail.append(octal(value & names.octal))
        value &= ~names.octal
    if names.field_mask and (names.field_unknown or value & names.field_mask in names.field):
        parts.append(_one_of(value & names.field_mask, names.field, names.field_unknown))
        value &= ~names.field_mask
    parts += _bits(value, names, alone=not parts and not tail)
    return "|".join(parts + tail)


def _bits(value: int, names: ConstantSet, *, alone: bool) -> list[str]:
    """The names of the bits; what is left has a comment if no bit has a name. `alone`: nothing else is printed."""
    if value == 0:
        return [names.flags.get(0, "0")] if alone else []
    parts = []
    for flag, name in names.flags.items():
        if flag and value & flag == flag:
            parts.append(name)
            value &= ~flag
    if value:
        nameless = not parts and names.flags_unknown
        parts.append(f"{value:#x} /* {names.flags_unknown} */" if nameless else f"{value:#x}")
    return parts


def _one_of(value: int, names: Names, unknown: str) -> str:
    if value in names:
        return names[value]
    return f"{hexadecimal(value)} /* {unknown} */" if unknown else hexadecimal(value)


def octal(mode: int) -> str:
    """A mode as strace prints it: three digits at least, the first a zero."""
    return f"0{mode:o}".zfill(3)
