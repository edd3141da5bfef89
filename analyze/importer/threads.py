"""Who does what in a log: threads, their processes and names, births, programs, signals, ends.

strace tells threads only. To which process one belongs, and what it is called, follows from the clone that made it,
from execve and from prctl(PR_SET_NAME).
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from analyze.importer.block import NO_CALL
from analyze.importer.calls import Parser
from analyze.importer.log import Lines
from analyze.importer.resumed import Begun
from analyze.importer.signals import end_of_process, signal
from analyze.importer.strings import STRING, unquote
from analyze.importer.texts import Mask, Numbers, Texts, kind_of
from schemas.record import Abi, Flag

COMM = 15
"""Bytes of a thread's name."""
UNNAMED = "?"
CHANGES = ("clone", "fork(", "vfork", "execv", "prctl")
"""How calls begin that change who is who."""
SPECIAL, NOTICES = kind_of(b"+-<[>"), ("strac", "Proce")
"""How lines begin that are no calls."""
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
    threads: Numbers = field(default_factory=lambda: np.zeros(0, np.int64))
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
        self._moved: list[tuple[int, int, int]] = []
        """In these lines: from which line on a thread is at which place of `known`."""
        self._index = 0
        """The line that is read."""
        self._parser = Parser()

    def follow(self, lines: Lines, begun: Mapping[int, Begun]) -> Told:
        """What whole calls and other lines say. `begun` are calls that return later."""
        told = Told(lines, notices=lines.notices)
        changes, special = _marked(lines.texts, CHANGES), _special(lines.texts)
        telling = changes | special
        self._foresee(lines, np.flatnonzero(changes))
        tids, codes = np.unique(lines.who, return_inverse=True)
        self._moved = [(tid, NO_CALL, self._now[tid]) for tid in tids.tolist() if tid in self._now]
        for index in np.flatnonzero(telling | _heard(codes, telling, lines.comms)).tolist():
            self._line(told, index, begun, changing=bool(changes[index]), special=bool(special[index]))
        told.threads = np.where(special & ~changes, NO_CALL, self._places(tids, codes))
        return told

    def _line(self, told: Told, index: int, begun: Mapping[int, Begun], *, changing: bool, special: bool) -> None:
        """One line that may say who is who."""
        who, self._index = int(told.lines.who[index]), index
        place = self._now.get(who)
        if place is None:
            place = self._meet(who, begun)
        if comm := told.lines.comms.get(index):
            place = self._rename(who, comm)
        if changing:
            self._change(told, index, self.known[place], told.lines.texts[index])
        elif special:
            self._special(told, index, self.known[place], told.lines.texts[index])

    def _places(self, tids: Numbers, codes: Numbers) -> Numbers:
        """For each line the place of its thread: that to which it moved last."""
        stride, here = len(codes) + 1, set(tids.tolist())
        moved = np.array([one for one in self._moved if one[0] in here], np.int64).reshape(-1, 3)
        keys = np.searchsorted(tids, moved[:, 0]) * stride + moved[:, 1] + 1
        order = np.argsort(keys, kind="stable")
        asked = codes * stride + np.arange(len(codes)) + 1
        found: Numbers = moved[order, 2][np.searchsorted(keys[order], asked, "right") - 1]
        return found

    def _foresee(self, lines: Lines, changing: Numbers) -> None:
        """Note who is made in these lines: one may be heard of before the clone that made it returns."""
        for index in changing.tolist():
            text = lines.texts[index]
            if child := _born(text):
                self._births[child] = (int(lines.who[index]), text)

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
        self._moved.append((thread.tid, self._index, place))
        return place

    def _rename(self, tid: int, comm: str) -> int:
        thread = self.known[self._now[tid]]
        return self._now[tid] if thread.comm == comm else self._set(thread._replace(comm=comm))

    def _change(self, told: Told, index: int, thread: Thread, text: str) -> None:
        """A call that may change who is who."""
        if text.startswith("execve") and text.endswith(" = 0"):
            self._execute(told, index, thread, text)
        elif child := _born(text):
            shared = sum(bit for name, bit in SHARED.items() if name in text) | 4 * text.startswith("vfork")
            pid = thread.pid if shared & 8 else child
            columns = {"pid": pid, "tid": child, "ppid": thread.pid, "arg0": thread.tid, "arg1": shared}
            told.others.append((index, _row("fork", thread, **columns)))
        elif _NAME.match(text) and (string := STRING.search(text)):
            self._set(thread._replace(comm=unquote(string[1])[:COMM].decode(errors="backslashreplace")))

    def _execute(self, told: Told, index: int, thread: Thread, text: str) -> None:
        (call,) = self._parser.parse([text])
        if call is None or call.path is None:
            return
        comm = call.path.rpartition("/")[2].encode()[:COMM].decode(errors="ignore")
        thread = thread._replace(comm=comm)
        columns = {
            "arg0": thread.tid,
            "path": call.path,
            "cmdline": call.cmdline,
            "flags": call.flags & ~Flag.UNFINISHED,
        }
        told.others.append((index, _row("exec", thread, **columns)))
        self._set(thread)

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


def _marked(texts: Texts, marks: Iterable[str]) -> Mask:
    """Which texts begin with one of these."""
    found: Mask = np.any([texts.begin(mark.encode()) for mark in marks], axis=0)
    return found


def _special(texts: Texts) -> Mask:
    """Which texts are no calls: what strace says of itself, signals, ends, and lines that are empty."""
    found: Mask = SPECIAL[texts.first()] | (texts.ends == texts.starts) | _marked(texts, NOTICES)
    return found


def _heard(codes: Numbers, telling: Mask, comms: Mapping[int, str]) -> Mask:
    """Which lines are the first of their thread or follow one that may have changed or ended it, or name it anew."""
    order = np.argsort(codes, kind="stable")
    first = np.ones(len(codes), bool)
    first[order[1:]] = (np.diff(codes[order]) != 0) | telling[order[:-1]]
    if comms:
        names = list(dict.fromkeys(comms.values()))
        places = {name: place for place, name in enumerate(names)}
        named = np.full(len(codes), len(names))
        named[list(comms)] = [places[name] for name in comms.values()]
        first[order[1:]] |= np.diff(named[order]) != 0
    return first


def _born(text: str) -> int | None:
    """The child that a whole clone, fork or vfork made."""
    child = _CHILD.search(text) if _BIRTH.match(text) else None
    return int(child[1]) or None if child else None


def _row(kind: str, thread: Thread, **columns: object) -> dict[str, Any]:
    return {"kind": kind, "tid": thread.tid, "pid": thread.pid, "comm": thread.comm, "flags": 0, **columns}
