"""The bar of long queries: on a terminal only, after a second, and gone at the end."""

import io
import sys
import time
from pathlib import Path

import pytest

from analyze.cli import progress as bars
from analyze.session import Session
from tests.unit.analyze.captures import make_rows, write_parquet


class Terminal(io.StringIO):
    """A standard error that is a terminal."""

    def isatty(self) -> bool:
        """It is."""
        return True


@pytest.mark.parametrize(
    ("err", "quiet", "shown"), [(Terminal(), False, True), (Terminal(), True, False), (io.StringIO(), False, False)]
)
def test_the_bar_shows_while_a_query_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, err: io.StringIO, quiet: bool, shown: bool
) -> None:
    """Only on a terminal and unless told to be quiet; what is left at the end is an empty line."""
    monkeypatch.setattr(sys, "stderr", err)
    monkeypatch.setattr(bars, "PATIENCE", 0.0)
    monkeypatch.setattr(bars, "STEP", 0.01)
    with Session([str(write_parquet(tmp_path / "x.parquet", make_rows(50)))]) as session:
        with bars.progress(session, quiet=quiet):
            session.fetch("SELECT count(*) FROM range(20000000) AS r(n) WHERE hash(n) % 7 = 1")
            time.sleep(0.1)
        text = err.getvalue()
    assert (text != "") == shown
    if shown:
        assert text.split("\r")[-1] == ""
        assert text.split("\r")[-2].strip() == ""


def test_a_short_query_shows_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even the empty line."""
    monkeypatch.setattr(sys, "stderr", Terminal())
    with Session([str(write_parquet(tmp_path / "x.parquet", make_rows(50)))]) as session, bars.progress(session):
        session.fetch("SELECT 1")
    assert sys.stderr.getvalue() == ""  # type: ignore[attr-defined]


def test_the_bar_is_always_as_long() -> None:
    """So that one covers the other."""
    assert len({len(bars.bar(share / 100)) for share in range(101)}) == 1
    assert bars.bar(0.5) == "[###############...............]  50%"


def test_pieces_of_work_add_up(tmp_path: Path) -> None:
    """What is done counts whole, the piece at hand by how far its query is; never more than all."""
    with Session([str(write_parquet(tmp_path / "x.parquet", make_rows(50)))]) as session:
        told = bars.Progress(session)
        assert told.share == 0
        told.begins(0.25)
        told.begins(0.5)
        assert 0.25 <= told.share <= 0.75
        told.begins(0.25)
        assert 0.75 <= told.share <= 1
        told.begins(0.9)
        assert told.share == 1


def test_the_replay_counts_and_the_bar_never_goes_back(tmp_path: Path) -> None:
    """What a query waits for before it begins, as far as it is."""
    with Session([str(write_parquet(tmp_path / "x.parquet", make_rows(50)))]) as session:
        told = bars.Progress(session)
        seen = [told.share]
        session.replay._passed(0.5)
        seen.append(told.share)
        session.fetch("SELECT count(file) FROM calls")
        seen.append(told.share)
        assert session.replay.share == 1
        assert seen == sorted(seen)
        assert 0 < seen[1] < bars.REPLAY <= seen[2]
