"""Who does what in a log: threads, their processes and names, births, programs, signals, ends.

strace tells threads only. To which process one belongs, and what it is called, follows from the clone that made it,
from execve and from prctl(PR_SET_NAME).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from analyze.importer.calls import Parser
from analyze.importer.log import Lines
from analyze.importer.resumed import Begun
from analyze.importer.signals import end_of_process, signal
from analyze.importer.strings import STRING, unquote
from schemas.record import Abi, Flag

COMM = 15
"""Bytes of a thread's name."""
UNNAMED = "?"
NO_CALL = -1
CHANGES = frozenset({"clone", "fork(", "vfork", "execv", "prctl"})
"""How calls begin that change who is who."""
SHARED = {"CLONE_FILES": 1, "CLONE_FS": 2, "CLONE_VM": 4, "CLONE_THREAD": 8}
"""clone's flags, and what the column arg1 of a fork row says for them."""

_BIRTH = re.compile(r"(?:clone3?|v?fork)\(")
_CHILD = re.compile(r"\) += (\d{1,9})(?:<[^>]*>)?$")
_BITS = re.compile(r"\[ Process PID=(\d{1,9}) runs in (\d+) bit mode\. \]$")
_NOTICE = re.compile(r"strace: |\[?Process \d+ (?:attached|detached|resumed|suspended)|> |--- stopped by |$")
_NAME = re.compile(r"prctl\(PR_SET_NAME, ")


class Thread(NamedTuple):
    """A thread as it is for a while."""

    tid: int
    pid: int
    comm: str
    abi: Abi = Abi.X86_64


@dataclass
class Told:
    """What lines say."""

    lines: Lines
    threads: list[int] = field(default_factory=list)
    """For each line the place of its thread in `Threads.known`, or NO_CALL."""
    others: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    """Rows that are no calls, each with the number of the line from which it follows."""
    notices: int = 0
    """Lines understood that say nothing for the capture."""
    strange: list[str] = field(default_factory=list)
    """Lines that are none of strace's."""


class Threads:
    """Follows the threads of one trace, through one log or several."""

    def __init__(self) -> None:
        """Before the first line."""
        self.known: list[Thread] = []
        """Each thread as it was at some time."""
        self._now: dict[int, int] = {}
        self._living: dict[int, int] = {}
        self._births: dict[int, tuple[int, str]] = {}
        self._parser = Parser()

    def follow(self, lines: Lines, begun: Mapping[int, Begun]) -> Told:
        """What whole calls and other lines say. `begun` are calls that return later."""
        told = Told(lines, notices=lines.notices)
        self._foresee(lines)
        now, special = self._now, "+-<[>"
        named = any(lines.comms)
        for index, (who, text) in enumerate(zip(lines.who, lines.texts, strict=True)):
            place = now.get(who)
            if place is None:
                place = self._meet(who, begun)
            if named and lines.comms[index]:
                place = self._rename(who, lines.comms[index])
            mark = text[:5]
            if mark in CHANGES:
                place = self._change(told, index, self.known[place], text)
            elif mark[:1] in special or mark == "strac" or mark == "Proce":
                self._special(told, index, self.known[place], text)
                place = NO_CALL
            told.threads.append(place)
        return told

    def _foresee(self, lines: Lines) -> None:
        """Note who is made in these lines: one may be heard of before the clone that made it returns."""
        for who, text in zip(lines.who, lines.texts, strict=True):
            if text[:5] in CHANGES and (child := _born(text)):
                self._births[child] = (who, text)

    def _meet(self, tid: int, begun: Mapping[int, Begun]) -> int:
        """A thread that has not been heard of before."""
        parent, text = self._births.pop(tid, (0, ""))
        if not parent:
            waiting = ((who, one.text) for who, one in begun.items() if _BIRTH.match(one.text) and who != tid)
            parent, text = next(waiting, (0, ""))
        if not parent:
            thread = Thread(tid, tid, UNNAMED)
        else:
            mother = self.known[self._now[parent] if parent in self._now else self._meet(parent, {})]
            shares = "CLONE_THREAD" in text
            thread = Thread(tid, mother.pid if shares else tid, mother.comm, mother.abi)
        self._living[thread.pid] = self._living.get(thread.pid, 0) + 1
        return self._set(thread)

    def _set(self, thread: Thread) -> int:
        """Let a thread be like this from now on."""
        place = self._now[thread.tid] = len(self.known)
        self.known.append(thread)
        return place

    def _rename(self, tid: int, comm: str) -> int:
        thread = self.known[self._now[tid]]
        return self._now[tid] if thread.comm == comm else self._set(thread._replace(comm=comm))

    def _change(self, told: Told, index: int, thread: Thread, text: str) -> int:
        """A call that may change who is who; returns the place of the thread that made it."""
        place = self._now[thread.tid]
        if text.startswith("execve") and text.endswith(" = 0"):
            place = self._execute(told, index, thread, text)
        elif child := _born(text):
            shared = sum(bit for name, bit in SHARED.items() if name in text) | 4 * text.startswith("vfork")
            pid = thread.pid if shared & 8 else child
            columns = {"pid": pid, "tid": child, "ppid": thread.pid, "arg0": thread.tid, "arg1": shared}
            told.others.append((index, _row("fork", thread, **columns)))
        elif _NAME.match(text) and (string := STRING.search(text)):
            place = self._set(thread._replace(comm=unquote(string[1])[:COMM].decode(errors="backslashreplace")))
        return place

    def _execute(self, told: Told, index: int, thread: Thread, text: str) -> int:
        (call,) = self._parser.parse([text])
        if call is None or call.path is None:
            return self._now[thread.tid]
        comm = call.path.rpartition("/")[2].encode()[:COMM].decode(errors="ignore")
        thread = thread._replace(comm=comm)
        columns = {
            "arg0": thread.tid,
            "path": call.path,
            "cmdline": call.cmdline,
            "flags": call.flags & ~Flag.UNFINISHED,
        }
        told.others.append((index, _row("exec", thread, **columns)))
        return self._set(thread)

    def _special(self, told: Told, index: int, thread: Thread, text: str) -> None:
        if text.startswith("+++ ") and (end := end_of_process(text)) is not None:
            status, superseded = end
            left = self._living[thread.pid] = self._living.get(thread.pid, 1) - 1
            if not superseded:
                told.others.append((index, _row("exit", thread, ret=status, arg0=int(left <= 0))))
                self._now.pop(thread.tid, None)
            else:
                told.notices += 1
        elif text.startswith("--- ") and (delivered := signal(text)):
            number, code, sender = delivered
            told.others.append((index, _row("signal", thread, ret=number, arg0=code, arg1=sender)))
        elif bits := _BITS.match(text):
            abi = Abi.I386 if bits[2] == "32" else Abi.X86_64
            self._set(self.known[self._now.get(int(bits[1]), self._now[thread.tid])]._replace(abi=abi))
            told.notices += 1
        elif _NOTICE.match(text):
            told.notices += 1
        else:
            told.strange.append(text)


def _born(text: str) -> int | None:
    """The child that a whole clone, fork or vfork made."""
    child = _CHILD.search(text) if _BIRTH.match(text) else None
    return int(child[1]) or None if child else None


def _row(kind: str, thread: Thread, **columns: object) -> dict[str, Any]:
    return {"kind": kind, "tid": thread.tid, "pid": thread.pid, "comm": thread.comm, "flags": 0, **columns}
