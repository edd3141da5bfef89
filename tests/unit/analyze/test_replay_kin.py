"""The replay of some processes alone says of them what the replay of all says."""

import random
from pathlib import Path
from typing import Any

import pytest

from analyze.replay import Replay
from analyze.reports import find
from analyze.reports.run import Options, run
from analyze.session import Session
from tests.often import often
from tests.unit.analyze.captures import write_parquet
from tests.unit.analyze.test_replay import Row, Trace

FDS = (3, 4, 5)
QUIET = 5
"""So many of the steps concern no other process's sockets: whoever takes the others is always replayed."""
NAMES = "SELECT ts, pid, file, peer FROM calls WHERE on_host(host, pid) = $1 ORDER BY ts"


def wander(seed: int) -> Trace:
    """Processes that fork, share, open, connect and accept at random, with two threads each."""
    chance, trace, alive = random.Random(seed), Trace(), [1]
    trace.row("fd", fd=3, path="/there/before", arg0=0)
    for number in range(150):
        pid, fd, other = chance.choice(alive), chance.choice(FDS), chance.choice(FDS)
        own = {"pid": pid, "tid": pid + 1000 * chance.randrange(2)}
        far = chance.choice(("unix:", f"10.0.0.3:{number}"))
        steps: tuple[tuple[str, tuple[int, ...], Row], ...] = (
            ("openat", (-100, 0, 0), {"path": f"/{number}", "ret": fd}),
            ("close", (fd,), {}),
            ("dup", (fd,), {"ret": other}),
            ("chdir", (0,), {"path": chance.choice(("/a", "b", ".."))}),
            ("socket", (2, 1, 0), {"ret": fd}),
            ("connect", (fd, 0, 0), {"addr": f"10.0.0.1:{number}"}),
            ("bind", (fd, 0, 0), {"addr": f"10.0.0.2:{number}"}),
            ("accept4", (fd, 0, 0, 0), {"ret": other, "addr": far}),
            ("unshare", (chance.choice((0x200, 0x400, 0x600)),), {}),
        )
        if chance.random() < 0.1:
            alive.append(len(alive) + 1)
            trace.fork(pid, alive[-1], chance.choice((0, 0, 1, 2, 3)))
        name, arguments, values = chance.choice(steps[: None if seed % 2 else QUIET])
        trace.call(name, *arguments, **values, **own)
        trace.use(chance.choice(FDS), **own)
        trace.open("relative", 9, **own)
    return trace


@pytest.mark.parametrize("seed", range(often(5, 100)))
def test_some_processes_alone(seed: int, tmp_path: Path) -> None:
    """Whoever has them from whom, and whoever connects what others have."""
    path = str(write_parquet(tmp_path / "x.parquet", wander(seed).rows))
    with Session([path]) as whole, Session([path]) as parts:
        parts.describe("SELECT file FROM calls")
        for (pid,) in whole.fetch("SELECT DISTINCT pid FROM calls"):
            with parts.replay.only([pid]):
                assert parts.fetch(NAMES, [pid]) == whole.fetch(NAMES, [pid])
        assert parts.fetch(NAMES, [1]) == whole.fetch(NAMES, [1])


def test_slowest_replays_those_whom_it_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A limit lets it; its rows are the same without."""
    asked: list[set[int]] = []
    only = Replay.only

    def noted(self: Replay, processes: Any) -> Any:
        asked.append(set(processes))
        return only(self, asked[-1])

    monkeypatch.setattr(Replay, "only", noted)
    path, slowest = str(write_parquet(tmp_path / "x.parquet", wander(1).rows)), find("slowest")
    with Session([path]) as session:
        few = list(run(session, slowest, Options(limit=7)).result.rows())
        assert asked == [{row[4] for row in few}]
        assert few == list(run(session, slowest, Options(limit=0)).result.rows())[:7]
        assert few == list(run(session, slowest, Options(limit=7)).result.rows())
