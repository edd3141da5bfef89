"""Where calls of the common shape, `name(argument, ...) = result`, have their parts; of many texts at once.

Brackets and commas count outside of strings, comments and the names of descriptors (`3</etc/hosts>`). What is not
certain to be understood as calls.py would understand it is left to calls.py.
"""

from typing import NamedTuple

import numpy as np

from analyze.importer.texts import Bytes, Mask, Numbers, kind_of

_OPENING, _CLOSING = kind_of(b"[({"), kind_of(b"])}")
_STRUCTURE = kind_of(b"[](){},<>")
_NAMED = kind_of(b"0123456789D")
"""What stands before the name of a descriptor: a number, or AT_FDCWD."""
QUOTE, BACKSLASH, LESS, GREATER = b'"\\<>'
COMMA, SPACE, EQUALS, PAREN, CLOSE = b", =()"


class Marks(NamedTuple):
    """Parts of texts, as places in their bytes. What is said of a text that is not `common` means nothing."""

    common: Mask
    """For each text whether it has the common shape."""
    opening: Numbers
    """For each text the parenthesis behind the call's name."""
    closing: Numbers
    """For each text the parenthesis that closes that."""
    text: Numbers
    """For each argument of the common texts, its text."""
    starts: Numbers
    ends: Numbers
    """For each argument where it begins and ends."""
    quotes: Numbers
    """Quotes at which strings begin and end, in all texts."""
    named: Numbers
    """For each name of a descriptor among the arguments of common texts where it opens."""
    unnamed: Numbers
    """The same for where it closes."""


def marks(data: Bytes, starts: Numbers, ends: Numbers) -> Marks:
    """The parts of texts that stand in `data` one behind the other."""
    quotes = _quotes(data)
    inside = np.zeros(len(data) + 1, np.uint8)
    inside[quotes + 1] = 1
    inside = np.bitwise_xor.accumulate(inside)
    common = inside[starts] == inside[ends]  # an even number of quotes
    places = np.flatnonzero(_STRUCTURE[data] | _comments(data))
    rows = np.searchsorted(ends, places, "right")
    outside = inside[places] == inside[starts][rows]
    places, rows = places[outside], rows[outside]
    hidden, names = _hidden(data, places, rows, common)
    seen = ~hidden & (_STRUCTURE[data[places]]) & (data[places] != LESS) & (data[places] != GREATER)
    places, rows = places[seen], rows[seen]
    depth = np.cumsum(_OPENING[data[places]].astype(np.int32) - _CLOSING[data[places]])
    first, count = _groups(rows, len(starts))
    common &= count >= 2
    base = np.concatenate([[0], depth])[np.minimum(first, len(depth))]
    depth = depth - base[rows]
    opening = places[np.minimum(first, len(places) - 1)] if len(places) else starts
    closes = np.flatnonzero((depth == 0) & (data[places] == CLOSE))
    closing = _first_of(rows[closes], places[closes], starts)
    common &= (data[np.minimum(opening, len(data) - 1)] == PAREN) & (closing > opening)
    common &= (data[np.maximum(closing - 1, 0)] != SPACE) & _ascii(data, starts, ends)
    commas = (depth == 1) & (data[places] == COMMA) & (places < closing[rows])
    common[rows[commas & (data[np.minimum(places + 1, len(data) - 1)] != SPACE)]] = False
    parts = _arguments(common, opening, closing, places[commas], rows[commas])
    named = [at[common[row] & (at < closing[row])] for at, row in names]
    return Marks(common, opening, closing, *parts, quotes, *named)


def _quotes(data: Bytes) -> Numbers:
    """The quotes that begin or end a string: those without a backslash, or with one that is itself behind one."""
    quotes = np.flatnonzero(data == QUOTE)
    behind, place = np.zeros(len(quotes), np.int64), quotes - 1
    going = (place >= 0) & (data[place] == BACKSLASH)
    while going.any():
        behind += going
        place = place - going
        going &= (place >= 0) & (data[place] == BACKSLASH)
    found: Numbers = quotes[behind % 2 == 0]
    return found


def _comments(data: Bytes) -> Mask:
    """The slashes of `/*` and `*/`."""
    slashes = data == ord("/")
    stars = data == ord("*")
    found = np.zeros(len(data), bool)
    found[:-1] |= slashes[:-1] & stars[1:]
    found[1:] |= slashes[1:] & stars[:-1]
    return found


def _hidden(
    data: Bytes, places: Numbers, rows: Numbers, common: Mask
) -> tuple[Mask, tuple[tuple[Numbers, Numbers], ...]]:
    """Which places stand in comments and names or bound them; where names open and close, each with its text.

    Clears `common` for texts in which that is not clear.
    """
    here, last, next_ = data[places], data[np.maximum(places - 1, 0)], data[np.minimum(places + 1, len(data) - 1)]
    shift = (here == LESS) & ((last == LESS) | (next_ == LESS))
    name, end = (here == LESS) & ~shift, (here == GREATER) & (last != ord("-"))
    comment, over = (here == ord("/")) & (next_ == ord("*")), (here == ord("/")) & (last == ord("*"))
    common[rows[(name & ~_NAMED[last]) | (end & (last == BACKSLASH)) | (comment & over)]] = False
    step = (name | comment).astype(np.int32) - (end | over)
    if not step.any():
        return np.zeros(len(places), bool), ((places[:0], rows[:0]),) * 2
    level = np.cumsum(step)
    first, _ = _groups(rows, len(common))
    base = np.concatenate([[0], level])[first]
    level = level - base[rows]
    common[rows[(level < 0) | (level > 1)]] = False
    left = np.flatnonzero(base[1:] != base[:-1])  # for all texts but the last
    common[left] = False
    if len(common) and len(level) and rows[-1] == len(common) - 1 and level[-1] != 0:
        common[-1] = False
    paired = common[rows]
    begins, stops = (step > 0) & paired, (step < 0) & paired
    unclear = np.flatnonzero((data == QUOTE) | (data == BACKSLASH))
    within = np.searchsorted(unclear, places[begins]) != np.searchsorted(unclear, places[stops])
    common[rows[begins][within | (name[begins] != end[stops])]] = False
    return (level > 0) | (step < 0), ((places[name], rows[name]), (places[end], rows[end]))


def _groups(rows: Numbers, count: int) -> tuple[Numbers, Numbers]:
    """Where the places of each text begin among all, and how many it has."""
    first = np.searchsorted(rows, np.arange(count + 1))
    return first[:-1], np.diff(first)


def _first_of(rows: Numbers, values: Numbers, otherwise: Numbers) -> Numbers:
    """For each text the first of its values, or what stands in `otherwise`."""
    found = otherwise.copy()
    found[rows[::-1]] = values[::-1]
    return found


def _ascii(data: Bytes, starts: Numbers, ends: Numbers) -> Mask:
    """Which texts have no byte above 127."""
    high = np.flatnonzero(data > 127)
    found: Mask = np.searchsorted(high, starts) == np.searchsorted(high, ends)
    return found


def _arguments(
    common: Mask, opening: Numbers, closing: Numbers, commas: Numbers, rows: Numbers
) -> tuple[Numbers, Numbers, Numbers]:
    """The arguments of the common texts: which text, from where, to where."""
    given = np.flatnonzero(common & (closing > opening + 1))
    kept = common[rows]
    commas, rows = commas[kept], rows[kept]
    text, starts = np.concatenate([given, rows]), np.concatenate([opening[given] + 1, commas + 2])
    order = np.argsort(starts, kind="stable")
    ends = np.sort(np.concatenate([closing[given], commas]))
    return text[order], starts[order], ends
