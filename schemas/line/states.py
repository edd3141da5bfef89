"""The lines of rows that are no calls."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from schemas.flags import format_flags
from schemas.line.signals import delivered, ended
from schemas.line.text import safe
from schemas.record import Cause

Values = Mapping[str, Any]
"""The columns of one row, by name."""

SHARED = {1: "files", 2: "working directory", 4: "memory", 8: "thread group"}


def _text(row: Values, name: str) -> str:
    value = row[name]
    return "?" if value is None else safe(value, escaped=bool(_number(row, "flags") & 16))


def _number(row: Values, name: str) -> int:
    return row[name] or 0


def _signal(row: Values) -> str:
    return f"--- {delivered(_number(row, 'ret'), _number(row, 'arg0'), _number(row, 'arg1'))} ---"


def _exit(row: Values) -> str:
    return f"+++ {ended(_number(row, 'ret'))} +++"


def _loss(row: Values) -> str:
    call = f" of {_text(row, 'syscall')}" if row["syscall"] is not None else ""
    causes = {cause.value: cause.name.lower().replace("_", " ") for cause in Cause}
    cause = causes.get(row["arg0"], "cause unknown")
    calls = "call" if row["weight"] == 1 else "calls"
    return f"--- {_number(row, 'weight'):,} {calls}{call} lost on CPU {row['cpu']} ({cause}) ---"


def _fork(row: Values) -> str:
    shares = [name for bit, name in SHARED.items() if _number(row, "arg1") & bit]
    what = "thread" if _number(row, "arg1") & 8 else f"process {row['pid']}"
    return f"=== {what} begun by {_number(row, 'arg0')}" + f", shares {', '.join(shares)}" * bool(shares) + " ==="


def _exec(row: Values) -> str:
    return f"=== runs {_text(row, 'path')}: {_text(row, 'cmdline')} ==="


def _process(row: Values) -> str:
    since = datetime.fromtimestamp(_number(row, "arg0") // 10**9, UTC).strftime("%Y-%m-%d %H:%M:%S")
    own = f", as {row['arg1']} in its namespace" if row["arg1"] not in (None, row["pid"]) else ""
    return (
        f"=== child of {_number(row, 'ppid')} since {since}, user {row['uid']}{own}, "
        f"runs {_text(row, 'path')} in {_text(row, 'path2')}: {_text(row, 'cmdline')} ==="
    )


def _fd(row: Values) -> str:
    return f"=== has {row['fd']}<{_text(row, 'path')}> open, {format_flags('open', _number(row, 'arg0'))} ==="


STATES: dict[str, Callable[[Values], str]] = {
    "signal": _signal,
    "exit": _exit,
    "loss": _loss,
    "fork": _fork,
    "exec": _exec,
    "process": _process,
    "fd": _fd,
}
"""What each kind of row says, by kind."""

STRACES = ("syscall", "signal", "exit", "loss")
"""The kinds that are always shown: those that strace has, and losses."""
EVERYTHING = (*STRACES, "fork", "exec", "process", "fd")
