"""One call of a log, `openat(AT_FDCWD, "/etc/hosts", O_RDONLY) = 3`, as columns."""

import re
import struct
from collections.abc import Sequence
from typing import NamedTuple

from analyze.importer.arguments import Arguments, arguments, command_line, end_of, names_in
from analyze.importer.constants import plain
from analyze.importer.strings import unquote
from schemas.errno import errno_names
from schemas.line.memo import Memo
from schemas.record import Abi, Flag
from schemas.syscalls import FD_NONE, FD_RETURNED, Call, table
from schemas.text import escape, is_text

UNFINISHED = "<unfinished ...>"
RESUMING = "<... "
NONE = (None,) * 6
NO_TEXTS = (None, None, None, None, False)
ESCAPED, TRUNCATED, UNRETURNED = int(Flag.ESCAPED), int(Flag.TRUNCATED), int(Flag.UNFINISHED)
NAME = re.compile(r"[a-z_]\w*\Z")
_RESULT = re.compile(r"(\?|0x[0-9a-f]+|-?\d+)(?:<((?:->|[^<>\\]|\\.)*)>)?(?: (E\w+))?")
_NUMBERED = re.compile(r"syscall_(0x[0-9a-f]+|\d+)\Z")
_ERRORS = {name: number for number, name in enumerate(errno_names()) if number}


class Parsed(NamedTuple):
    """The columns of one call, all that do not depend on when and by whom it was made."""

    syscall: str
    nr: int | None
    args: tuple[int | None, ...]
    """The columns arg0 to arg5."""
    ret: int | None
    errno: str | None
    fd: int | None
    path: str | None
    path2: str | None
    addr: str | None
    data: bytes | None
    cmdline: str | None
    flags: int
    names: tuple[tuple[int, str], ...]
    """What descriptors stand for, where the log says it (-y); the one returned is among them."""


class Result(NamedTuple):
    """What stands behind the `=`."""

    value: int | None
    errno: str | None
    name: str | None
    """What a returned descriptor stands for."""


class Parser:
    """Understands the calls of one ABI. What was read before is not read again."""

    def __init__(self, abi: Abi = Abi.X86_64) -> None:
        """Start with nothing remembered."""
        self._calls = table(abi).by_name
        self._known: Memo[str, Parsed | None] = Memo(self._parse)
        self._results: Memo[str, Result | None] = Memo(result_of)

    def parse(self, texts: Sequence[str]) -> list[Parsed | None]:
        """The calls, None for each text that is none."""
        known = self._known.trim()
        return [known[text] for text in texts]

    def _parse(self, text: str) -> Parsed | None:
        try:
            return self._take_apart(text)
        except (ValueError, struct.error):  # numbers too large for what they stand for: no kernel's, so no call
            return None

    def _take_apart(self, text: str) -> Parsed | None:
        name, bracket, rest = text.partition("(")
        if not bracket or not NAME.match(name):
            return None
        given, result = self._halves(rest)
        if given is None or result is None:
            return None
        call = self._calls.get(name)
        return _columns(name, call, arguments(call, given), result, _names(text, given, result))

    def _halves(self, rest: str) -> tuple[str | None, Result | None]:
        """The text between the parentheses, and the result; None for what cannot be told."""
        if rest.endswith(UNFINISHED):
            return rest.removesuffix(UNFINISHED).rstrip().rstrip(","), Result(None, None, None)
        place = rest.rfind(" = ")
        given = rest[:place].rstrip() if place >= 0 else ""
        if given[-1:] == ")" and (found := self._results[rest[place + 3 :]]) is not None:
            return given[:-1].removesuffix(UNFINISHED).rstrip(), found
        end = end_of(rest)
        after = rest[end + 1 :].lstrip() if end >= 0 else ""
        return (rest[:end], self._results[after[2:]]) if after[:2] == "= " else (None, None)


def result_of(text: str) -> Result | None:
    """`3`, `-1 ENOENT (No such file or directory)`, `? ERESTARTSYS (To be restarted)`; None for anything else."""
    match = _RESULT.match(text)
    if match is None:
        return None
    number, name, errno = match.groups()
    if errno in _ERRORS:
        return Result(-_ERRORS[errno], errno, None)
    if number == "?":
        return Result(None, None, None)
    return Result(_signed(plain(number) or 0), None, name)


def _signed(value: int) -> int:
    return (value & (1 << 64) - 1 ^ 1 << 63) - (1 << 63)


def _names(text: str, given: str, result: Result) -> tuple[tuple[int, str], ...]:
    if "<" not in text:
        return ()
    returned = [(result.value, result.name)] if result.name and result.value is not None else []
    return (*names_in(given), *returned)


def _columns(
    name: str, call: Call | None, given: Arguments, result: Result, names: tuple[tuple[int, str], ...]
) -> Parsed:
    count = len(call.args) if call else 6
    values = (*given.values, *NONE)[:count] + NONE[count:]
    path, path2, addr, cmdline, escaped = NO_TEXTS
    if given.paths or given.addr is not None or given.words is not None:
        path, path2, addr, cmdline, escaped = _texts(given)
    flags = ESCAPED * escaped | TRUNCATED * given.truncated | UNRETURNED * (result.value is None)
    return Parsed(
        *((name, call.nr) if call else numbered(name)),
        values,
        result.value,
        result.errno,
        _descriptor(call, values, result),
        path,
        path2,
        addr,
        given.data,
        cmdline,
        flags,
        names,
    )


def numbered(name: str) -> tuple[str, int | None]:
    """Name and number of a call that no table has; strace prints `syscall_0x1f4`. Raises ValueError."""
    match = _NUMBERED.match(name)
    nr = int(match[1], 0) if match else None
    if nr is not None and nr >= 1 << 31:
        raise ValueError(f"no number of a call: {nr}")
    return name if nr is None else f"syscall_{nr}", nr


def _texts(given: Arguments) -> tuple[str | None, str | None, str | None, str | None, bool]:
    """The columns path, path2, addr and cmdline, and whether they are escaped, as they are if one is not UTF-8."""
    if given.addr is None and given.words is None and all("\\" not in path for path in given.paths):
        return given.paths[0], given.paths[1] if len(given.paths) > 1 else None, None, None, False
    addresses, unquoted = [] if given.addr is None else [given.addr], list(map(unquote, given.paths[:2]))
    escaped = not all(map(is_text, (*unquoted, *addresses, *(given.words or ()))))
    text_of = escape if escaped else bytes.decode
    paths = [text_of(path) for path in unquoted]
    words = None if given.words is None else [text_of(word) for word in given.words]
    return (
        paths[0] if paths else None,
        paths[1] if len(paths) > 1 else None,
        text_of(addresses[0]) if addresses else None,
        None if words is None else command_line(words),
        escaped,
    )


def _descriptor(call: Call | None, values: Sequence[int | None], result: Result) -> int | None:
    """The column `fd`: what the call returned, or its first descriptor argument."""
    if call is None or call.fd == FD_NONE:
        return None
    returned = result.value if result.errno is None else None
    value = returned if call.fd == FD_RETURNED else values[call.fd]
    return None if value is None else (value & 0xFFFF_FFFF ^ 0x8000_0000) - 0x8000_0000
