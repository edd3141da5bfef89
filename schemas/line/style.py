"""How lines look: strace's options for printing."""

from dataclasses import dataclass

from schemas.decode.text import SHOWN

COLUMN = 40
"""Where `=` begins in a line that is not longer than that, as strace has it."""

PLAIN = "\x1b[0m"
COLOURS = {"name": "\x1b[34m", "error": "\x1b[31m", "loss": "\x1b[1;31m", "state": "\x1b[35m", "dim": "\x1b[2m"}


@dataclass(frozen=True)
class Style:
    """What lines show; strace's letters say which option asks for it."""

    clock: int = 0
    """1: -t, the second in which it began (UTC); 2: -tt, with microseconds; 3: -ttt, since the epoch."""
    relative: bool = False
    """-r: the time since the line before."""
    durations: bool = False
    """-T: seconds from entry to return, `<?>` where the entry was not seen."""
    names: bool = False
    """-y: what descriptors stand for, and the names of users; see Printer."""
    shown: int = SHOWN
    """-s: bytes of a buffer."""
    hexadecimal: int = 0
    """1: -x, strings that are not printable in hexadecimal; 2: -xx, all strings."""
    everything: bool = False
    """Rows that strace has no line for as well: fork, exec, process, fd."""
    colour: bool = False

    def paint(self, part: str, text: str) -> str:
        """The text in the colour of one of COLOURS, if there are colours."""
        return f"{COLOURS[part]}{text}{PLAIN}" if self.colour else text
