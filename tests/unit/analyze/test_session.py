"""A session keeps within its memory, and leaves nothing behind."""

from pathlib import Path

import pytest

from analyze import memory
from analyze.session import Session
from tests.unit.analyze.captures import make_rows, write_parquet


def test_what_does_not_fit_into_memory_goes_to_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Outside the working directory, and only as long as the session lives."""
    spill = tmp_path / "spill"
    spill.mkdir()
    monkeypatch.setattr(memory, "MOST", 96 << 20)
    monkeypatch.setenv("TMPDIR", str(spill))
    monkeypatch.chdir(tmp_path)
    path = write_parquet(tmp_path / "x.parquet", make_rows(100))
    with Session([str(path)]) as session:
        query = "SELECT number, hash(number) AS h, repeat('x', 20) AS t FROM range(5000000) AS r(number) ORDER BY h"
        session.execute(f"CREATE TEMP TABLE large AS {query}")
        assert session.fetch("SELECT count(*) FROM large") == [(5_000_000,)]
        assert list(spill.iterdir())
    assert list(spill.iterdir()) == []
    assert {file.name for file in tmp_path.iterdir()} == {"spill", "x.parquet"}


def test_the_span_is_that_of_the_metadata_or_of_the_rows(tmp_path: Path) -> None:
    """Start and end as ISO times; where one is missing, the first and the last call."""
    rows = make_rows(20)
    known = write_parquet(
        tmp_path / "a.parquet", rows, start="2026-09-21T14:13:20.000000001Z", end="2026-09-21T14:13:21Z"
    )
    with Session([str(known)]) as session:
        assert (session.span.start, session.span.end) == (1_790_000_000_000_000_001, 1_790_000_001_000_000_000)
    with Session([str(write_parquet(tmp_path / "b.parquet", rows))]) as session:
        assert (session.span.start, session.span.end) == (
            min(row["ts"] for row in rows),
            max(row["ts"] for row in rows),
        )
