"""Signals and ends of processes, as strace prints them, in numbers."""

import re

from analyze.importer.constants import number_of
from schemas.line.signals import CODES, CORE_DUMPED

_SIGNAL = re.compile(r"--- (SIG\w+) (?:\{(.*)\}|\(.*\)) ---$")
_CODE = re.compile(r"si_code=(-?\w{1,18})\b")
_SENDER = re.compile(r"si_pid=(\d{1,9})")
_END = re.compile(r"\+\+\+ (?:exited with (\d{1,3})|killed by (\w+)( \(core dumped\))?|(superseded) by .*) \+\+\+$")


def signal(text: str) -> tuple[int, int | None, int | None] | None:
    """Number, si_code and sender of `--- SIGTERM {si_signo=SIGTERM, si_code=SI_USER, si_pid=7} ---`."""
    match = _SIGNAL.match(text)
    number = number_of(match[1]) if match else None
    if match is None or number is None:
        return None
    inside = match[2] or ""
    code, sender = _CODE.search(inside), _SENDER.search(inside)
    return number, _code(number, code[1]) if code else None, int(sender[1]) if sender else None


def _code(number: int, name: str) -> int | None:
    if name.lstrip("-").isdigit():
        return int(name)
    codes = {**CODES[0], **CODES.get(number, {})}
    return next((code for code, one in codes.items() if one == name), None)


def end_of_process(text: str) -> tuple[int, bool] | None:
    """The wait status of `+++ exited with 1 +++`, and whether it was no end but another thread's execve."""
    match = _END.match(text)
    if match is None:
        return None
    if match[2]:
        return (number_of(match[2]) or 0) | CORE_DUMPED * bool(match[3]), False
    return int(match[1] or 0) << 8, match[4] is not None
