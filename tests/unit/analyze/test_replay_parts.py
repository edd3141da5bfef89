"""What the replay is made of: changes of values in time, and paths made absolute."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyze.replay.paths import absolute
from analyze.replay.timeline import Changes
from analyze.session import Session
from tests.unit.analyze.captures import plain_row, write_parquet


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(-5, 20), st.integers(0, 9)), max_size=30),
    st.lists(st.tuples(st.integers(-1, 4), st.integers(-9, 25)), min_size=1, max_size=20),
)
@settings(max_examples=200, deadline=None)
def test_changes_find_the_last_one_before(changes: list[tuple[int, int, int]], asked: list[tuple[int, int]]) -> None:
    """For any changes and questions, as a loop over all of them would."""
    columns = np.array(changes, np.int64).reshape(-1, 3)
    found = Changes(columns[:, 0], columns[:, 1], columns[:, 2])
    keys, times = np.array(asked, np.int64).T
    for (key, at), place in zip(asked, found.find(keys, times).tolist(), strict=True):
        before = [
            (since, index, value) for index, (one, since, value) in enumerate(changes) if one == key and since <= at
        ]
        assert (int(found.value[place]) if place >= 0 else None) == (max(before)[2] if before else None)


@pytest.mark.parametrize(
    ("directory", "path", "expected"),
    [
        (None, "/a//b/./c/", "/a/b/c"),
        (None, "//", "/"),
        (None, "/../x", "/x"),
        ("/", "x", "/x"),
        ("/d", "../x/.y", "/x/.y"),
        ("/d", "", "/d"),
        (None, "x", None),
        ("pipe:[1]", "x", None),
    ],
)
def test_absolute(directory: str | None, path: str, expected: str | None, tmp_path: Path) -> None:
    """The replay and the macro for the columns agree."""
    assert absolute(directory, path) == expected
    with Session([str(write_parquet(tmp_path / "x.parquet", [plain_row()]))]) as session:
        assert session.fetch("SELECT absolute_path($1::VARCHAR, $2)", [directory, path]) == [(expected,)]
