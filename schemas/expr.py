"""Which system calls are meant: the expressions of strace's `-e trace=`.

An expression is a comma-separated list of words, inverted as a whole by a leading `!`; `trace=` or `t=` before it is
optional. A word is `all`, `none`, or, each with an optional suffix and an optional `?` before it:

- a name (`openat`), or a number, which means that number in every table;
- a class, `%file` (schemas.syscalls.CLASSES, and `%network` for `%net`); the names without `%` that strace still
  takes are taken too;
- `/regex`, searched for in the names. strace takes POSIX extended expressions, this takes Python's `re`; a comma
  ends the word in both.

The suffix @64, @32 or @x32 limits the word to one table. A word that means no call is an error unless `?` precedes it.

Several expressions combine: what the plain ones name (everything, if there is none) less what the inverted ones name.
(In strace the last one wins.)
"""

import difflib
import re
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from schemas.record import CELL_OTHER, CELLS, CELLS_PER_ABI, Abi, cell_of
from schemas.syscalls import CLASSES, Table, native_abi, table

OLD_CLASSES = ("desc", "file", "ipc", "memory", "network", "process", "signal")
"""Classes that strace takes without `%`."""

NAMES_SHOWN = 8

SUFFIX = re.compile(r"(?P<word>.*)@(?P<table>[^@]*)")


class ExprError(ValueError):
    """An expression that cannot be read; the message is one line and says where."""


@dataclass(frozen=True)
class Selection:
    """The calls that a list of expressions selects."""

    native: Abi
    cells: np.ndarray
    """bool of shape (CELLS,): by accounting cell (schemas.record.cell_of), whether the call is selected. Calls without
    a cell of their own (x32's, numbers beyond the tables) are selected together, by `all`, an inversion or `@x32`."""

    @property
    def everything(self) -> bool:
        """Whether no call is left out."""
        return bool(self.cells.all())

    @property
    def others(self) -> bool:
        """Whether calls without a cell of their own are selected."""
        return bool(self.cells[CELL_OTHER])

    def names(self, abi: Abi, *, kept: bool = True) -> frozenset[str]:
        """The names of the native ABI's or i386's calls that are selected, or, with `kept=False`, that are not."""
        base = 0 if abi is self.native else CELLS_PER_ABI
        calls = table(abi).by_number.values()
        return frozenset(call.name for call in calls if bool(self.cells[base + call.nr]) is kept)

    def keeps(self, nr: np.ndarray, abi: np.ndarray) -> np.ndarray:
        """Which of these calls are selected; takes and returns arrays of one shape, see schemas.record.cell_of."""
        kept: np.ndarray = self.cells[cell_of(nr, abi)]
        return kept

    def describe(self) -> str:
        """One line for a person: how many calls of each ABI are selected, or left out if these are fewer, and which."""
        if self.everything:
            return "all system calls"
        kept = self.cells.sum() <= CELLS // 2
        parts = []
        for abi in (self.native, Abi.I386):
            names = sorted(self.names(abi, kept=bool(kept)))
            shown = ", ".join([*names[:NAMES_SHOWN], *["..."] * (len(names) > NAMES_SHOWN)])
            parts.append(f"{len(names)} of {abi.name.lower()}" + f" ({shown})" * bool(names))
        text = ("" if kept else "all but ") + ", ".join(parts)
        return text + (" and those without a name" if self.others == bool(kept) else "")


@dataclass(frozen=True)
class _Tables:
    """The two tables that have cells, and x32's, which has not."""

    native: Table
    compat: Table
    x32: Table

    @classmethod
    def of(cls, native: Abi) -> "_Tables":
        return cls(table(native), table(Abi.I386), table(Abi.X32 if native is Abi.X86_64 else Abi.ARM))

    def limited(self, suffix: str | None) -> Iterator[tuple[int | None, Table]]:
        """The tables that a suffix leaves, with the first cell of each (None: all its calls lie in CELL_OTHER)."""
        if suffix in (None, "64"):
            yield 0, self.native
        if suffix in (None, "32"):
            yield CELLS_PER_ABI, self.compat
        if suffix == "x32":
            yield None, self.x32

    def suggest(self, word: str) -> list[str]:
        """The known names, classes included, that are nearest to a word."""
        names = {*self.native.names, *self.compat.names, *(f"%{tag}" for tag in CLASSES)}
        return difflib.get_close_matches(word, sorted(names), n=3, cutoff=0.6)


def select(expressions: Sequence[str], native: Abi | None = None) -> Selection:
    """The calls that the expressions select; all calls if there is no expression.

    `native` is the ABI of the machine that is captured, this machine's unless given. Raises ExprError.
    """
    abi = native_abi() if native is None else native
    tables = _Tables.of(abi)
    plain: np.ndarray | None = None
    inverted = np.zeros(CELLS, np.bool_)
    for expression in expressions:
        cells, invert = _expression(expression, tables)
        if invert:
            inverted |= cells
        else:
            plain = cells if plain is None else plain | cells
    chosen = np.ones(CELLS, np.bool_) if plain is None else plain
    return Selection(abi, chosen & ~inverted)


def _expression(text: str, tables: _Tables) -> tuple[np.ndarray, bool]:
    """The cells that one expression names, and whether it is inverted."""
    start = _prefix(text)
    invert = text.startswith("!", start)
    start += invert
    cells = np.zeros(CELLS, np.bool_)
    empty = True
    for match in re.finditer(r"[^,]+", text[start:]):
        empty = False
        cells |= _word(match.group(), text, start + match.start(), tables)
    if empty:
        raise ExprError(f"{_place(text, start)}: no system call is named; 'none' selects none")
    return cells, invert


def _prefix(text: str) -> int:
    """The length of `trace=` or `t=`; any other of strace's qualifiers is refused."""
    match = re.match(r"(\w+)=", text)
    if match is None:
        return 0
    if match[1] not in ("trace", "t"):
        raise ExprError(f"{_place(text, 0)}: '{match[0]}' is not supported, only 'trace=' is")
    return match.end()


def _word(given: str, text: str, at: int, tables: _Tables) -> np.ndarray:
    """The cells that one word names; `at` is where it stands in `text`."""
    cells = np.zeros(CELLS, np.bool_)
    if given in ("all", "none"):
        cells[:] = given == "all"
        return cells
    word, suffix = given.removeprefix("?"), None
    if match := SUFFIX.fullmatch(word):
        word, suffix = match["word"], match["table"]
        if suffix not in ("64", "32", "x32"):
            raise ExprError(f"{_place(text, at)}: '@{suffix}' in '{given}' is no table; use @64, @32 or @x32")
    found = False
    for base, calls in tables.limited(suffix):
        numbers = _numbers(word, calls, text, at)
        found = found or bool(numbers)
        if base is not None:
            cells[[base + number for number in numbers]] = True
        elif numbers:
            cells[CELL_OTHER:] = True
    if not found and not given.startswith("?"):
        raise ExprError(f"{_place(text, at)}: {_unknown(word, suffix, tables)}")
    return cells


def _numbers(word: str, calls: Table, text: str, at: int) -> list[int]:
    """The numbers that a word without suffix means in one table; none if it means nothing there."""
    if word.startswith("/"):
        pattern = _pattern(word, text, at)
        return [calls.number(name) for name in calls.names if pattern.search(name)]
    tag = word[1:] if word.startswith("%") else word if word in OLD_CLASSES else None
    if tag is not None:
        tag = "net" if tag == "network" else tag
        return sorted(calls.by_class(tag)) if tag in CLASSES else []
    if word.isascii() and word.isdigit():
        return [int(word)] if int(word) < CELLS_PER_ABI else []
    return [calls.number(word)] if word in calls.by_name else []


def _pattern(word: str, text: str, at: int) -> re.Pattern[str]:
    """The regular expression behind the slash."""
    with warnings.catch_warnings():
        # What Python's re will read otherwise one day, such as POSIX's [[:alpha:]], is no expression of it today.
        warnings.simplefilter("error", FutureWarning)
        try:
            return re.compile(word[1:])
        except (re.error, FutureWarning) as error:
            raise ExprError(f"{_place(text, at)}: '{word}' is no regular expression of Python's: {error}") from error


def _unknown(word: str, suffix: str | None, tables: _Tables) -> str:
    """Why a word means no call, and what may have been meant."""
    if word.startswith("/"):
        return f"no system call matches '{word}'"
    if word.startswith("!"):
        return "'!' may stand only before the first word: it inverts the whole list"
    what = "class of system calls" if word.startswith("%") else "system call"
    near = [name for name in tables.suggest(word) if name != word]
    hint = f"; nearest: {', '.join(near)}" if near else f"; '?{word}' would be ignored where it is unknown"
    return f"unknown {what} '{word}'{f' in the table @{suffix}' if suffix else ''}{hint}"


def _place(text: str, at: int) -> str:
    return f"-e '{text}', column {at + 1}"
