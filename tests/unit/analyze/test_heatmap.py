"""The cells of the heat map, against a count in Python."""

from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest

from analyze import reports
from analyze.reports.run import Options, run
from analyze.session import Session
from tests.unit.analyze.captures import make_rows, write_parquet


@pytest.mark.parametrize("steps", [1, 2, 4])
def test_each_call_is_in_one_cell(tmp_path: Path, steps: int) -> None:
    """The cell whose interval and whose range of durations hold it."""
    rows = make_rows(2000)
    params = {"interval": "100us", "steps": str(steps)}
    with Session([str(write_parquet(tmp_path / "x.parquet", rows))]) as session:
        answer = run(session, reports.find("heatmap"), Options(limit=0, params=params))
        cells = list(answer.result.rows())
    found: Counter[tuple[str, int, int]] = Counter()
    edges = sorted({(least, below) for _, _, least, below, _ in cells})
    assert all(one[1] <= two[0] for one, two in pairwise(edges))
    for row in rows:
        if row["dur_ns"] is not None:
            least = next(least for least, below in edges if least <= row["dur_ns"] < below)
            found[row["syscall"], row["ts"] // 100_000 * 100_000, least] += 1
    assert {(syscall, at, least): calls for syscall, at, least, _, calls in cells} == found
