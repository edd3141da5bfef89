"""What the replay is made of: changes of values in time, and paths made absolute."""

from collections.abc import Callable, Iterable
from pathlib import Path
from threading import Thread, current_thread, main_thread
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyze.api import Capture, open_capture
from analyze.errors import QueryError
from analyze.replay import Replay
from analyze.replay.paths import absolute
from analyze.replay.tables import ALWAYS
from analyze.replay.timeline import Changes, Timeline
from analyze.session import Session
from analyze.statements import query_errors
from tests.unit.analyze.captures import loss_row, make_rows, plain_row, write_parquet
from tests.unit.analyze.inside import run

TIMES = st.integers(-5, 20) | st.just(ALWAYS)
ENDS = st.sampled_from([1 - 2**63, 2**63 - 1])


@given(
    st.lists(st.tuples(st.integers(0, 3), TIMES, st.integers(0, 9)), max_size=30),
    st.lists(st.tuples(st.integers(-1, 4), TIMES | ENDS), min_size=1, max_size=20),
    st.sampled_from([1, 1 << 40, 1 << 58]),
)
@settings(max_examples=300, deadline=None)
def test_changes_find_the_last_one_before(
    changes: list[tuple[int, int, int]], asked: list[tuple[int, int]], unit: int
) -> None:
    """For any changes and questions, as a loop over all of them would; whether or not ns fit beside a key (Clock)."""

    def scaled(time: int) -> int:
        return time * unit if abs(time) < 100 else time

    changes = [(key, scaled(since), value) for key, since, value in changes]
    columns = np.array(changes, np.int64).reshape(-1, 3)
    found = Changes(columns[:, 0], columns[:, 1], columns[:, 2])
    keys, times = np.array([(key, scaled(at)) for key, at in asked], np.int64).T
    for key, at, place in zip(keys.tolist(), times.tolist(), found.find(keys, times).tolist(), strict=True):
        before = [
            (since, index, value)
            for index, (one, since, value) in enumerate(changes)
            if one == key and since <= max(at, ALWAYS)
        ]
        assert (int(found.value[place]) if place >= 0 else None) == (max(before)[2] if before else None)
        if before:
            assert (found.key(np.array([place]))[0], found.since(np.array([place]))[0]) == (key, max(before)[0])


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


@pytest.mark.parametrize(
    ("ask", "replays"),
    [
        (lambda capture: capture.report("files").rows(), True),
        (lambda capture: capture.report("top", filter="fd.name contains passwd").rows(), True),
        (lambda capture: capture.sql("SELECT file, count(*) FROM calls GROUP BY ALL").arrow().to_pylist(), True),
        (lambda capture: capture.calls().rows(), True),
        (lambda capture: capture.sql("SELECT count(*) FROM calls").rows(), False),
        (lambda capture: capture.sql("SELECT file, count(*) FROM events GROUP BY ALL").rows(), False),
    ],
)
def test_a_replay_comes_before_the_query(
    ask: Callable[[Capture], Iterable[Any]], replays: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Amid it, in a thread of DuckDB's, the others would wait; and what looks up no names replays nothing."""
    threads: list[Thread] = []
    real = Replay._run

    def noted(self: Replay, processes: Iterable[int] | None = None) -> Timeline:
        threads.append(current_thread())
        return real(self, processes)

    monkeypatch.setattr(Replay, "_run", noted)
    opened = plain_row(syscall="openat", path="/etc/passwd", path2="/etc/passwd", ret=3, fd=3, arg2=0)
    with open_capture(write_parquet(tmp_path / "x.parquet", [opened, *make_rows(50)])) as capture:
        assert list(ask(capture))
    assert threads == [main_thread()] * replays


def test_the_end_of_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A duration that leads beyond it counts as none, in what is looked up and in what is shown and summed up."""
    end = 2**63 - 1000
    opens = {"syscall": "openat", "nr": 257, "path": "/x", "ret": 3, "fd": 3, "arg0": -100, "arg2": 0}
    rows = [
        plain_row(ts=end, pid=1, tid=1, dur_ns=5000, **opens),
        plain_row(ts=end + 10, pid=1, tid=1, dur_ns=2**63 - 6000, syscall="read", nr=0, arg0=3, fd=3, ret=1),
        plain_row(ts=-(2**63) + 1, pid=1, tid=1, dur_ns=5, syscall="close", nr=3, arg0=3, fd=3, ret=0),
        plain_row(ts=end, kind="fork", pid=2, tid=2, ppid=1, arg0=2**63 - 1, weight=0),
        loss_row("read", 4, ts=end, dur_ns=2**63 - 1),
    ]
    path = write_parquet(tmp_path / "x.parquet", rows)
    with open_capture(path) as capture:
        assert sorted(capture.sql("SELECT file, syscall FROM calls WHERE epoch_ns(ts) > 0").rows()) == [
            ("/x", "openat"),
            ("/x", "read"),
        ]
        assert len(list(capture.report("files").rows())) == 1
        assert list(capture.report("timeline").rows())
        assert next(iter(capture.report("top", filter="evt.time >= 0").rows()))
    assert run(monkeypatch, "show", "-y", "-T", str(path)) == 0
    assert 'openat(AT_FDCWD, "/x", O_RDONLY) = 3</x>' in capsys.readouterr().out


def test_each_scan_of_a_replay_knows_the_footer(tmp_path: Path) -> None:
    """Which takes 300 MB and half a second if there are 300,000 columns of row groups."""
    with (
        Session([str(write_parquet(tmp_path / "x.parquet", [plain_row()]))]) as session,
        session.database.cursor() as own,
    ):
        assert own.execute("SELECT current_setting('parquet_metadata_cache')").fetchone() == (True,)


def test_what_arrow_says_for_duckdb() -> None:
    """An error amid a stream comes as an OSError, whose first line is the message."""
    with pytest.raises(QueryError, match=r"^Out of Range Error: Overflow$"), query_errors():
        raise OSError("Out of Range Error: Overflow\n\nand a hint")
