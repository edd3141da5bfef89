"""Calls that a log cuts in two, `read(3,  <unfinished ...>` and `<... read resumed>"a", 1) = 1`, put together again."""

import re
from dataclasses import dataclass, field

from analyze.importer.calls import RESUMING, UNFINISHED
from analyze.importer.log import NOT_KNOWN, NOT_MEASURED, Lines

UNTOLD = 1
"""The thread of a log that tells none."""

_RESUMED = re.compile(r"<\.\.\. (\S+) resumed>(.*)", re.DOTALL)
_MOVED = re.compile(r" <pid changed to (\d{1,9}) \.\.\.>$")


def untold(lines: Lines) -> int:
    """Who the lines are of that tell nobody, as far as others show: strace to a terminal names nobody as long as there
    is but one thread. A call that begins in such a line and returns in one that does tell says it; else UNTOLD.
    """
    waiting, begun = "", set[int]()
    for who, text in zip(lines.who, lines.texts, strict=True):
        if text.endswith(UNFINISHED):
            waiting = waiting if who else text
            begun.add(who)
        elif who and who not in begun and waiting and (match := _RESUMED.match(text)) and waiting.startswith(match[1]):
            return who
    return UNTOLD


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
        """The same lines with whole calls only, each where it returned, with the time at which it began.

        The lists of `lines` are changed.
        """
        kept, texts, when, lasted = [], lines.texts, lines.when, lines.lasted
        for index, text in enumerate(texts):
            if text[-1:] == ">" and self._cut(lines.who[index], lines.comms[index], when[index], text):
                continue
            if text[:1] == "<" and text.startswith(RESUMING):
                when[index], texts[index], lasted[index] = self._resume(
                    lines.who[index], when[index], text, lasted[index]
                )
            kept.append(index)
        if len(kept) == len(texts):
            return lines
        who, comms = [lines.who[index] for index in kept], [lines.comms[index] for index in kept]
        when, lasted = [when[index] for index in kept], [lasted[index] for index in kept]
        return Lines(who, comms, when, [texts[index] for index in kept], lasted, lines.notices)

    def finish(self) -> Lines:
        """The calls that never returned."""
        calls = [(who, one.comm, one.when, one.text + UNFINISHED, NOT_MEASURED) for who, one in self.begun.items()]
        self.begun = {}
        columns = zip(*calls, strict=True) if calls else ((),) * 5
        return Lines(*(list(column) for column in columns))  # type: ignore[arg-type]

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
