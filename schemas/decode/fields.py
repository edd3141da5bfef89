"""The kinds of arguments, and how each is printed.

The column `kinds` of a table names one for each argument:

- numbers: `int`, `uint` (32 bits), `off`, `size` (64 bits, signed and not), `hex32`, `hex`, `mode` (octal), `id` (a
  user or group, -1 for none), `serial` (a key), `pid`, `signal`, `dev`;
- descriptors: `fd`, `dirfd` (which may be AT_FDCWD);
- constants: `flags:SET` and `enum:SET` of 32 bits, `flags64:SET` and `enum64:SET`, SET a file in schemas/flags;
- strings: `path`, and `str` for those that are no paths (the columns path and path2 hold the first two of a call, if
  the capture read them), `path_out` (filled by the kernel), `argv`;
- buffers: `buf_in` (the program gives it), `buf_out` (the kernel fills it), `pair_out` (two descriptors),
  `random_out`, `sockaddr`, `sockaddr_out`;
- everything that is printed as an address: `ptr`, `envp`, `stat`, `timespec`, `timeval`, `sigset`,
  `sigaction`, `iovec_in`, `iovec_out`, `msghdr_in`, `msghdr_out`, `mmsghdr_in`, `mmsghdr_out`.
"""

import os
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache, partial

from schemas.decode.address import socket_address
from schemas.decode.text import CACHED_STRINGS, SHOWN, quote, quote_part
from schemas.flags import format_enum, format_flags, hexadecimal, octal
from schemas.text import to_bytes

AT_FDCWD = -100
DELETED = " (deleted)"
MASK32 = 0xFFFF_FFFF
MASK64 = 0xFFFF_FFFF_FFFF_FFFF


@dataclass(slots=True)
class Row:
    """What a capture knows of one call: columns of the same names (`arg0` .. `arg5` are `args`), and how to print."""

    args: Sequence[int]
    ret: int | None = None
    path: str | None = None
    path2: str | None = None
    addr: str | None = None
    data: bytes | None = None
    cmdline: str | None = None
    escaped: bool = False
    """Whether the row has Flag.ESCAPED."""
    name_of_fd: Callable[[int], str | None] | None = None
    """With it, `3` becomes `3</etc/hosts>`, as with strace -y."""
    shown: int = SHOWN
    """Bytes of a buffer that are shown."""

    @property
    def failed(self) -> bool:
        """Whether the call returned an error."""
        return self.ret is not None and -4096 < self.ret < 0


Field = Callable[[Row, int], str]
"""Prints one argument of a row."""


def signed32(value: int) -> int:
    """The low 32 bits as a signed number."""
    return (value & MASK32 ^ 0x8000_0000) - 0x8000_0000


def signed64(value: int) -> int:
    """The low 64 bits as a signed number."""
    return (value & MASK64 ^ 1 << 63) - (1 << 63)


@lru_cache(CACHED_STRINGS)
def pointer(value: int) -> str:
    """An address; NULL for 0."""
    return f"{value & MASK64:#x}" if value else "NULL"


def descriptor(row: Row, value: int) -> str:
    """A descriptor, with its name if the row knows names."""
    number = signed32(value)
    return str(number) + _name(row, number)


def directory(row: Row, value: int) -> str:
    """A descriptor of a directory, or AT_FDCWD."""
    if signed32(value) != AT_FDCWD:
        return descriptor(row, value)
    return "AT_FDCWD" + _name(row, AT_FDCWD)


def _name(row: Row, number: int) -> str:
    """What stands behind a descriptor, in brackets; that it is deleted, behind them."""
    name = row.name_of_fd(number) if row.name_of_fd is not None else None
    if name is None:
        return ""
    return f"<{name.removesuffix(DELETED)}>(deleted)" if name.endswith(DELETED) else f"<{name}>"


def string(row: Row, text: str | None, value: int) -> str:
    """A string that the capture holds, or its address."""
    if text is None:
        return pointer(value)
    return quote(to_bytes(text, escaped=row.escaped)) if row.escaped else _quoted(text)


@lru_cache(CACHED_STRINGS)
def _quoted(text: str) -> str:
    return quote(text.encode())


def signal(value: int) -> str:
    """SIGTERM, SIGRT_5, or the number."""
    name = format_enum("signal", value)
    return str(signed32(value)) if name.startswith("0") else name


def device(value: int) -> str:
    """`makedev(0x8, 0x1)`, as the kernel's 32 bits mean it."""
    major, minor = os.major(value & MASK32), os.minor(value & MASK32)
    return f"makedev({hexadecimal(major)}, {hexadecimal(minor)})"


def arguments(row: Row, value: int) -> str:
    """argv, out of the command line."""
    if row.cmdline is None:
        return pointer(value)
    try:
        words = shlex.split(row.cmdline)
    except ValueError:  # nothing that our collector writes, but files come from anybody
        words = [row.cmdline]
    return f"[{', '.join(quote(to_bytes(word, escaped=row.escaped)) for word in words)}]"


def buffer(row: Row, value: int, *, position: int, filled: bool) -> str:
    """The captured bytes of a buffer whose size is the next argument, or, if filled by the kernel, the result."""
    given = row.args[position + 1] & MASK64 if position + 1 < len(row.args) else 0
    if value and not given and not filled:
        return '""'
    if row.data is None or (filled and row.failed):
        return pointer(value)
    total = given if not filled or row.ret is None else row.ret
    return quote_part(row.data[:total], total, row.shown)


def filled_path(row: Row, value: int) -> str:
    """A path that the kernel wrote: the column path if it is there, else the captured bytes up to the NUL."""
    if row.failed or (row.path is None and row.data is None):
        return pointer(value)
    return string(row, row.path, value) if row.path is not None else quote((row.data or b"").partition(b"\0")[0])


def descriptor_pair(row: Row, value: int) -> str:
    """The two descriptors that the kernel wrote: captured as bytes, what they are as the second path."""
    if row.failed or row.data is None or len(row.data) < 8:
        return pointer(value)
    names = ((row.path2 or "").split(" ") * 2)[:2] if row.name_of_fd is not None and row.path2 else ["", ""]
    numbers = (int.from_bytes(row.data[at : at + 4], "little", signed=True) for at in (0, 4))
    return f"[{', '.join(f'{fd}<{name}>' if name else str(fd) for fd, name in zip(numbers, names, strict=True))}]"


def random_bytes(row: Row, value: int) -> str:
    """What getrandom filled, in hexadecimal throughout."""
    if row.failed or row.data is None or row.ret is None:
        return pointer(value)
    text = "".join(f"\\x{byte:02x}" for byte in row.data[: min(row.ret, row.shown)])
    return f'"{text}"' + ("..." if row.ret > row.shown else "")


def vector(row: Row, value: int, *, position: int) -> str:
    """An array of buffers: its address, unless it has no element."""
    return "[]" if value and not row.args[position + 1] else pointer(value)


def _serial(_: Row, value: int) -> str:
    name = format_enum("keyring", value)
    return str(signed32(value)) if name.startswith("0") else name


def _id(_: Row, value: int) -> str:
    number = value & MASK32
    return "-1" if number == MASK32 else str(number)


PLAIN: dict[str, Field] = {
    "int": lambda _, value: str(signed32(value)),
    "pid": lambda _, value: str(signed32(value)),
    "uint": lambda _, value: str(value & MASK32),
    "size": lambda _, value: str(value & MASK64),
    "off": lambda _, value: str(signed64(value)),
    "hex32": lambda _, value: hexadecimal(value & MASK32),
    "hex": lambda _, value: hexadecimal(value & MASK64),
    "mode": lambda _, value: octal(value & 0xFFFF),
    "id": _id,
    "serial": _serial,
    "signal": lambda _, value: signal(value),
    "dev": lambda _, value: device(value),
    "fd": descriptor,
    "dirfd": directory,
    "argv": arguments,
    "path_out": filled_path,
    "pair_out": descriptor_pair,
    "random_out": random_bytes,
}
STRINGS = ("path", "str")
ADDRESSES = (
    *("ptr", "envp", "stat", "timespec", "timeval", "sigset", "sigaction"),
    *("msghdr_in", "msghdr_out", "mmsghdr_in", "mmsghdr_out"),
)
PLAIN.update({kind: lambda _, value: pointer(value) for kind in ADDRESSES})


@cache
def field_of(kind: str, position: int = 0, nth_string: int = 0) -> Field:
    """How to print an argument of this kind at this position; `nth_string` counts the strings before it.

    Raises KeyError if there is no such kind.
    """
    name, _, values = kind.partition(":")
    if values:
        bits = 64 if name.endswith("64") else 32
        print_set = format_flags if name.startswith("flags") else format_enum
        return lambda _, value: print_set(values, value & MASK64, bits)
    if kind in STRINGS:
        return (_first_string, _second_string, PLAIN["ptr"])[min(nth_string, 2)]
    if kind in ("buf_in", "buf_out"):
        return partial(buffer, position=position, filled=kind == "buf_out")
    if kind in ("iovec_in", "iovec_out"):
        return partial(vector, position=position)
    if kind in ("sockaddr", "sockaddr_out"):
        return _address_out if kind == "sockaddr_out" else _address
    return PLAIN[kind]


def _first_string(row: Row, value: int) -> str:
    return string(row, row.path, value)


def _second_string(row: Row, value: int) -> str:
    return string(row, row.path2, value)


def _address(row: Row, value: int) -> str:
    return pointer(value) if row.addr is None else socket_address(row.addr)


def _address_out(row: Row, value: int) -> str:
    return pointer(value) if row.failed or not value else _address(row, value)
