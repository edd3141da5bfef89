"""The lines of a strace log, each taken apart: who, when, what, and for how long.

A line is `[pid N] TIME CALL <SECONDS>` or `N TIME CALL <SECONDS>`; each part but the call depends on strace's options:
-f (who), -t -tt -ttt -r (when), -T (how long), -Y (the thread's name), -i and -n (numbers in brackets, left out).
Lines of the common form `N SECONDS CALL <SECONDS>` are taken apart all at once, the others by LINE.
"""

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np

from analyze.importer.clock import NONE, SECOND, Times, spelled
from analyze.importer.texts import DIGITS, PADDING, SPACES, Bytes, Mask, Numbers, Texts, before, decimals, kind_of, past

CHUNK = 1 << 23
"""Bytes read at once."""
LONGEST = 1 << 25
"""Bytes of a line at most; what is longer is none of strace's, and is cut."""
NOT_KNOWN, NOT_MEASURED = -1, -2
"""In place of a duration: `<?>`, and none printed."""
ATTACHED = re.compile(rb"strace: Process \d+ (?:attached|detached)\n")
"""Written in between, into the middle of a line if need be, where the log goes to the terminal."""

_HEAD = (
    r"^ *(?:\[pid +(\d{1,9})(?:<([^>\n]*)>)?\] +|(\d{1,9})(?:<([^>\n]*)>)? +)?"
    r"(?:([0-8]?\d{1,9}\.\d+|\d\d:\d\d:\d\d(?:\.\d+)?) +)?(?:\(\+ *[\d.]+\) +)?(?:\[ *[0-9a-f?]+\] +)*"
)
LINE = re.compile(_HEAD + r"(?:(.*) <(\d{1,9}\.\d+|\?)>|(.*))$", re.DOTALL)
_WIDTH, _SECONDS, _FRACTION = 9, 10, 9
"""Digits at most of a number, of seconds since the epoch, and behind a point."""
_PADDED = 16
"""Spaces at most that fill up a column."""
_OTHERWISE = kind_of(b"[( ")
"""What follows the time where more of a line's head is to come."""


@dataclass
class Lines:
    """Some lines. `who` is 0 where the line does not say; `when` in ns since the epoch; `lasted` in ns."""

    who: Numbers
    when: Numbers
    texts: Texts
    lasted: Numbers
    comms: dict[int, str] = field(default_factory=dict)
    """Names of threads, by line, where lines say them."""
    notices: int = 0
    """Lines that strace wrote about itself, left out."""


def read(path: Path | None, stream: BinaryIO) -> Iterator[Lines]:
    """The lines of a log. `path` is None for standard input; what it says is when the log was written."""
    times = Times(time.time_ns() if path is None else path.stat().st_mtime_ns)
    rest = b""
    while piece := stream.read(CHUNK):
        block, rest = _whole(rest + piece)
        if len(rest) > LONGEST:
            block, rest = block + rest, b""
        if block:
            yield _lines(block, times)
    if rest:
        yield _lines(rest, times)


def _whole(block: bytes) -> tuple[bytes, bytes]:
    """Up to the last line that is there to its end, and no notice after it; and the rest."""
    end = block.rfind(b"\n") + 1
    while ATTACHED.search(block, block.rfind(b"\n", 0, end - 1) + 1, end):  # the line goes on in the next one
        end = block.rfind(b"\n", 0, end - 1) + 1
    return block[:end], block[end:]


def _lines(block: bytes, times: Times) -> Lines:
    notices = 0
    if b"strace: Process " in block:
        block, notices = ATTACHED.subn(b"", block)
    if b"\r\n" in block:  # the log was on Windows; strace itself prints \\r
        block = block.replace(b"\r\n", b"\n")
    block = block.removesuffix(b"\n") + b"\n" + PADDING
    data = np.frombuffer(block, np.uint8)[: -len(PADDING)]
    ends = np.flatnonzero(data == ord("\n"))
    texts = Texts(block, np.concatenate([[0], ends[:-1] + 1]), ends)
    lines = Lines(np.zeros(len(ends), np.int64), np.full(len(ends), NONE), texts, np.full(len(ends), NOT_MEASURED))
    lines.notices = notices
    others = np.flatnonzero(~_common(lines))
    spellings = _others(lines, others) if len(others) else {}
    lines.when = times.absolute(lines.when, spellings)
    return lines


def _common(lines: Lines) -> Mask:
    """Take apart the lines of the common form; which they are."""
    texts = lines.texts
    block, ends = texts.data, texts.ends
    begin = past(SPACES, block, texts.starts, _PADDED)
    number = past(DIGITS, block, begin, _WIDTH)
    told = (number > begin) & (block[number] == ord(" "))
    seconds = np.where(told, past(SPACES, block, number, _PADDED), begin)
    found, point, end = _decimal(block, seconds)
    found &= (point < seconds + _SECONDS) | (block[seconds] < ord("9"))
    start = past(SPACES, block, end, _PADDED)
    found &= (start > end) & (start < ends) & ~_OTHERWISE[block[start]]
    lines.who = np.where(found & told, decimals(block, begin, np.where(found & told, number, begin)), 0)
    when = _nanoseconds(block, seconds, point, end, found)
    lines.when = np.where(found, when, NONE)
    stop, lasted = _durations(block, start, ends)
    texts.starts, texts.ends = np.where(found, start, texts.starts), np.where(found, stop, ends)
    lines.lasted = np.where(found, lasted, NOT_MEASURED)
    return found


def _decimal(block: Bytes, starts: Numbers) -> tuple[Mask, Numbers, Numbers]:
    """Where a number with a point stands, where its point is, and where it ends."""
    point = past(DIGITS, block, starts, _SECONDS)
    end = past(DIGITS, block, point + 1, _FRACTION)
    return (point > starts) & (block[point] == ord(".")) & (end > point + 1), point, end


def _nanoseconds(block: Bytes, starts: Numbers, points: Numbers, ends: Numbers, found: Mask) -> Numbers:
    """Numbers with a point as integers, in billionths; 0 where `found` is not set."""
    starts, points, ends = (np.where(found, at, 0) for at in (starts, points, ends))
    digits = np.where(found, ends - points - 1, 0)
    fraction = decimals(block, np.where(found, points + 1, 0), ends) * 10 ** (_FRACTION - digits)
    value: Numbers = decimals(block, starts, points) * SECOND + fraction
    return value


def _durations(block: Bytes, starts: Numbers, ends: Numbers) -> tuple[Numbers, Numbers]:
    """Where each text ends without the ` <0.000123>` or ` <?>` behind it, and what that says in ns."""
    close = ends - 1
    fraction = before(DIGITS, block, close, _FRACTION)
    whole = before(DIGITS, block, fraction - 1, _WIDTH)
    found = (block[close] == ord(">")) & (fraction < close) & (block[fraction - 1] == ord(".")) & (whole < fraction - 1)
    whole = np.where(found, whole, np.maximum(close - 1, 0))
    unknown = (block[close] == ord(">")) & (block[close - 1] == ord("?"))
    found |= unknown
    found &= (block[whole - 1] == ord("<")) & (block[whole - 2] == ord(" ")) & (whole - 2 >= starts)
    measured = found & ~unknown
    lasted = _nanoseconds(block, whole, fraction - 1, close, measured)
    return np.where(found, whole - 2, ends), np.where(
        measured, lasted, np.where(found & unknown, NOT_KNOWN, NOT_MEASURED)
    )


def _others(lines: Lines, chosen: Numbers) -> dict[int, str]:
    """Take the lines apart that have another form; what they say of the time, by line."""
    texts, spellings = lines.texts, {}
    for index in chosen.tolist():
        start = int(texts.starts[index])
        match = LINE.match(texts[index])
        if match is None:  # never: all of its parts may be missing
            continue
        one, comm, other, comm2, when, timed, lasted, _ = match.groups()
        lines.who[index] = int(one or other or 0)
        if name := comm or comm2:
            lines.comms[index] = name
        if when:
            spellings[index] = when
        within = match.span(6 if timed is not None else 8)
        texts.starts[index], texts.ends[index] = start + within[0], start + within[1]
        if lasted:
            lines.lasted[index] = NOT_KNOWN if lasted == "?" else spelled(lasted)
    return spellings
