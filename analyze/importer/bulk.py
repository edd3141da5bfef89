"""Calls of the common shape as columns, all of a block at once; what has another shape calls.py reads one by one.

What is the same in many calls - names, results, arguments that are numbers - is read once by the same functions that
calls.py uses; the rest is copied as it stands.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from analyze.importer.arguments import ADDRESSES, BUFFERS, PAIRS, PLACES, STRINGS, VECTORS, futex_places, numbers
from analyze.importer.calls import NAME, TRUNCATED, UNRETURNED, Result, result_of
from analyze.importer.calls import numbered as number_of_call
from analyze.importer.marks import BACKSLASH, EQUALS, GREATER, QUOTE, SPACE, Marks, marks
from analyze.importer.strings import unquote
from analyze.importer.texts import (
    DIGITS,
    PADDING,
    SPACES,
    Bytes,
    Mask,
    Numbers,
    before,
    decimals,
    kind_of,
    past,
    slices,
)
from schemas.line.memo import Memo
from schemas.record import Abi
from schemas.syscalls import FD_NONE, FD_RETURNED, table

T = TypeVar("T")
ARGUMENTS = 6
PATHS = 2
"""Paths, buffers and structures at most that a call of the common shape has."""
PADDED = 64
"""Spaces at most before the `=`."""
LONG, INT = 256, 10
"""Characters of an argument that may be no number, digits of one that may be no descriptor's."""
NO_RESULT = Result(None, None, None)
FUTEX = "futex"
_ONE_BY_ONE = frozenset({*PLACES, *PAIRS, "prctl"} - {FUTEX})
"""Calls whose arguments depend on each other."""
_NO_NUMBER, _STRUCTURE = kind_of(b'"[{~'), kind_of(b"[{")
"""How arguments begin that are no numbers, and how structures do."""
_WORD = kind_of(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-")


class Known(NamedTuple):
    """What is known of a call by its name."""

    name: str
    nr: int | None
    arguments: int
    """How many it has."""
    fd: int
    """As in schemas.syscalls.Call."""
    strings: tuple[int, ...] = ()
    """Which of its arguments are paths, "..."."""
    buffers: tuple[int, ...] = ()
    """Which are buffers, if printed as strings."""
    structures: tuple[int, ...] = ()
    """Which may not be structures if the call is to be read here."""


UNKNOWN = Known("", None, 0, FD_NONE)


class Names(NamedTuple):
    """What descriptors stand for, as calls say it."""

    calls: Numbers
    """Which call of the block."""
    fds: Numbers
    texts: pa.BinaryArray

    @staticmethod
    def none() -> "Names":
        """No call says anything."""
        empty = np.zeros(0, np.int64)
        return Names(empty, empty, pa.array([], pa.binary()))


class Columns(NamedTuple):
    """Calls as columns by the contract's names, and which of the block's calls they are."""

    calls: Numbers
    columns: dict[str, pa.Array]
    names: Names


class Bulk:
    """Reads the calls of one ABI."""

    def __init__(self, abi: Abi) -> None:
        """Start with nothing remembered."""
        self._calls = table(abi).by_name
        self.known: Memo[str, Known | None] = Memo(self._know)
        self.results: Memo[str, Result | None] = Memo(lambda text: _read(result_of, text))

    def read(self, texts: pa.BinaryArray) -> Columns:
        """The calls of the common shape among texts."""
        offsets = np.frombuffer(texts.buffers()[1], np.int32)[texts.offset :][: len(texts) + 1].astype(np.int64)
        held = np.frombuffer(texts.buffers()[2] or b"", np.uint8)[: offsets[-1]]
        if not len(held):
            return Columns(offsets[:0], {}, Names.none())
        data = np.concatenate([held, np.frombuffer(PADDING, np.uint8)])
        found = marks(data, offsets[:-1], offsets[1:])
        if not found.common.any():
            return Columns(offsets[:0], {}, Names.none())
        self.results.trim()
        return _Reader(self, data, offsets[1:], found).columns(offsets[:-1])

    def _know(self, name: str) -> Known | None:
        """What is known of a call; None of what is no name."""
        if not NAME.match(name):
            return None
        call = self._calls.get(name)
        if call is None:
            numbered = _read(number_of_call, name)
            return Known(*numbered, ARGUMENTS, FD_NONE) if numbered else None
        if call.name in _ONE_BY_ONE or "argv" in call.kinds:
            return None
        strings, buffers, structures = (
            tuple(place for place, kind in enumerate(call.kinds) if kind in kinds)
            for kinds in (STRINGS, BUFFERS, (*VECTORS, *ADDRESSES))
        )
        simple = len(strings) <= PATHS and len(buffers) <= 1 and len(structures) <= PATHS
        return Known(name, call.nr, len(call.args), call.fd, strings, buffers, structures) if simple else None


class _Reader:
    """Reads one block. Texts that turn out not to be of the common shape are taken out of `good`."""

    def __init__(self, bulk: Bulk, data: Bytes, ends: Numbers, found: Marks) -> None:
        self._bulk, self._data, self._found = bulk, data, found
        self._rows = np.flatnonzero(found.common)
        self._ends = ends[self._rows]
        self._good = np.ones(len(self._rows), bool)
        row = np.cumsum(found.common) - 1
        self._row = row[found.text]
        """For each argument the row of its call."""
        self._first = np.searchsorted(self._row, np.arange(len(self._rows)))
        self._count = np.diff(np.append(self._first, len(self._row)))
        self._escapes = np.flatnonzero(data == BACKSLASH)

    def columns(self, starts: Numbers) -> Columns:
        """What the calls say, `starts` being where each text begins."""
        names, known = _distinct(slices(self._data, starts[self._rows], self._found.opening[self._rows]))
        calls = [self._bulk.known[name] for name in known]
        self._good &= np.array([call is not None for call in calls], bool)[names]
        about = [call or UNKNOWN for call in calls]
        ret, errno, returned = self._results()
        futex = np.array([call.name == FUTEX for call in about])[names]
        columns = self._numbers(np.array([call.arguments for call in about])[names], futex)
        columns["syscall"] = pa.array([call.name for call in about], pa.string()).take(pa.array(names))
        columns["nr"] = pa.array([call.nr for call in about], pa.int32()).take(pa.array(names))
        columns["ret"], columns["errno"] = ret, errno
        columns["fd"] = self._descriptors(np.array([call.fd for call in about])[names], columns)
        for place in range(PATHS):
            self._no_structure(np.array([_nth(call.structures, place) for call in about])[names])
        strings = [np.array([_nth(call.strings, place) for call in about])[names] for place in range(PATHS)]
        columns |= self._paths(strings)
        columns["data"] = self._buffers(np.array([_nth(call.buffers, 0) for call in about])[names])
        unreturned = ret.is_null().to_numpy(zero_copy_only=False)
        columns["flags"] = pa.array(columns["flags"] | UNRETURNED * unreturned, pa.int32())
        told = self._names(returned)
        kept = pa.array(self._good)
        return Columns(self._rows[self._good], {name: column.filter(kept) for name, column in columns.items()}, told)

    def _results(self) -> tuple[pa.Array, pa.Array, tuple[Numbers, list[Result]]]:
        """Result and error of each call; and the distinct results, and which of them each call has."""
        equals = past(SPACES, self._data, self._found.closing[self._rows] + 1, PADDED)
        self._good &= (self._data[equals] == EQUALS) & (self._data[equals + 1] == SPACE) & (equals + 2 <= self._ends)
        which, texts = _distinct(slices(self._data, np.where(self._good, equals + 2, self._ends), self._ends))
        read = [self._bulk.results[text] for text in texts]
        self._good &= np.array([result is not None for result in read], bool)[which]
        results = [result or NO_RESULT for result in read]
        taken = pa.array(which)
        ret = pa.array([result.value for result in results], pa.int64()).take(taken)
        errno = pa.array([result.errno for result in results], pa.string()).take(taken)
        return ret, errno, (which, results)

    def _numbers(self, counts: Numbers, futex: Mask) -> dict[str, pa.Array]:
        """The columns arg0 to arg5; `counts` is how many arguments each call has, and which are calls of futex."""
        found = self._found
        starts, ends = found.starts, self._unnamed()
        index = np.arange(len(starts)) - self._first[self._row]
        printed = (ends > starts) & ~_NO_NUMBER[self._data[starts]]
        self._good[self._row[printed & (ends - starts > LONG)]] = False
        chosen = np.flatnonzero(printed & (index < counts[self._row]) & (ends - starts <= LONG))
        which, texts = _distinct(slices(self._data, starts[chosen], ends[chosen]))
        read = pa.array([numbers[text] for text in texts], pa.int64())
        values = read.fill_null(0).to_numpy()[which]
        known = read.is_valid().to_numpy(zero_copy_only=False)[which]
        index = self._placed(index[chosen], self._row[chosen], values, futex)
        columns = {}
        for place in range(ARGUMENTS):
            here = index == place
            rows = self._row[chosen[here]]
            column, null = np.zeros(len(self._rows), np.int64), np.ones(len(self._rows), bool)
            column[rows], null[rows] = values[here], ~known[here]
            columns[f"arg{place}"] = pa.array(column, mask=null)
        return columns

    def _placed(self, index: Numbers, rows: Numbers, values: Numbers, futex: Mask) -> Numbers:
        """The columns to which arguments belong (-1: none): the operation of a futex says what was printed."""
        theirs = futex[rows]
        operation = np.zeros(len(self._rows), np.int64)
        operation[rows[index == 1]] = values[index == 1]
        for code in np.unique(operation[rows[theirs]]).tolist():
            here = theirs & (operation[rows] == code)
            places = np.full(ARGUMENTS, -1)
            known = futex_places(code)
            places[: len(known)] = known
            index = np.where(here, places[index], index)
        return index

    def _unnamed(self) -> Numbers:
        """Where each argument ends, without the name of a descriptor at its end."""
        ends, named = self._found.ends.copy(), self._found.named
        of = (np.searchsorted(self._found.starts, named, "right") - 1)[::-1]
        at_end = self._data[ends[of] - 1] == GREATER
        ends[of[at_end]] = named[::-1][at_end]
        return ends

    def _descriptors(self, sources: Numbers, columns: dict[str, pa.Array]) -> pa.Array:
        """The column `fd`: what the call returned, or its first descriptor argument."""
        returned = columns["ret"].fill_null(0).to_numpy()
        failed = (columns["errno"].is_valid().to_numpy(zero_copy_only=False)) | ~_valid(columns["ret"])
        value, null = np.where(sources == FD_RETURNED, returned, 0), (sources == FD_NONE) | failed
        for place in range(ARGUMENTS):
            here = sources == place
            column = columns[f"arg{place}"]
            value = np.where(here, column.fill_null(0).to_numpy(), value)
            null = np.where(here, ~_valid(column), null)
        return pa.array(value.astype(np.int32), mask=null)

    def _no_structure(self, places: Numbers) -> None:
        """Leave calls to calls.py of which this argument is a structure."""
        rows, parts = self._arguments(places)
        self._good[rows[_STRUCTURE[self._data[self._found.starts[parts]]]]] = False

    def _arguments(self, places: Numbers) -> tuple[Numbers, Numbers]:
        """The calls that have the argument of that place (each its own; -1: none), and which it is."""
        rows = np.flatnonzero((places >= 0) & (places < self._count))
        return rows, self._first[rows] + places[rows]

    def _strings(self, places: Numbers) -> tuple[Numbers, Numbers, Numbers, Mask]:
        """The calls of which that argument is a string; where it stands between its quotes; whether it is whole."""
        rows, parts = self._arguments(places)
        starts, ends = self._found.starts[parts], self._found.ends[parts]
        quoted = (self._data[starts] == QUOTE) & (ends > starts)
        rows, starts, ends = rows[quoted], starts[quoted], ends[quoted]
        whole = self._data[ends - 1] == QUOTE
        ends = np.where(whole, ends, ends - len("...")) - 1
        quotes = np.searchsorted(self._found.quotes, ends + 1) - np.searchsorted(self._found.quotes, starts)
        clear = (quotes == 2) & (ends > starts) & (self._data[ends] == QUOTE)
        self._good[rows[~clear]] = False
        return rows[clear], starts[clear] + 1, ends[clear], whole[clear]

    def _escaped(self, starts: Numbers, ends: Numbers) -> Mask:
        """Whether there is a backslash in between."""
        found: Mask = np.searchsorted(self._escapes, starts) != np.searchsorted(self._escapes, ends)
        return found

    def _paths(self, places: Sequence[Numbers]) -> dict[str, Any]:
        """The columns path and path2, and of flags whether they are not whole."""
        size = len(self._rows)
        flags = np.zeros(size, np.int64)
        spans = {name: (np.zeros(size, np.int64), np.full(size, -1)) for name in ("path", "path2")}
        for place in places:
            rows, starts, ends, whole = self._strings(place)
            self._good[rows[self._escaped(starts, ends)]] = False
            flags[rows[~whole]] = TRUNCATED
            again = spans["path"][1][rows] >= 0
            for name, here in (("path", ~again), ("path2", again)):
                spans[name][0][rows[here]], spans[name][1][rows[here]] = starts[here], ends[here]
        return {"flags": flags} | {
            name: _spread(self._data, starts, ends).cast(pa.string()) for name, (starts, ends) in spans.items()
        }

    def _buffers(self, places: Numbers) -> pa.Array:
        """The column data."""
        rows, starts, ends, _ = self._strings(places)
        size = len(self._rows)
        begin, end = np.zeros(size, np.int64), np.full(size, -1)
        begin[rows], end[rows] = starts, ends
        found = _spread(self._data, begin, end)
        escaped = np.zeros(size, bool)
        escaped[rows] = self._escaped(starts, ends)
        which, texts = _distinct(found.filter(pa.array(escaped)))
        read = pa.array([unquote(text) for text in texts], pa.binary()).take(pa.array(which))
        return pc.replace_with_mask(found, pa.array(escaped), read)

    def _names(self, returned: tuple[Numbers, list[Result]]) -> Names:
        """What descriptors stand for: among the arguments, then the one that was returned."""
        opens, closes, data = self._found.named, self._found.unnamed, self._data
        row = self._row[np.searchsorted(self._found.starts, opens, "right") - 1]
        begins = before(DIGITS, data, opens, INT)
        self._good[row[opens - begins == INT]] = False  # no int may hold that
        clear = (begins < opens) & ~_WORD[data[begins - 1]] & self._good[row]
        row, opens, closes, begins = row[clear], opens[clear], closes[clear], begins[clear]
        which, results = returned
        named = np.array([result.name is not None and result.value is not None for result in results], bool)
        rows = np.flatnonzero(named[which] & self._good)
        texts = [(result.name or "").encode("latin-1") for result in results]
        values = np.array([result.value or 0 for result in results])[which[rows]]
        calls = np.concatenate([row, rows])
        order = pa.array(np.argsort(calls, kind="stable"))
        both = [slices(data, opens + 1, closes), pa.array(texts, pa.binary()).take(pa.array(which[rows]))]
        fds = np.concatenate([decimals(data, begins, opens), values])
        return Names(self._rows[calls[order]], fds[order], pa.concat_arrays(both).take(order))


def _read(function: Callable[[str], T], text: str) -> T | None:
    """What a function reads; None of numbers that are too large, which calls.py then refuses."""
    try:
        return function(text)
    except ValueError:
        return None


def _distinct(texts: pa.BinaryArray) -> tuple[Numbers, list[str]]:
    """Which of the distinct texts each is, and these."""
    encoded = texts.dictionary_encode()
    return encoded.indices.to_numpy(), [text.decode("latin-1") for text in encoded.dictionary.to_pylist()]


def _spread(data: Bytes, starts: Numbers, ends: Numbers) -> pa.BinaryArray:
    """The bytes between starts and ends; NULL where the end is -1."""
    rows = np.flatnonzero(ends >= 0)
    places = np.zeros(len(starts), np.int64)
    places[rows] = np.arange(len(rows))
    return slices(data, starts[rows], ends[rows]).take(pa.array(places, mask=ends < 0))


def _valid(column: pa.Array) -> Mask:
    found: Mask = column.is_valid().to_numpy(zero_copy_only=False)
    return found


def _nth(places: Sequence[int], which: int) -> int:
    """One of some places, or -1."""
    return places[which] if which < len(places) else -1
