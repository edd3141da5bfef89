"""The arguments of a call: taken apart, and as columns."""

import re
import shlex
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

from analyze.importer.address import address_of
from analyze.importer.constants import number_of
from analyze.importer.strings import STRING, unquote
from schemas.decode.ipc import COMMAND, SHAPES, UNKNOWN_SHAPE
from schemas.line.memo import Memo
from schemas.syscalls import Call

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*+"|<<|<(?:->|[^<>\\]|\\.)*>|/\*.*?\*/|[\[\](){},]')
_NESTED = re.compile(r'["\[({<]|/\*')
_NAMED = re.compile(r"([a-z_0-9]+)=(?!=)")
_PAIR = re.compile(r"\[(-?\d+)(?:<[^>]*>)?, (-?\d+)(?:<[^>]*>)?\]")
_IOVEC = re.compile(r'iov_base="((?:[^"\\]|\\.)*)"')
_NAMES_OF = re.compile(r"(?<![\w.])(-?\d+|AT_FDCWD)<((?:->|[^<>\\]|\\.)*)>")
_RENAMED = {"child_stack": "newsp", "flags": "clone_flags", "parent_tid": "parent_tidptr", "pidfd": "parent_tidptr"}
"""What strace calls arguments of clone that the kernel calls otherwise."""

FUTEX = {"val": 2, "val2": 3, "timeout": 3, "uaddr2": 4, "val3": 5, "operation": 5, "bitset": 5, "hex": 5}
PAIRS = ("pipe", "pipe2", "socketpair")
BUFFERS = ("buf_in", "buf_out", "random_out")
VECTORS = ("iovec_in", "iovec_out", "msghdr_in", "msghdr_out", "mmsghdr_in", "mmsghdr_out")
ADDRESSES = ("sockaddr", "sockaddr_out", "msghdr_in", "msghdr_out")

STRINGS = ("path", "str", "path_out")
TAKEN = frozenset((*STRINGS, *BUFFERS, *VECTORS, *ADDRESSES, "argv"))
"""Kinds of arguments of which more than a number is kept."""
OPENING = ('"', "[", "{", "~", "")
"""How arguments begin that are no numbers."""

numbers: Memo[str, int | None] = Memo(number_of)
_taken: Memo[tuple[str, ...], list[tuple[int, str]]] = Memo(
    lambda kinds: [(place, kind) for place, kind in enumerate(kinds) if kind in TAKEN]
)


@dataclass(slots=True)
class Arguments:
    """What the columns say of a call's arguments."""

    values: list[int | None] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    """As printed between quotes, not yet unquoted."""
    addr: bytes | None = None
    data: bytes | None = None
    words: list[bytes] | None = None
    """argv of execve."""
    truncated: bool = False
    """A path or argv is not whole."""


def split(text: str) -> list[str]:
    """The arguments between a call's parentheses, each as printed."""
    if not text:
        return []
    if not _NESTED.search(text):
        return text.split(", ")
    found: list[str] = []
    depth, begin = 0, 0
    for token in _TOKEN.finditer(text):
        mark = token[0]
        if mark in "[({":
            depth += 1
        elif mark in "])}":
            depth -= 1
        elif mark == "," and depth == 0:
            found.append(text[begin : token.start()])
            begin = token.end() + (text[token.end() : token.end() + 1] == " ")
    return [*found, text[begin:]]


def end_of(text: str) -> int:
    """Where the parenthesis closes that was open when `text` began; -1 if it does not."""
    depth = 0
    for token in _TOKEN.finditer(text):
        depth += (token[0] in "[({") - (token[0] in "])}")
        if depth < 0:
            return token.start()
    return -1


def names_in(text: str) -> list[tuple[int, str]]:
    """What descriptors stand for, as strace -y prints it: `3</etc/hosts>`. The working directory is -100."""
    outside = STRING.sub("", text) if '"' in text else text
    return [(-100 if fd == "AT_FDCWD" else _fd(fd), name) for fd, name in _NAMES_OF.findall(outside)]


def _fd(text: str) -> int:
    """The number of a descriptor. Raises ValueError for one that no int holds."""
    number = int(text)
    if number >= 1 << 31:
        raise ValueError(f"no descriptor: {text}")
    return number


def arguments(call: Call | None, text: str) -> Arguments:
    """The arguments of a call, of which nothing is known if `call` is None."""
    parts = split(text)
    found = Arguments([None if part[:1] in OPENING else numbers[part] for part in parts])
    if call is None:
        return found
    if '"' in text or "[" in text or "{" in text:
        for place, kind in _taken[call.kinds]:
            if place < len(parts):
                _take(found, kind, parts[place])
        if call.name in PAIRS and (pair := _PAIR.search(text)):
            found.data = struct.pack("=ii", int(pair[1]), int(pair[2]))
        if call.name == "prctl" and "PR_SET_NAME" in text:
            _take(found, "path", parts[1])
    if call.name in PLACES:
        found.values = PLACES[call.name](call, parts, found.values)
    return found


def _take(found: Arguments, kind: str, part: str) -> None:
    """Keep what an argument says, if it was printed as a string or a structure."""
    if kind in STRINGS:
        if part[:1] == '"':
            whole = part[-1:] == '"'
            found.paths.append(part[1:-1] if whole else part[1:].rpartition('"')[0])
            found.truncated |= not whole
    elif kind in BUFFERS:
        if string := STRING.match(part):
            found.data = unquote(string[1])
    elif kind == "argv":
        found.words = [unquote(word[1]) for word in STRING.finditer(part)]
        found.truncated |= "..." in STRING.sub(lambda word: word[2] or "", part)
    if kind in VECTORS and "iov_base=" in part:
        found.data = b"".join(map(unquote, _IOVEC.findall(part)))
    if kind in ADDRESSES and "sa_family" in part:
        found.addr = address_of(part)


def _by_name(call: Call, parts: Sequence[str], _: Sequence[int | None]) -> list[int | None]:
    """clone's arguments have names, as their order is not the same everywhere."""
    values: list[int | None] = [None] * len(call.args)
    for part in parts:
        if name := _NAMED.match(part):
            place = _RENAMED.get(name[1], name[1])
            rest = part[name.end() :]
            if place in call.args and rest[:1] not in ("[", "{"):
                values[call.args.index(place)] = numbers[rest]
    return values


def futex_places(operation: int) -> list[int]:
    """Where the arguments of futex belong, in the order in which they are printed."""
    return [0, 1, *(FUTEX[name] for name in SHAPES.get(operation & COMMAND, UNKNOWN_SHAPE).split())]


def _of_futex(_: Call, __: Sequence[str], values: Sequence[int | None]) -> list[int | None]:
    """The operation says which arguments were printed."""
    placed: list[int | None] = [None] * 6
    operation = values[1] or 0 if len(values) > 1 else 0
    for place, value in zip(futex_places(operation), values, strict=False):
        placed[place] = value
    return placed


def _with_position(_: Call, __: Sequence[str], values: Sequence[int | None]) -> list[int | None]:
    """The fifth argument is the other half of the fourth, and not printed."""
    return [*values[:4], None, *values[4:]]


PLACES = {
    "clone": _by_name,
    "futex": _of_futex,
    **dict.fromkeys(("preadv", "pwritev", "preadv2", "pwritev2"), _with_position),
}
"""Calls whose arguments are not printed in the order in which they are given."""


def command_line(words: Sequence[str]) -> str:
    """As the column `cmdline` has it."""
    return shlex.join(words)
