"""`analyze diff`: runs of one program differ in nothing of weight; what is planted in one of them comes first."""

import json
import tempfile
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analyze.diff import Change, Profile, compare, profile
from analyze.diff.names import normal_path, normal_peer, normal_thread
from analyze.diff.noise import dispersion, drift, middle, pace, rank_sum
from analyze.session import Session
from tests.unit.analyze.captures import START, plain_row, write_parquet
from tests.unit.analyze.inside import run

Rows = list[dict[str, Any]]
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
FILES = ("/etc/app.conf", "/usr/lib/libapp.so.1", "/var/lib/app/data", "/var/log/app.log")


class Run:
    """One run of a made-up program: the same calls each time, other pids, names, times and waits."""

    def __init__(self, seed: int, slow: float = 1.0) -> None:
        """`slow` is how many times as long everything takes."""
        self.random = np.random.default_rng(seed)
        self.slow = slow
        self.rows: Rows = []
        self.pid = int(self.random.integers(1000, 30000))
        self.clock = START

    def call(self, name: str, ns: float = 2000, *, comm: str = "app", errno: str | None = None, **more: Any) -> None:
        """One call of a thread, its duration drawn around `ns`."""
        lasted = int(ns * self.slow * np.exp(self.random.normal(0, 0.35)))
        columns = {"ts": self.clock, "dur_ns": lasted, "pid": self.pid, "tid": self.pid, "comm": comm, "nr": 0}
        ret = -1 if errno else 0
        self.rows.append(plain_row(**{**columns, "syscall": name, "ret": ret, "errno": errno, **more}))
        self.clock += lasted + int(self.random.integers(500, 5000))

    def use(self, path: str, reads: int = 3, **more: Any) -> None:
        """Open a file, read it, close it."""
        self.call("openat", 6000, path=path, arg0=-100, arg2=0, fd=3, ret=3, **more)
        for _ in range(reads):
            self.call("read", 1500, fd=3, arg0=3, ret=100, **more)
        self.call("close", 700, fd=3, arg0=3, **more)

    def whole(self) -> "Run":
        """The program from start to end."""
        chance = self.random
        for turn in range(40):
            for path in FILES:
                self.use(path)
            self.call("fsync", 40_000, fd=4, arg0=4)
            self.call("futex", 90_000, comm=f"worker-{turn % 4}")
            for _ in range(int(chance.poisson(3))):
                self.call("epoll_wait", float(chance.exponential(2e6)))
                self.call("futex", 50_000, errno="EAGAIN")
            self.call("newfstatat", 3000, errno="ENOENT", path="/etc/app.local", arg0=-100)
            self.call("connect", 30_000, fd=5, arg0=5, addr="10.0.0.7:443")
            self.call("accept4", 400_000, addr=f"10.0.0.9:{int(chance.integers(40000, 60000))}")
        for _ in range(10):
            self.use(f"/tmp/app{''.join(chance.choice(list(LETTERS), 4))}9aZ.tmp", comm="helper")
            self.use(f"/proc/{int(chance.integers(2, 40000))}/stat", comm="helper")
        return self


def profile_of(path: Path, run: Run) -> Profile:
    """The profile of a run's capture, written to `path`."""
    with Session([str(write_parquet(path, run.rows))]) as session:
        return profile(session)


@cache
def first_profile(seed: int) -> Profile:
    """The profile of a run without anything planted, made once for all tests."""
    with tempfile.TemporaryDirectory() as folder:
        return profile_of(Path(folder) / "a.parquet", Run(seed).whole())


def changed(tmp_path: Path, first: int, second: Run) -> list[Change]:
    """What diff finds between the run of a seed and another run."""
    return compare(first_profile(first), profile_of(tmp_path / "b.parquet", second))


def slowed(name: str, factor: float, comm: str = "app") -> Callable[[Run], None]:
    """Makes one call of a thread slower."""

    def plant(run: Run) -> None:
        for row in run.rows:
            if row["syscall"] == name and row["comm"] == comm:
                row["dur_ns"] = int(row["dur_ns"] * factor)

    return plant


def once_more(name: str, *, comm: str = "app", **more: Any) -> Callable[[Run], None]:
    """Adds one call."""
    return lambda run: run.call(name, comm=comm, **more)


def more_calls(name: str, times: int, **more: Any) -> Callable[[Run], None]:
    """Adds calls."""

    def plant(run: Run) -> None:
        for _ in range(times):
            run.call(name, **more)

    return plant


def without(name: str, **columns: Any) -> Callable[[Run], None]:
    """Takes calls away that have these values."""

    def plant(run: Run) -> None:
        run.rows = [
            row
            for row in run.rows
            if row["syscall"] != name or any(row[column] != value for column, value in columns.items())
        ]

    return plant


def one_hangs(run: Run) -> None:
    """One fsync takes longer than all else."""
    next(row for row in reversed(run.rows) if row["syscall"] == "fsync")["dur_ns"] = 2_000_000_000


PLANTED: dict[str, tuple[Callable[[Run], None], tuple[str, str, str]]] = {
    "slow fsync": (slowed("fsync", 4), ("latency", "slower", "fsync")),
    "slow openat": (slowed("openat", 3), ("latency", "slower", "openat")),
    "slow read": (slowed("read", 2.5), ("latency", "slower", "read")),
    "slow close": (slowed("close", 8), ("latency", "slower", "close")),
    "slow stat": (slowed("newfstatat", 6), ("latency", "slower", "newfstatat")),
    "slow wait": (slowed("accept4", 12), ("latency", "slower", "accept4")),
    "fast fsync": (slowed("fsync", 0.2), ("latency", "faster", "fsync")),
    "one that hangs": (one_hangs, ("latency", "slower", "fsync the slowest one")),
    "new file": (lambda run: run.use("/etc/passwd"), ("file", "new", "/etc/passwd")),
    "new file in a folder of temporary ones": (lambda run: run.use("/tmp/lock"), ("file", "new", "/tmp/lock")),
    "new library": (lambda run: run.use("/usr/lib/libnew.so.2"), ("file", "new", "/usr/lib/libnew.so.2")),
    "new file of a helper": (lambda run: run.use("/root/.ssh/id", comm="helper"), ("file", "new", "/root/.ssh/id")),
    "one more error, of a file that was not tried before": (
        once_more("newfstatat", errno="ENOENT", path="/opt/x", arg0=-100),
        ("error", "new", "newfstatat ENOENT /opt/x"),
    ),
    "one more error of another kind": (
        once_more("openat", errno="EACCES", path="/etc/app.conf", arg0=-100),
        ("error", "new", "openat EACCES /etc/app.conf"),
    ),
    "one more error of those that were there": (
        once_more("newfstatat", errno="ENOENT", path="/etc/app.local", arg0=-100),
        ("error", "more", "newfstatat ENOENT /etc/app.local"),
    ),
    "an error at a peer": (
        once_more("connect", errno="ECONNREFUSED", addr="10.0.0.7:443", fd=5, arg0=5),
        ("error", "new", "connect ECONNREFUSED 10.0.0.7:443"),
    ),
    "new peer": (once_more("connect", addr="192.0.2.1:25", fd=9, arg0=9), ("peer", "new", "192.0.2.1:25")),
    "new process": (once_more("getpid", comm="miner"), ("process", "new", "miner")),
    "new call": (more_calls("unlinkat", 3), ("call", "new", "unlinkat")),
    "more calls": (more_calls("fsync", 30, ns=40_000), ("call", "more", "fsync")),
    "fewer calls": (without("fsync"), ("call", "gone", "fsync")),
    "file gone": (without("openat", path="/var/log/app.log"), ("file", "gone", "/var/log/app.log")),
}


def told(change: Change) -> tuple[str, str, str]:
    """A change as PLANTED has it, but for the process."""
    return change.kind, change.change, f"{change.call} {change.what}".strip()


def says(change: Change, kind: str, word: str, what: str) -> bool:
    """Whether a change is the one that was planted."""
    return told(change)[:2] == (kind, word) and what in f"{change.process} {change.call} {change.what}"


@pytest.mark.parametrize("seed", range(5))
def test_two_runs_of_one_program_differ_in_nothing_of_weight(tmp_path: Path, seed: int) -> None:
    """Other pids, temporary names, ports, waits and latencies of the same distribution are no change."""
    assert changed(tmp_path, seed, Run(seed + 100).whole()) == []


@pytest.mark.parametrize("name", PLANTED)
def test_what_is_planted_comes_first(tmp_path: Path, name: str) -> None:
    """Of one change, made in a second run, the first line tells."""
    plant, expected = PLANTED[name]
    second = Run(7).whole()
    plant(second)
    found = changed(tmp_path, 1, second)
    assert found and says(found[0], *expected), list(map(told, found))


@pytest.mark.parametrize("seed", range(5))
def test_three_planted_changes_are_the_first_three(tmp_path: Path, seed: int) -> None:
    """One slowed call, one new file, one more error: these are named first, whatever follows from them."""
    second = Run(seed + 50).whole()
    chosen = ("slow fsync", "new file", "one more error, of a file that was not tried before")
    for name in chosen:
        PLANTED[name][0](second)
    found = changed(tmp_path, seed, second)
    assert all(any(says(change, *PLANTED[name][1]) for change in found[:3]) for name in chosen), list(map(told, found))


def test_a_slower_machine_is_one_change(tmp_path: Path) -> None:
    """If all takes three times as long, that is told once, and not call by call."""
    found = changed(tmp_path, 1, Run(2, slow=3).whole())
    assert [told(change)[:2] for change in found] == [("pace", "slower")]


def test_a_capture_of_twice_the_length_is_one_change(tmp_path: Path) -> None:
    """If all comes twice as often, that is told once, and not call by call."""
    second = Run(2).whole().whole()
    assert [told(change)[:2] for change in changed(tmp_path, 1, second)] == [("pace", "more")]


def test_many_new_files_of_a_folder_are_one_change(tmp_path: Path) -> None:
    """What one cannot read through is told in a line."""
    second = Run(2).whole()
    for letter in "abcdefghij":
        second.use(f"/srv/www/{letter}.html")
    (found,) = (one for one in changed(tmp_path, 1, second) if one.kind == "file")
    assert found.what.startswith("10 files in /srv/www, such as /srv/www/")


@pytest.mark.parametrize(
    ("name", "normal"),
    [
        ("/proc/4711/task/4712/stat", "/proc/#/task/#/stat"),
        ("/proc/self/maps", "/proc/self/maps"),
        ("/tmp/ccNGLKeu.s", "/tmp/#.s"),
        ("/tmp/tmpab12cd_e/x", "/tmp/tmp#/x"),
        ("/var/log/app.23412.log", "/var/log/app.#.log"),
        ("/usr/lib/x86_64-linux-gnu/libc.so.6", "/usr/lib/x86_64-linux-gnu/libc.so.6"),
        ("/srv/123e4567-e89b-12d3-a456-426614174000/x", "/srv/#/x"),
        ("/r/.git/objects/d0/0123456789abcdef0123456789abcdef012345", "/r/.git/objects/#/#"),
        ("pipe:[4711]", "pipe:[#]"),
        ("/etc/passwd", "/etc/passwd"),
    ],
)
def test_a_path_without_what_varies(name: str, normal: str) -> None:
    """Pids, ids and random parts go, version numbers stay."""
    assert normal_path(name) == normal


def test_peers_and_threads_without_what_varies() -> None:
    """Ports that the kernel chose and numbers of workers go; what a service listens on stays."""
    assert normal_peer("10.0.0.7:443") == "10.0.0.7:443"
    assert normal_peer("127.0.0.1:54321") == "127.0.0.1:#"
    assert normal_peer("unix:/tmp/sock.AbC1dE") == "unix:/tmp/sock.#"
    assert [normal_thread(name) for name in ("worker-12", "python3", "kworker/0:1H")] == [
        "worker-#",
        "python3",
        "kworker",
    ]


def test_the_rank_sum_test_agrees_with_scipy() -> None:
    """On binned latencies it is scipy's mannwhitneyu without continuity correction."""
    stats = pytest.importorskip("scipy.stats")
    random = np.random.default_rng(3)
    for shift in (0.0, 0.3, 2.0):
        samples = [random.normal(80 + side * shift, 4, 60).astype(int) for side in (0, 1)]
        expected = stats.mannwhitneyu(samples[1], samples[0], use_continuity=False, method="asymptotic")
        found = rank_sum(*(dict(Counter(sample.tolist())) for sample in samples))
        assert found.p == pytest.approx(expected.pvalue, rel=1e-9)
        assert found.greater == pytest.approx(expected.statistic / 60**2)


def test_the_statistics_of_nothing_and_of_equals() -> None:
    """Equal histograms have no shift, a program that always does the same has no variation."""
    same = {80: 10, 88: 10}
    assert rank_sum(same, same).p == 1 and rank_sum({5: 1}, {5: 1}).p == 1
    assert drift([(same, same)] * 5) == 0 and drift([]) == 0
    assert middle({8: 1}) == pytest.approx(2 ** (8.5 / 8))
    assert pace({}, {}) == 1 and dispersion({"x": 5}, {"x": 5}, 1, 0.25) == 0.25 and dispersion({}, {}, 1, 0.25) == 1
    with pytest.raises(ValueError, match="no median"):
        middle({})


@pytest.fixture
def captures(tmp_path: Path) -> tuple[str, str]:
    """Two runs, in the second a new file and a slower fsync."""
    second = Run(2).whole()
    PLANTED["new file"][0](second)
    PLANTED["slow fsync"][0](second)
    runs = {"a": Run(1).whole(), "b": second}
    first, last = (str(write_parquet(tmp_path / f"{name}.parquet", run.rows)) for name, run in runs.items())
    return first, last


def test_the_command_tells_a_table_that_fits(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], captures: tuple[str, str]
) -> None:
    """80 columns, names and numbers with units; the same capture twice: nothing."""
    assert run(monkeypatch, "diff", *captures) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split() == ["new", "file", "app", "/etc/passwd", "0", "5"]
    assert lines[2].startswith("slower latency  app fsync on average") and "µs" in lines[2]
    assert max(map(len, lines)) <= 80
    assert run(monkeypatch, "diff", captures[0], captures[0]) == 0
    assert capsys.readouterr().out == "nothing of weight changed\n"


def test_json_has_the_numbers(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], captures: tuple[str, str]
) -> None:
    """One array of objects, the unit beside the numbers, and nothing else; empty if nothing changed."""
    assert run(monkeypatch, "diff", *captures, "--format", "json") == 0
    file, latency, *_ = json.loads(capsys.readouterr().out)
    assert (file["kind"], file["change"], file["what"], file["before"], file["after"]) == (
        "file",
        "new",
        "/etc/passwd",
        0,
        5,
    )
    assert latency["unit"] == "ns" and latency["ratio"] == pytest.approx(4, rel=0.2) and latency["p"] < 1e-9
    assert run(monkeypatch, "diff", captures[0], captures[0], "--format", "json") == 0
    assert json.loads(capsys.readouterr().out) == []


def test_fail_if_is_for_ci(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], captures: tuple[str, str]
) -> None:
    """8 if a change is as described, 0 if none is, 2 for what is no condition or does more than read."""
    assert run(monkeypatch, "diff", *captures, "--fail-if", "kind = 'file' AND change = 'new'") == 8
    assert "1 change is as --fail-if says" in capsys.readouterr().err
    assert run(monkeypatch, "diff", *captures, "--fail-if", "kind = 'latency' AND ratio > 100") == 0
    assert run(monkeypatch, "diff", *captures, "--fail-if", "nonsense") == 2
    assert "nonsense" in capsys.readouterr().err
    assert run(monkeypatch, "diff", *captures, "--fail-if", "true); DROP TABLE x; SELECT (1") == 2
    assert run(monkeypatch, "diff", captures[0], captures[0], "--fail-if", "true") == 0


def test_a_filter_narrows_both(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], captures: tuple[str, str]
) -> None:
    """What the filter leaves out is not compared."""
    assert run(monkeypatch, "diff", *captures, "-e", "fsync") == 0
    lines = capsys.readouterr().out.splitlines()
    assert len([line for line in lines if "fsync" in line]) == 1 and not any("passwd" in line for line in lines)
