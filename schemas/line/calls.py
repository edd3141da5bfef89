"""What a call's row says, in the pieces that a line is put together from."""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from schemas.decode import Row, call_of, format_result, list_args
from schemas.decode.fields import MASK32, signed32
from schemas.line.style import Style
from schemas.line.text import safe, target, to_hexadecimal
from schemas.record import Abi
from schemas.syscalls import Call, name_of

ESCAPED, UNFINISHED = 16, 2
ALL = 6
RETURNED = 6
NEVER_RETURN = ("exit", "exit_group")
FILLED = {
    "buf_out",
    "pair_out",
    "iovec_out",
    "mmsghdr_out",
    "msghdr_out",
    "path_out",
    "random_out",
    "sockaddr_out",
    "stat",
}
"""Kinds of arguments that the kernel fills, so that they are known only at the return."""

FILLED_LATER = {
    **dict.fromkeys(("getresgid", "getresuid", "gettimeofday", "sysinfo", "times", "uname"), 0),
    **dict.fromkeys(("clock_getres", "clock_gettime", "epoll_pwait", "epoll_wait", "fstatfs", "getitimer"), 1),
    **dict.fromkeys(("getrlimit", "getrusage", "msgrcv", "nanosleep", "sched_getparam", "statfs", "wait4"), 1),
    **dict.fromkeys(("timer_gettime", "timerfd_gettime", "rt_sigtimedwait"), 1),
    **dict.fromkeys(("rt_sigaction", "rt_sigprocmask", "sched_getaffinity", "setitimer", "timer_create", "waitid"), 2),
    **dict.fromkeys(("clock_nanosleep", "io_getevents", "prlimit64", "timer_settime", "timerfd_settime"), 3),
    "statx": 4,
}
"""The same of arguments whose kind does not say it: the first such argument of a call."""

ABIS = {abi.name.lower(): abi for abi in Abi}


class Key(NamedTuple):
    """All that the text of a call depends on: columns of its row, `flags` and `args` as the row has them."""

    nr: int
    abi: str
    arg0: int
    arg1: int
    arg2: int
    arg3: int
    arg4: int
    arg5: int
    ret: int
    path: str | None
    path2: str | None
    addr: str | None
    data: bytes | None
    cmdline: str | None
    flags: int
    names: tuple[str | None, ...] | None
    """What descriptors stand for: those in the arguments, and the one returned; None if that is not to be shown."""


class Parts(NamedTuple):
    """A call in pieces."""

    name: str
    args: list[str]
    entered: int
    """How many arguments are known when the call begins."""
    result: str
    """What stands behind `=`; '' while there is none, `?` if there never will be."""
    failed: bool


class Describer:
    """Describes calls in a style; where that has names, `users` and `groups` name users and groups by number."""

    def __init__(self, style: Style, users: Mapping[int, str], groups: Mapping[int, str]) -> None:
        """Keep what all calls have in common."""
        self._style, self._users, self._groups = style, users, groups

    def parts(self, key: Key) -> Parts:
        """The pieces of one call."""
        call, name, entered = _shape(key.nr, key.abi)
        finished = not key.flags & UNFINISHED
        row = self._row(key, finished)
        args = list_args(call, row)
        if call is not None and self._style.names and "id" in call.kinds:
            self._name_users(call, args)
        if self._style.hexadecimal:
            args = [to_hexadecimal(arg, every=self._style.hexadecimal > 1) for arg in args]
        if not "".join(args).isprintable():  # nothing that our collector writes; but files come from anybody
            args = [safe(arg) for arg in args]
        row.name_of_fd = _returned_name(key)
        result = format_result(call, row) if finished else "?" if name in NEVER_RETURN else ""
        return Parts(name, args, min(entered, len(args)), result, row.failed)

    def _row(self, key: Key, finished: bool) -> Row:
        escaped = bool(key.flags & ESCAPED)
        return Row(
            key[2:8],
            key.ret if finished else None,
            key.path,
            key.path2,
            key.addr,
            key.data,
            key.cmdline,
            escaped,
            _names(key),
            self._style.shown,
        )

    def _name_users(self, call: Call, args: list[str]) -> None:
        """Put names behind the numbers of users and groups, in place."""
        for index, (name, kind) in enumerate(zip(call.args, call.kinds, strict=False)):
            if kind == "id" and index < len(args) and args[index].isdigit():
                known = self._groups if name.lstrip("res").startswith("g") else self._users
                if (who := known.get(int(args[index]) & MASK32)) is not None:
                    args[index] += f"<{target(who)}>"


Names = Callable[[int], str | None]
_NOTHING: dict[int, str] = {}


def _names(key: Key) -> Names | None:
    """What `Row.name_of_fd` asks: the names of the descriptors in the arguments. None if names are not to be shown."""
    names = key.names
    if names is None:
        return None
    if names.count(None) == len(names):
        return _NOTHING.get
    given = [(signed32(value), name) for value, name in zip(key[2:8], names, strict=False) if name is not None]
    if key.flags & ESCAPED:
        return {value: target(name, escaped=True) for value, name in given}.get
    return {value: target(name) for value, name in given}.get


def _returned_name(key: Key) -> Names | None:
    """The same of the descriptor that the call returned."""
    name = key.names[RETURNED] if key.names is not None else None
    return None if name is None else {signed32(key.ret): target(name, escaped=bool(key.flags & ESCAPED))}.get


@lru_cache(4096)
def _shape(nr: int, abi: str) -> tuple[Call | None, str, int]:
    """A call, its name, and how many of its arguments are known at its entry."""
    table = ABIS.get(abi, Abi.X86_64)
    call = call_of(nr, table)
    if call is None:
        return None, name_of(nr, table), ALL
    later = [index for index, kind in enumerate(call.kinds) if kind in FILLED]
    return call, call.name, min([ALL, *later[:1], FILLED_LATER.get(call.name, ALL)])


def entry_text(name: str, args: Sequence[str], entered: int) -> str:
    """A call as far as it is known when it begins: `read(3, `, `write(1, "abc", 3`."""
    known = ", ".join(args[:entered])
    return f"{name}({known}" + ", " * (0 < entered < len(args))


def return_text(args: Sequence[str], entered: int) -> str:
    """The rest of it: `"abc", 4096)`, `)`."""
    return ", ".join(args[entered:]) + ")"
