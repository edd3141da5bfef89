"""How the files of a capture that rotates are called; source: tcpdump(1), -C, -G and -W."""

import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

from capture.errors import UsageError
from capture.sink.names import Names, Rotation

T0 = time.mktime((2026, 11, 26, 13, 0, 0, 0, 0, -1))


@pytest.fixture(autouse=True)
def at_one(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """It is one o'clock."""
    monkeypatch.setattr(time, "time", lambda: T0)
    yield


def some(names: Names, now: float = T0, *, full: bool = True, count: int = 2) -> list[str]:
    """The first candidates for the next file."""
    return [path.name for path in islice(names.following(now, full=full), count)]


def test_by_size() -> None:
    """Plain, then with a number before the suffix; each is another one, whichever of them was taken."""
    names = Names(Path("/d/t.parquet"), Rotation(size=10**6))
    assert names.first() == Path("/d/t.parquet")
    assert some(names, count=1) == ["t1.parquet"]
    assert some(names) == ["t2.parquet", "t3.parquet"]
    assert some(names, count=1) == ["t4.parquet"]
    assert names.pattern == "/d/t.parquet /d/t[0-9]*.parquet"


def test_a_number_at_the_end_stays_apart() -> None:
    """t2, t2-1: not t21, which would come between t2 and t3."""
    names = Names(Path("t2.parquet"), Rotation(size=10**6))
    assert some(names) == ["t2-1.parquet", "t2-2.parquet"]
    assert names.pattern == "t2.parquet t2-[0-9]*.parquet"


def test_a_ring() -> None:
    """As many digits as the last number has, and round again."""
    names = Names(Path("t.parquet"), Rotation(size=10**6, files=11))
    assert names.first().name == "t00.parquet"
    assert [some(names, count=1)[0] for _ in range(11)] == [f"t{n % 11:02}.parquet" for n in range(1, 12)]
    assert [path.name for path in names.ring()] == [f"t{n:02}.parquet" for n in range(11)]
    assert names.pattern == "t[0-9]*.parquet"


def test_by_time() -> None:
    """The name holds the time; where two would be alike, a number."""
    names = Names(Path("%H%M.parquet"), Rotation(seconds=60))
    assert names.first().name == "1300.parquet"
    assert some(names, T0 + 60, full=False) == ["1301.parquet", "1301-1.parquet"]
    assert some(names, T0 + 61, full=False, count=1) == ["1301-2.parquet"]
    assert names.pattern == "*.parquet"


def test_by_time_and_size() -> None:
    """With both, a file that is full is followed by one of the same time; -W sets the digits alone."""
    names = Names(Path("t-%H.parquet"), Rotation(size=10**6, seconds=3600, files=100))
    assert names.first().name == "t-13-00.parquet"
    assert some(names, T0 + 60, count=1) == ["t-13-01.parquet"]
    assert some(names, T0 + 3600, full=False, count=1) == ["t-14-00.parquet"]
    assert names.ring() == []


def test_a_percent_without_g_is_itself() -> None:
    """Only -G makes a time of it."""
    assert Names(Path("100%H.parquet"), Rotation(size=10**6)).first().name == "100%H.parquet"


def test_a_format_that_makes_no_name() -> None:
    """One line, as for any wrong option."""
    with pytest.raises(UsageError, match="makes no name of a file"):
        Names(Path("%D"), Rotation(seconds=60))
