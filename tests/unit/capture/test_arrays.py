"""Between numpy and Arrow: the same values as Arrow's own conversions give."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capture.arrays import binaries, column, dictionary, encode_runs, lower, memory, nulls, strings, upper
from schemas.arrow import EVENTS

WORDS = ["read", "write", "openat", "read"]  # two codes of one name


@settings(deadline=None)
@given(st.lists(st.none() | st.integers(-(2**63), 2**63 - 1)))
def test_a_column_is_what_arrow_makes_of_it(values: list[int | None]) -> None:
    """Values and NULLs, also where none or all are NULL."""
    array = column(
        pa.int64(),
        np.array([value or 0 for value in values], np.int64),
        np.array([v is not None for v in values], bool),
    )
    array.validate(full=True)
    assert array.equals(pa.array(values, pa.int64()))
    assert array.null_count == values.count(None)


def test_a_column_shares_memory() -> None:
    """No copy is made of what lies in one piece."""
    values = np.arange(5)
    array = column(pa.int64(), values)
    values[0] = 9
    assert array[0].as_py() == 9
    assert memory(array[2:], np.int64).tolist() == [2, 3, 4]


@settings(deadline=None)
@given(st.lists(st.binary()))
def test_binaries(values: list[bytes]) -> None:
    """Each value, empty ones too."""
    assert binaries(values).to_pylist() == values


def test_strings() -> None:
    """Text of any script, and none."""
    assert strings(["", "ü", "\N{PILE OF POO}"]).to_pylist() == ["", "ü", "\N{PILE OF POO}"]
    assert strings([]).to_pylist() == []


@pytest.mark.parametrize("name", EVENTS.names)
def test_nulls_of_every_column(name: str) -> None:
    """So many, of the column's type."""
    array = nulls(EVENTS.field(name).type, 3)
    array.validate(full=True)
    assert array.type == EVENTS.field(name).type
    assert array.to_pylist() == [None] * 3
    assert len(nulls(EVENTS.field(name).type, 0)) == 0


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, len(WORDS) - 1), st.booleans()), min_size=1)
    | st.tuples(st.integers(0, 3), st.integers(17, 80)).map(lambda one: [(one[0], True)] * one[1] + [(2, True)])
)
def test_a_dictionary_has_each_word_once(rows: list[tuple[int, bool]]) -> None:
    """The words that the rows have, in whichever of the two ways it is made; two codes of one word are one word."""
    codes, valid = np.array([code for code, _ in rows]), np.array([there for _, there in rows])
    array = dictionary("syscall", codes, WORDS, valid.copy())
    array.validate(full=True)
    assert array.type == EVENTS.field("syscall").type
    assert array.to_pylist() == [WORDS[code] if there else None for code, there in rows]
    words = array.dictionary.to_pylist()
    assert len(set(words)) == len(words) and set(words) <= set(WORDS)
    assert dictionary("syscall", codes, WORDS).to_pylist() == [WORDS[code] for code, _ in rows]


@settings(deadline=None)
@given(st.lists(st.tuples(*[st.sampled_from([0, 1, 2**64 - 1])] * 2), min_size=1))
def test_runs(rows: list[tuple[int, int]]) -> None:
    """A row's code leads to its key; the keys are distinct."""
    keys = [np.array(values, np.uint64) for values in zip(*rows, strict=True)]
    codes, distinct = encode_runs(keys)
    assert [distinct[code] for code in codes.tolist()] == rows
    assert len(set(distinct)) == len(distinct)


def test_halves() -> None:
    """The two members that share a word, in the order of the struct."""
    words = np.array([0x0000_0002_0000_0001, 0x0000_0004_0000_0003], np.uint64)
    assert lower(words).tolist() == [1, 3]
    assert upper(words).tolist() == [2, 4]
