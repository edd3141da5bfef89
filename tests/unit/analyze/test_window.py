"""Rows that stream in order of return."""

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from analyze.show import window
from analyze.show.window import turned

NEAR = 120_000_000


def rows(times: list[int]) -> pa.RecordBatch:
    """Rows that return at these times, each of another duration."""
    took = [number % 7 for number in range(len(times))]
    columns = [
        pa.array([time - one for time, one in zip(times, took, strict=True)], pa.timestamp("ns")),
        pa.array([one or None for one in took], pa.int64()),
        pa.array(times, pa.int64()),
    ]
    return pa.RecordBatch.from_arrays(columns, ["ts", "dur_ns", "returned"])


def shown(batches: list[list[int]]) -> list[int]:
    """The times of return in the order in which the rows come out."""
    return [time for batch in turned(map(rows, batches)) for time in batch["returned"].to_pylist()]


@given(st.lists(st.lists(st.integers(0, NEAR // 2), max_size=8), max_size=6), st.integers(1, 5))
def test_what_is_near_is_put_in_order(blocks: list[list[int]], size: int) -> None:
    """Blocks of one poll, each in any order, a poll after the other: however they are cut into batches."""
    flat = [10**18 + place * NEAR // 2 + time for place, block in enumerate(blocks) for time in sorted(block)]
    assert shown([flat[at : at + size] for at in range(0, len(flat), size)]) == sorted(flat)


def test_nothing_waits_for_the_end() -> None:
    """Rows come out once others that are later by more than a moment have been read, or when too many wait."""
    stream = turned(map(rows, [[1, 2], [NEAR + 10], [3 * NEAR]]))
    assert next(stream)["returned"].to_pylist() == [1, 2]
    assert next(stream)["returned"].to_pylist() == [NEAR + 10]
    many = list(range(window._ROWS + 5))
    assert next(turned(map(rows, [many]))).num_rows == 5
