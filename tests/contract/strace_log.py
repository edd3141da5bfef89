"""What `strace -f -ttt -T -o FILE` wrote, as calls: unfinished and resumed lines joined, arguments taken apart."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

LINE = re.compile(r"(\d+)\s+\d+\.\d+ (.*)")
RESUMED = re.compile(r"<\.\.\. (\S+) resumed>(.*)")
UNFINISHED = " <unfinished ...>"
RESULT = re.compile(r"\s+= (\?|-?\d+|0x[0-9a-f]+)(<.*?>)?(?: ([A-Z]\w+) \(.*?\)(?=$| <| \())?(.*)")
OPENING, CLOSING = "([{", ")]}"


@dataclass
class TracedCall:
    """One call as strace printed it. `result` is the number before any name; `?` where there was none."""

    name: str
    args: list[str]
    result: str
    errno: str | None
    rest: str
    """What stands behind the result but its duration: what was returned, in words."""
    line: str


@dataclass
class Thread:
    """All that one thread did, in order."""

    calls: list[TracedCall] = field(default_factory=list)
    signals: list[str] = field(default_factory=list)
    ends: list[str] = field(default_factory=list)


def read(path: Path) -> dict[int, Thread]:
    """The threads of a log by number. Raises ValueError for a line that is none of strace's."""
    return parse(path.read_text(errors="surrogateescape").splitlines())


def parse(lines: Iterable[str]) -> dict[int, Thread]:
    """The same of lines."""
    threads: dict[int, Thread] = {}
    begun: dict[int, str] = {}
    for line in lines:
        match = LINE.fullmatch(line)
        if match is None:
            raise ValueError(f"no line of strace's: {line!r}")
        tid, text = int(match[1]), match[2]
        thread = threads.setdefault(tid, Thread())
        if text.startswith("--- "):
            thread.signals.append(text)
        elif text.startswith("+++ "):
            thread.ends.append(text)
        elif text.endswith(UNFINISHED):
            begun[tid] = text.removesuffix(UNFINISHED)
        else:
            if resumed := RESUMED.fullmatch(text):
                text = begun.pop(tid, f"{resumed[1]}(") + resumed[2]
            thread.calls.append(call(text.replace(f"{UNFINISHED})", ")")))
    for tid, text in begun.items():
        threads[tid].calls.append(call(f"{text}) = ?"))
    return threads


def call(text: str) -> TracedCall:
    """`name(args) = result <duration>`, taken apart. Raises ValueError."""
    name, _, rest = text.partition("(")
    args, end = arguments(rest)
    match = RESULT.fullmatch(rest[end:])
    if match is None:
        raise ValueError(f"no call of strace's: {text!r}")
    return TracedCall(name, args, match[1], match[3], re.sub(r" <[\d.]+>$", "", match[4]).strip(), text)


def arguments(text: str) -> tuple[list[str], int]:
    """The arguments at the start of a text, up to the parenthesis that closes them, and where that ends."""
    found: list[str] = []
    start = place = depth = 0
    while place < len(text):
        character = text[place]
        if character == '"':
            place = _end_of_string(text, place)
        elif text.startswith("/*", place):
            place = text.index("*/", place) + 1
        elif text.startswith("<<", place):
            place += 1  # a shift: 1<<CAP_CHOWN
        elif character == "<" and place and (text[place - 1].isdigit() or text[place - 1] == "D"):
            place = text.index(">", place)  # of -y: 3</etc/hosts>, AT_FDCWD</root>
        elif character in OPENING:
            depth += 1
        elif character in CLOSING:
            if depth == 0:
                last = text[start:place].strip()
                return [*found, *([last] if last or found else [])], place + 1
            depth -= 1
        elif character == "," and depth == 0:
            found.append(text[start:place].strip())
            start = place + 1
        place += 1
    raise ValueError(f"no end of the arguments: {text!r}")


def _end_of_string(text: str, start: int) -> int:
    """Where the string that begins at `start` ends: at its closing quote."""
    place = start + 1
    while text[place] != '"':
        place += 2 if text[place] == "\\" else 1
    return place
