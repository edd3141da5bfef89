"""The reports beyond summary, top and latency, against plain Python over the same rows."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from analyze import reports
from analyze.errors import QueryError, UsageError
from analyze.reports.run import Options, run
from analyze.session import Session
from tests.unit.analyze.captures import START, loss_row, make_rows, metadata_of, plain_row, varied, write_parquet
from tests.unit.analyze.test_reports_run import answer, nearest_rank, process_name

Row = dict[str, Any]
SECOND = 10**9
IN, OUT = {"read"}, {"write"}
STATE = [
    plain_row(kind="fork", pid=101, tid=101, ppid=100, comm="nginx", weight=0, ts=START - 500),
    plain_row(kind="exec", pid=101, tid=101, ppid=100, comm="nginx", weight=0, cmdline="nginx -g x", ts=START - 400),
    plain_row(kind="exit", pid=101, tid=1101, comm="nginx", weight=0, ret=0, arg0=0, ts=START + 4000),
    plain_row(kind="exit", pid=101, tid=101, comm="nginx", weight=0, ret=3 << 8, arg0=1, ts=START + 5000),
    plain_row(kind="exit", pid=102, tid=102, comm="sshd", weight=0, ret=9, arg0=1, ts=START + 6000),
    plain_row(kind="process", pid=104, tid=104, ppid=1, comm="x", weight=0, cmdline="x -y"),
]
LOSSES = [
    loss_row("read", 5, ts=START + 100_000, dur_ns=10, cpu=1),
    loss_row(None, 3, cause=3, ts=START + 900_000, dur_ns=400_000, cpu=0),
]


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    """The calls."""
    return varied(make_rows(2500, seed=11))


@pytest.fixture(scope="module")
def session(rows: list[Row], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """A capture of them in two files, of processes that begin and end, and of losses."""
    folder = tmp_path_factory.mktemp("capture")
    span = {"start": "2026-09-21T14:13:20Z", "end": "2026-09-21T14:13:20.0025Z"}
    write_parquet(folder / "1.parquet", [*STATE, *rows[:1300]], **span)
    write_parquet(folder / "2.parquet", [*rows[1300:], *LOSSES], **span)
    with Session([str(folder)]) as opened:
        yield opened


def bytes_of(row: Row) -> int | None:
    """Bytes that a call moved."""
    return int(row["ret"]) if row["syscall"] in IN | OUT and row["ret"] is not None and row["ret"] >= 0 else None


def whole(rows: list[Row], column: str = "dur_ns") -> int:
    """A sum in which NULL is nothing."""
    return sum(row[column] or 0 for row in rows)


def test_slowest(session: Session, rows: list[Row]) -> None:
    """The calls in order of their duration, each with its context."""
    names = ("ts", "dur_ns", "runq_ns", "syscall", "pid", "tid", "comm", "fd", "ret", "errno")
    behind = {tuple(key): names for *key, names in session.query("SELECT ts, tid, (file, peer) FROM calls").rows()}
    expected, last = [], dict[tuple[int, int], str]()
    for row in sorted(rows, key=lambda row: row["ts"]):
        file, peer = behind[row["ts"], row["tid"]]
        known = file or row["path"] if row["path"] else peer or file or row["addr"]
        thread = row["pid"], row["tid"]
        context = {"about": known, "before": last.get(thread), "host": "box"}
        expected.append({**{name: row[name] for name in names}, **context})
        last[thread] = " ".join(filter(None, (row["syscall"], row["errno"])))
    expected = [row for row in expected if row["dur_ns"] is not None]
    expected.sort(key=lambda row: (-row["dur_ns"], row["ts"]))
    for limit in (50, 0):
        assert answer(session, "slowest", Options(limit=limit)) == expected[: limit or None]


@pytest.mark.parametrize("by", [(), ("path", "error"), ("process",), ("comm", "errno")], ids="-".join)
def test_errors(session: Session, rows: list[Row], by: tuple[str, ...]) -> None:
    """Each group of failed calls."""
    key = {(): ("syscall", "errno"), ("path", "error"): ("errno", "path"), ("process",): ("pid",)}.get(by, by)
    failed = [row for row in rows if row["errno"]]
    groups = defaultdict(list)
    for row in failed:
        groups[tuple(row[name] for name in key)].append(row)
    got = answer(session, "errors", Options(by=by, limit=0))
    assert len(got) == len(groups)
    for row in got:
        mine = groups[tuple(row[name] for name in key)]
        assert row["errors"] == len(mine)
        assert row["share"] == pytest.approx(len(mine) / len(failed))
        assert row["processes"] == len({one["pid"] for one in mine})
        assert (row["time_ns"], row["first"]) == (whole(mine), min(one["ts"] for one in mine))


def test_processes(session: Session, rows: list[Row]) -> None:
    """Calls, parents, lives and ends, as far as they were seen."""
    got = {row["pid"]: row for row in answer(session, "processes", Options(limit=0))}
    assert set(got) == {row["pid"] for row in rows}
    for pid, row in got.items():
        mine = [one for one in rows if one["pid"] == pid]
        assert row["process"] == process_name(rows, ("pid",), (pid,))
        assert row["threads"] == len({one["tid"] for one in mine})
        assert (row["calls"], row["errors"]) == (len(mine), sum(one["errno"] is not None for one in mine))
        assert (row["time_ns"], row["runq_ns"]) == (whole(mine), whole(mine, "runq_ns"))
        assert row["host"] == "box"
    assert {pid: row["ppid"] for pid, row in got.items()} == {100: None, 101: 100, 102: None, 103: None, 104: 1}
    assert {pid: row["ended"] for pid, row in got.items() if row["ended"]} == {101: "exit 3", 102: "signal 9"}
    assert {pid: row["life_ns"] for pid, row in got.items() if row["life_ns"]} == {101: 5500}
    assert {pid: row["cmdline"] for pid, row in got.items() if row["cmdline"]} == {101: "nginx -g x", 104: "x -y"}


@pytest.mark.parametrize(("interval", "width"), [(None, 100_000), ("250us", 250_000), ("1s", SECOND)])
def test_timeline(session: Session, rows: list[Row], interval: str | None, width: int) -> None:
    """Every interval from the first call to the last, with what began in it and what was lost in it."""
    params = {"interval": interval} if interval else {}
    got = answer(session, "timeline", Options(params=params))
    slots = defaultdict(list)
    for row in rows:
        slots[row["ts"] // width].append(row)
    assert [row["at"] for row in got] == [slot * width for slot in range(min(slots), max(slots) + 1)]
    for row in got:
        mine = slots[row["at"] // width]
        durations = [one["dur_ns"] for one in mine if one["dur_ns"] is not None]
        assert (row["calls"], row["errors"]) == (len(mine), sum(one["errno"] is not None for one in mine))
        assert (row["bytes"], row["time_ns"]) == (sum(bytes_of(one) or 0 for one in mine), whole(mine))
        assert (row["p50_ns"], row["p99_ns"]) == (nearest_rank(durations, 0.5), nearest_rank(durations, 0.99))
        assert row["max_ns"] == max(durations, default=None)
        lost = [loss for loss in LOSSES if loss["ts"] < row["at"] + width and loss["ts"] + loss["dur_ns"] >= row["at"]]
        assert row["lost"] == (sum(loss["weight"] for loss in lost) or None)


def test_timeline_shows_intervals_without_calls(tmp_path: Path) -> None:
    """A pause is a row of zeros."""
    calls = [plain_row(ts=START + second * SECOND, syscall="read", ret=0, dur_ns=5) for second in (0, 3)]
    with Session([str(write_parquet(tmp_path / "x.parquet", calls))]) as session:
        got = answer(session, "timeline", Options(params={"interval": "1s"}))
    assert [row["calls"] for row in got] == [1, 0, 0, 1]
    assert [row["p99_ns"] for row in got] == [5, None, None, 5]


def test_timeline_refuses_too_many_intervals(tmp_path: Path) -> None:
    """Instead of filling the memory."""
    calls = [plain_row(ts=START + second * SECOND, syscall="read", ret=0, dur_ns=5) for second in (0, 3)]
    path = write_parquet(tmp_path / "x.parquet", calls)
    with Session([str(path)]) as session, pytest.raises(QueryError, match="3000000000 intervals are too many; give"):
        answer(session, "timeline", Options(params={"interval": "1"}))


def test_timeline_of_nothing_is_empty(tmp_path: Path) -> None:
    """No calls, no intervals, no error."""
    with Session([str(write_parquet(tmp_path / "x.parquet", []))]) as session:
        assert answer(session, "timeline", Options()) == []


@pytest.mark.parametrize(("least", "ns"), [("10us", 10_000), ("1ms", 10**6), ("0", 0)])
def test_blocked(session: Session, rows: list[Row], least: str, ns: int) -> None:
    """The wait of the calls that are long enough, apart from the wait for a CPU."""
    groups = defaultdict(list)
    for row in rows:
        if row["dur_ns"] is not None and row["dur_ns"] >= ns:
            groups[row["syscall"]].append(row)
    waits = {name: whole(mine) - whole(mine, "runq_ns") for name, mine in groups.items()}
    got = answer(session, "blocked", Options(limit=0, params={"least": least}))
    assert {row["syscall"] for row in got} == set(groups)
    for row in got:
        mine = groups[row["syscall"]]
        durations = [one["dur_ns"] for one in mine]
        assert (row["calls"], row["wait_ns"], row["runq_ns"]) == (
            len(mine),
            waits[row["syscall"]],
            whole(mine, "runq_ns"),
        )
        assert row["share"] == pytest.approx(waits[row["syscall"]] / sum(waits.values()))
        assert (row["p50_ns"], row["p99_ns"]) == (nearest_rank(durations, 0.5), nearest_rank(durations, 0.99))
        assert row["max_ns"] == max(durations)


def test_a_duration_that_is_none_is_refused(session: Session) -> None:
    """With what to write."""
    with pytest.raises(UsageError, match="--least soon: soon is no duration; write 500us"):
        run(session, reports.find("blocked"), Options(params={"least": "soon"}))


@pytest.mark.parametrize(("least", "tiny"), [(10, 64), (3, 2000), (1, 1)])
def test_repeats(session: Session, rows: list[Row], least: int, tiny: int) -> None:
    """Calls on one path, and reads and writes of few bytes, that are often enough."""
    groups = defaultdict(list)
    for row in rows:
        key = ("box", row["pid"], row["comm"], row["syscall"])
        if row["path"]:
            groups[*key, "path", row["path"]].append(row)
        moved = bytes_of(row)
        if moved is not None and 1 <= moved <= tiny and row["fd"] is not None:
            groups[*key, "tiny", f"descriptor {row['fd']}"].append(row)
    expected = []
    for (host, pid, comm, syscall, kind, about), mine in groups.items():
        errors = sum(one["errno"] is not None for one in mine)
        path = "always fails" if errors == len(mine) else "same path"
        pattern = path if kind == "path" else "tiny reads" if syscall in IN else "tiny writes"
        if len(mine) >= least:
            moved = sum(bytes_of(one) or 0 for one in mine)
            row = (
                pattern,
                pid,
                comm,
                syscall,
                about,
                len(mine),
                errors if kind == "path" else 0,
                moved,
                whole(mine),
                host,
            )
            expected.append(row)
    got = answer(session, "repeats", Options(limit=0, params={"least": str(least), "tiny": str(tiny)}))
    assert sorted(tuple(row.values()) for row in got) == sorted(expected)


@pytest.mark.parametrize("by", [(), ("process",), ("direction",)], ids="-".join)
def test_io(session: Session, rows: list[Row], by: tuple[str, ...]) -> None:
    """Sizes of reads and writes: sum, percentiles, histogram, the share of the tiny ones."""
    key = {(): "syscall", ("process",): "pid", ("direction",): "direction"}[by]
    groups = defaultdict(list)
    for row in rows:
        if bytes_of(row):
            groups[{**row, "direction": "read" if row["syscall"] in IN else "write"}[key]].append(row)
    got = answer(session, "io", Options(by=by, limit=0, params={"tiny": "500"}))
    assert {row[key] for row in got} == set(groups)
    for row in got:
        mine = groups[row[key]]
        sizes = [bytes_of(one) or 0 for one in mine]
        assert (row["calls"], row["bytes"], row["time_ns"]) == (len(mine), sum(sizes), whole(mine))
        assert (row["p50_bytes"], row["p99_bytes"]) == (nearest_rank(sizes, 0.5), nearest_rank(sizes, 0.99))
        assert row["tiny_share"] == pytest.approx(sum(size <= 500 for size in sizes) / len(sizes))
        assert row["sequential_share"] is None
        assert row["sizes"] == Counter(size.bit_length() - 1 for size in sizes)


def test_io_knows_sequential_from_random(tmp_path: Path) -> None:
    """By the positions that pread and pwrite name, for each thread and descriptor."""
    reads = [(3, 0, 10), (3, 10, 10), (4, 0, 7), (3, 20, 5), (3, 99, 5), (4, 7, 7)]
    calls = [
        plain_row(ts=START + index, syscall="pread64", nr=17, fd=fd, arg3=position, ret=count, dur_ns=1)
        for index, (fd, position, count) in enumerate(reads)
    ]
    calls.append(plain_row(ts=START + 9, syscall="pread64", nr=17, fd=3, arg3=500, ret=0, dur_ns=1))
    with Session([str(write_parquet(tmp_path / "x.parquet", calls))]) as session:
        (row,) = answer(session, "io", Options())
    assert row["sequential_share"] == pytest.approx(3 / 4)
    assert row["calls"] == 6


def test_files(session: Session, rows: list[Row]) -> None:
    """What stands behind a call is the replay's affair; what is counted of it is told apart here."""
    calls = list(session.query("SELECT file, syscall, errno, bytes, direction, dur_ns FROM calls").rows())
    groups = defaultdict(list)
    for call in calls:
        if call[0] is not None and not call[0].startswith("socket:"):
            groups[call[0]].append(call)
    got = {row["file"]: row for row in answer(session, "files", Options(limit=0))}
    assert set(got) == set(groups)
    assert "/etc/passwd" in got
    for file, mine in groups.items():
        row = got[file]
        assert (row["calls"], row["errors"]) == (len(mine), sum(one[2] is not None for one in mine))
        assert row["opens"] == sum(one[1] == "openat" and one[2] is None for one in mine)
        for way, count, total in (("read", "reads", "read_bytes"), ("write", "writes", "written_bytes")):
            assert row[count] == sum(one[4] == way for one in mine)
            assert row[total] == sum(one[3] or 0 for one in mine if one[4] == way)
        assert row["time_ns"] == sum(one[5] or 0 for one in mine)


def test_peers(tmp_path: Path) -> None:
    """Connections from here and to here, and what went over them."""
    peer = "10.0.0.7:443"
    calls = [
        dict(syscall="socket", nr=41, fd=3, ret=3, arg0=2, arg1=1),
        dict(syscall="connect", nr=42, fd=3, ret=0, addr=peer),
        dict(syscall="write", nr=1, fd=3, ret=10),
        dict(syscall="read", nr=0, fd=3, ret=70),
        dict(syscall="read", nr=0, fd=3, ret=-104, errno="ECONNRESET"),
        dict(syscall="connect", nr=42, fd=4, ret=-111, errno="ECONNREFUSED", addr=peer),
        dict(syscall="connect", nr=42, fd=5, ret=-115, errno="EINPROGRESS", addr="[::1]:53"),
        dict(syscall="accept4", nr=288, fd=6, ret=6, addr="10.0.0.9:5000"),
        dict(syscall="getpid", nr=39, ret=1),
    ]
    rows = [
        plain_row(**{"ts": START + 1000 * index, "dur_ns": 100, "arg0": call.get("fd"), **call})
        for index, call in enumerate(calls)
    ]
    with Session([str(write_parquet(tmp_path / "x.parquet", rows))]) as session:
        got = {row.pop("peer"): list(row.values()) for row in answer(session, "peers", Options())}
    assert got == {
        peer: [5, 2, 1, 1, 0, 70, 10, 500],
        "[::1]:53": [1, 1, 1, 0, 0, 0, 0, 100],
        "10.0.0.9:5000": [1, 0, 0, 0, 1, 0, 0, 100],
    }


def test_losses(session: Session) -> None:
    """By cause, call and CPU."""
    got = answer(session, "losses", Options())
    assert [
        (row["cause"], row["syscall"], row["cpu"], row["calls"], row["first"], row["within_ns"]) for row in got
    ] == [
        ("ring_full", "read", 1, 5, START + 100_000, 10),
        ("writer", None, 0, 3, START + 900_000, 400_000),
    ]


@pytest.mark.parametrize("name", sorted(set(reports.names()) - {"losses"}))
def test_every_report_obeys_the_filter(session: Session, name: str) -> None:
    """With a filter that keeps nothing there are no rows, and with one that keeps all there are the same as without."""
    paths = [source.name for source in session.sources]
    for text, expected in (("proc.pid = 77", []), ("proc.pid > 0", answer(session, name, Options(limit=0)))):
        with Session(paths, filters=[text]) as narrowed:
            assert answer(narrowed, name, Options(limit=0)) == expected


@pytest.mark.parametrize("name", sorted(reports.names()))
def test_every_report_takes_an_empty_capture(tmp_path: Path, name: str) -> None:
    """No rows, no error, nor with totals."""
    path = write_parquet(tmp_path / "x.parquet", [])
    assert metadata_of([])
    with Session([str(path)]) as session:
        answered = run(session, reports.find(name), Options(), totals=True)
        assert list(answered.result.rows()) == []
