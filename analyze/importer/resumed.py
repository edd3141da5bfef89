"""Calls that a log cuts in two, `read(3,  <unfinished ...>` and `<... read resumed>"a", 1) = 1`, put together again."""

import re
from dataclasses import dataclass, field

import numpy as np

from analyze.importer.calls import RESUMING, UNFINISHED
from analyze.importer.log import NOT_KNOWN, NOT_MEASURED, Lines
from analyze.importer.texts import Numbers, Texts

UNTOLD = 1
"""The thread of a log that tells none."""

_RESUMED = re.compile(r"<\.\.\. (\S+) resumed>(.*)", re.DOTALL)
_MOVED = re.compile(r" <pid changed to (\d{1,9}) \.\.\.>$")


def untold(lines: Lines) -> int:
    """Who the lines are of that tell nobody, as far as others show: strace to a terminal names nobody as long as there
    is but one thread. A call that begins in such a line and returns in one that does tell says it; else UNTOLD.
    """
    waiting, begun = "", set[int]()
    halves = _halves(lines)
    whose: list[int] = lines.who[halves].tolist()
    for who, text in zip(whose, lines.texts.some(halves), strict=True):
        if text.endswith(UNFINISHED):
            waiting = waiting if who else text
            begun.add(who)
        elif who and who not in begun and waiting and (match := _RESUMED.match(text)) and waiting.startswith(match[1]):
            return who
    return UNTOLD


def _halves(lines: Lines) -> Numbers:
    """The lines that may hold a part of a call."""
    return np.flatnonzero(lines.texts.end(b" ...>") | lines.texts.begin(RESUMING.encode()))


@dataclass
class Begun:
    """A call that has not returned."""

    when: int
    text: str
    comm: str


@dataclass
class Joiner:
    """Joins the lines of a log, or of several that are one trace."""

    begun: dict[int, Begun] = field(default_factory=dict)
    """The calls that threads are in, by thread, the first begun first."""

    def join(self, lines: Lines) -> Lines:
        """The same lines with whole calls only, each where it returned, with the time at which it began."""
        halves = _halves(lines)
        cut, resumed, whole = list[int](), list[int](), list[str]()
        columns = (column[halves].tolist() for column in (lines.who, lines.when, lines.lasted))
        for index, text, who, when, lasted in zip(halves.tolist(), lines.texts.some(halves), *columns, strict=True):
            if text[-1:] == ">" and self._cut(who, lines.comms.get(index, ""), when, text):
                cut.append(index)
            elif text.startswith(RESUMING):
                lines.when[index], text, lines.lasted[index] = self._resume(who, when, text, lasted)
                resumed.append(index)
                whole.append(text)
        if not cut and not resumed:
            return lines
        left = np.delete(np.arange(len(lines.texts)), cut)
        places = dict(zip(left.tolist(), range(len(left)), strict=True)) if lines.comms else {}
        comms = {places[index]: comm for index, comm in lines.comms.items() if index in places}
        joined = lines.texts.replaced(resumed, whole).take(left)
        return Lines(lines.who[left], lines.when[left], joined, lines.lasted[left], comms, lines.notices)

    def finish(self) -> Lines:
        """The calls that never returned."""
        begun = list(self.begun.items())
        self.begun = {}
        texts = [one.text + UNFINISHED for _, one in begun]
        empty = np.zeros(len(begun), np.int64)
        comms = {index: one.comm for index, (_, one) in enumerate(begun) if one.comm}
        who = np.array([who for who, _ in begun], np.int64)
        when = np.array([one.when for _, one in begun], np.int64)
        return Lines(
            who, when, Texts(b"", empty, empty).replaced(range(len(begun)), texts), empty + NOT_MEASURED, comms
        )

    def _cut(self, who: int, comm: str, when: int, text: str) -> bool:
        """Whether a line is the beginning of a call; it is kept then."""
        moved = _MOVED.search(text)
        if moved:  # execve makes a thread the first of its process
            self.begun[int(moved[1])] = Begun(when, text[: moved.start()], comm)
        elif text.endswith(UNFINISHED):
            self.begun[who] = Begun(when, text.removesuffix(UNFINISHED).removesuffix(" "), comm)
        return moved is not None or text.endswith(UNFINISHED)

    def _resume(self, who: int, when: int, text: str, lasted: int) -> tuple[int, str, int]:
        """When the call began, its whole text, how long it took: not known of one that began before the log."""
        match = _RESUMED.match(text)
        if match is None:
            return when, text, lasted
        name, rest = match.groups()
        begun = self.begun.get(who)
        if begun is None or not begun.text.startswith(f"{name}("):
            return when, f"{name}({rest.lstrip(' ,')}", NOT_KNOWN
        del self.begun[who]
        gap = "" if begun.text.endswith(("(", " ")) or rest[:1] in (")", ",", " ") else " "
        return begun.when, begun.text + gap + rest, lasted
