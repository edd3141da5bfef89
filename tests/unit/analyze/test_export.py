"""`analyze export`: what other tools read, and what comes back."""

import json
import re
from collections import defaultdict
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.unit.analyze.captures import START, loss_row, make_rows, plain_row, write_parquet
from tests.unit.analyze.inside import run

SAMPLES = Path(__file__).resolve().parents[3] / "samples"
Rows = list[dict[str, Any]]
Run = pytest.MonkeyPatch
Out = pytest.CaptureFixture[str]
HELD = (
    *("kind", "ts", "dur_ns", "pid", "tid", "comm", "syscall", "nr", "abi", "ret", "errno", "fd", "path", "path2"),
    *("addr", "cmdline", "weight", "flags"),
)
"""Columns of calls that strace's text holds whole, with --ns and --comm."""


def call(name: str, number: int, at: int, **more: Any) -> dict[str, Any]:
    """A call at so many ns after the start, of thread 100 unless said otherwise."""
    values = {"ts": START + at, "dur_ns": 1234, "pid": 100, "tid": 100, "comm": "sh", "ret": 0, "arg0": 3}
    return plain_row(**{**values, "syscall": name, "nr": number, **more})


def program() -> Rows:
    """Calls of a process with a thread and a child, and all that happens to them."""
    inet = {"fd": 4, "arg0": 4, "arg1": 0x7FFE_0010, "arg2": 16, "addr": "10.0.0.7:443"}
    errors = {"ret": -2, "errno": "ENOENT"}
    at = {"arg0": -100, "arg1": 0x5000, "arg2": 0x80000, "arg3": 0}
    return [
        call("execve", 59, 0, path="/bin/sh", cmdline="sh -c 'a b'", arg0=None, arg1=None, arg2=0x7FFE_0000),
        plain_row(kind="exec", ts=START, pid=100, tid=100, comm="sh", arg0=100, path="/bin/sh", cmdline="sh", weight=0),
        call("openat", 257, 2000, path="/etc/hosts", fd=3, **{**at, "ret": 3}),
        call("openat", 257, 4000, path='/a "b"\n\\é', **at, **errors),
        call("openat", 257, 6000, path="/\\xff\\\\", flags=16, **at, **errors),
        call("read", 0, 8000, fd=3, arg1=0x7FFE_1000, arg2=4096, ret=10, data=b'a\0b"\n\\1\xff12'),
        call("connect", 42, 10_000, **inet, ret=-111, errno="ECONNREFUSED"),
        call("mmap", 9, 12_000, arg0=0, arg1=8192, arg2=3, arg3=0x22, arg4=-1, arg5=0, fd=-1, ret=0x7F00_0000_0000),
        call("rename", 82, 14_000, path="x", path2="y", arg0=None, arg1=None),
        call("clone", 56, 16_000, arg0=0x3D0F00, arg1=0x7F01, arg2=0x7F02, arg3=0x7F03, arg4=0x7F04, ret=101),
        plain_row(kind="fork", ts=START + 16_500, pid=100, tid=101, comm="sh", ppid=100, arg0=100, arg1=15, weight=0),
        call("futex", 202, 18_000, tid=101, arg0=0x7F10, arg1=0x80, arg2=0, arg3=0, dur_ns=50_000, arg4=None),
        call("fcntl", 72, 20_000, fd=3, arg1=1030, arg2=10, ret=10),
        call("kill", 62, 22_000, arg0=100, arg1=15),
        plain_row(kind="signal", ts=START + 24_000, pid=100, tid=100, comm="sh", ret=15, arg0=0, arg1=100, weight=0),
        call("wait4", 61, 26_000, arg0=-1, arg1=0x7FFE, arg2=0, arg3=0, ret=None, dur_ns=None, flags=2),
        call("exit_group", 231, 28_000, tid=101, arg0=0, ret=None, dur_ns=None, flags=2),
        plain_row(kind="exit", ts=START + 80_000, pid=100, tid=101, comm="sh", ret=0, arg0=0, weight=0),
        plain_row(kind="exit", ts=START + 90_000, pid=100, tid=100, comm="sh", ret=9, arg0=1, weight=0),
    ]


@pytest.fixture
def capture(tmp_path: Path) -> str:
    """A capture of `program`, its rows in order of return."""
    return str(write_parquet(tmp_path / "trace.parquet", program()))


def test_strace_s_text(monkeypatch: Run, capsys: Out, capture: str) -> None:
    """Number, time, call, result, duration, as `strace -f -ttt -T -o` writes them, in order of entry."""
    assert run(monkeypatch, "export", "--to", "strace", capture) == 0
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert err == "" and len(lines) == 17
    line = re.compile(
        r"\d+ +\d{10}\.\d{6} (\w+\(.*( = .+|<unfinished \.\.\.>)( <\d+\.\d{6}>)?|--- .* ---|\+\+\+ .* \+\+\+)"
    )
    assert [text for text in lines if not line.fullmatch(text)] == []
    assert lines[1] == '100   1790000000.000002 openat(AT_FDCWD, "/etc/hosts", O_RDONLY|O_CLOEXEC) = 3 <0.000001>'
    assert [float(text.split()[1]) for text in lines] == sorted(float(text.split()[1]) for text in lines)


def rows_of(name: str) -> Rows:
    """The rows of a capture, times as ns, in order of time."""
    import pyarrow.parquet as pq

    table = pq.read_table(name)
    table = table.set_column(table.schema.get_field_index("ts"), "ts", table.column("ts").cast("int64"))
    rows: Rows = table.to_pylist()
    return sorted(rows, key=lambda row: (row["ts"], row["tid"], row["kind"]))


def test_what_is_exported_is_imported_again(monkeypatch: Run, capsys: Out, capture: str, tmp_path: Path) -> None:
    """All that the text holds comes back as it was, and is exported to the same text again."""
    log, again, second = (str(tmp_path / name) for name in ("a.log", "b.parquet", "b.log"))
    options = ("--ns", "--comm", "-s", "4096")
    assert run(monkeypatch, "export", "--to", "strace", capture, *options, "-o", log) == 0
    assert run(monkeypatch, "import", log, "-o", again, "--strict") == 0
    assert run(monkeypatch, "export", "--to", "strace", again, *options, "-o", second) == 0
    assert Path(second).read_text() == Path(log).read_text()
    first, last = ([row for row in rows_of(name) if row["kind"] == "syscall"] for name in (capture, again))
    assert [{name: row[name] for name in HELD} for row in last] == [{name: row[name] for name in HELD} for row in first]
    states = [[(row["kind"], row["tid"], row["pid"], row["ret"]) for row in rows_of(name) if row["kind"] != "syscall"]
              for name in (capture, again)]  # fmt: skip
    assert sorted(map(str, states[1])) == sorted(map(str, states[0]))


def test_parsers_find_where_argv_ends(monkeypatch: Run, capsys: Out, capture: str) -> None:
    """As strace prints it: behind the environment stands how much there is of it, which a capture does not know."""
    assert run(monkeypatch, "export", "--to", "strace", capture, "-e", "execve") == 0
    assert '["sh", "-c", "a b"], 0x7ffe0000 /* 0 vars */) = 0 <' in capsys.readouterr().out


@pytest.mark.parametrize("sample", sorted(file.name for file in SAMPLES.glob("*.parquet")))
def test_real_captures_come_back(monkeypatch: Run, capsys: Out, tmp_path: Path, sample: str) -> None:
    """Each call of a sample is exported, imported, and has the same columns, and those arguments that are numbers."""
    log, again = str(tmp_path / "a.log"), str(tmp_path / "b.parquet")
    name = str(SAMPLES / sample)
    assert run(monkeypatch, "export", "--to", "strace", name, "--ns", "--comm", "-s", "65536", "-o", log) == 0
    assert run(monkeypatch, "import", log, "-o", again, "--strict") == 0
    first, last = ([row for row in rows_of(one) if row["kind"] == "syscall"] for one in (name, again))
    assert len(first) == len(last) > 100
    born = {row["tid"] for row in rows_of(again) if row["kind"] == "fork"}
    differing = [
        (column, before[column], after[column], before["syscall"])
        for before, after in zip(first, last, strict=True)
        for column in (*HELD, *(f"arg{index}" for index in range(6)))
        if before[column] != after[column] and not _untold(column, before, after, born)
    ]
    assert differing == []


def _untold(column: str, before: dict[str, Any], after: dict[str, Any], born: set[int]) -> bool:
    """What docs/export.md says that the text cannot hold."""
    if column == "pid":
        return before["tid"] not in born
    if column == "dur_ns":
        return bool(before["flags"] & 1)
    if column == "flags":
        return bool((before[column] ^ after[column]) & ~1 == 0)
    if not column.startswith("arg"):
        return False
    return after[column] is None or before[column] is None or (before[column] ^ after[column]) & 0xFFFF_FFFF == 0


def test_losses_are_said_where_no_format_can(monkeypatch: Run, capsys: Out, tmp_path: Path) -> None:
    """On standard error; in Chrome's trace as an instant of all threads."""
    rows = [call("read", 0, 0), loss_row("read", 7, ts=START + 5, dur_ns=5)]
    name = str(write_parquet(tmp_path / "x.parquet", rows))
    assert run(monkeypatch, "export", "--to", "strace", name) == 0
    out, err = capsys.readouterr()
    assert out.count("\n") == 1 and "7 of 8 calls lost" in err
    events = chrome(monkeypatch, capsys, name)
    assert [(event["s"], event["args"]["calls"]) for event in events if event["ph"] == "i"] == [("g", 7)]


def chrome(monkeypatch: Run, capsys: Out, name: str, *options: str) -> list[dict[str, Any]]:
    """The events of a capture."""
    assert run(monkeypatch, "export", "--to", "chrome", name, *options) == 0
    trace = json.loads(capsys.readouterr().out)
    assert set(trace) == {"displayTimeUnit", "otherData", "traceEvents"} and trace["displayTimeUnit"] in ("ms", "ns")
    events: list[dict[str, Any]] = trace["traceEvents"]
    return events


def check(event: dict[str, Any]) -> None:
    """What the format's document demands of each kind of event that we write."""
    assert isinstance(event["name"], str) and isinstance(event["pid"], int) and isinstance(event["tid"], int)
    match event["ph"]:
        case "X":
            assert isinstance(event["ts"], float) and isinstance(event["dur"], float) and event["dur"] >= 0
            assert isinstance(event["cat"], str) and isinstance(event["args"], dict)
        case "i":
            assert isinstance(event["ts"], float) and event["s"] in ("g", "p", "t")
        case "M":
            assert event["name"] in ("process_name", "thread_name") and isinstance(event["args"]["name"], str)
        case kind:
            raise AssertionError(kind)


def test_chrome_s_events_are_as_the_format_says(monkeypatch: Run, capsys: Out, capture: str) -> None:
    """Complete events, instants, metadata: each with the fields that the document names."""
    events = chrome(monkeypatch, capsys, capture)
    for event in events:
        check(event)
    assert {event["name"] for event in events if event["ph"] == "i"} == {
        *("exec /bin/sh", "SIGTERM", "exited with 0", "killed by SIGKILL"),
    }
    assert {(event["tid"], event["args"]["name"]) for event in events if event["name"] == "thread_name"} == {
        (100, "sh"),
        (101, "sh"),
    }


def test_slices_equal_calls(monkeypatch: Run, capsys: Out, tmp_path: Path) -> None:
    """One slice a call, on the track of its thread, at its time, with its duration and arguments."""
    rows = make_rows(3000)
    slices = [event for event in chrome(monkeypatch, capsys, str(write_parquet(tmp_path / "x.parquet", rows)))
              if event["ph"] == "X"]  # fmt: skip
    begin = min(row["ts"] for row in rows)
    found = sorted((event["pid"], event["tid"], event["name"], round(event["ts"] * 1000), round(event["dur"] * 1000))
                   for event in slices)  # fmt: skip
    names = ("read", "write", "open", "close", "stat", "fstat")
    columns = ((row["pid"], row["tid"], names[row["nr"]], row["ts"] - begin, row["dur_ns"] or 0) for row in rows)
    assert found == sorted(columns)


def test_a_call_that_never_returned_ends_with_its_thread(monkeypatch: Run, capsys: Out, capture: str) -> None:
    """Its slice goes as far as is known."""
    slices = {event["name"]: event for event in chrome(monkeypatch, capsys, capture) if event["ph"] == "X"}
    assert slices["wait4"]["args"]["return"] == "unfinished" and slices["wait4"]["ts"] + slices["wait4"]["dur"] == 90
    assert slices["exit_group"]["ts"] + slices["exit_group"]["dur"] == 80
    assert slices["openat"]["args"]["filename"].startswith('"/')


def test_slices_of_a_thread_do_not_overlap(monkeypatch: Run, capsys: Out, capture: str) -> None:
    """Viewers draw slices of a track nested or apart, nothing else."""
    tracks: dict[int, list[tuple[float, float]]] = defaultdict(list)
    for event in chrome(monkeypatch, capsys, capture):
        if event["ph"] == "X":
            tracks[event["tid"]].append((event["ts"], event["ts"] + event["dur"]))
    for spans in tracks.values():
        spans.sort()
        assert all(end <= begin for (_, end), (begin, _) in pairwise(spans) if end < 60)


def test_names_of_descriptors(monkeypatch: Run, capsys: Out, capture: str) -> None:
    """-y says what they stand for, in both formats."""
    slices = [event for event in chrome(monkeypatch, capsys, capture, "-y") if event["name"] == "read"]
    assert slices[0]["args"]["fd"] == "3</etc/hosts>"
    assert run(monkeypatch, "export", "--to", "strace", capture, "-y") == 0
    assert "read(3</etc/hosts>" in capsys.readouterr().out


def test_folded_stacks(monkeypatch: Run, capsys: Out, tmp_path: Path) -> None:
    """process;call;file and µs, or calls; hostile names stay one frame of one line."""
    rows = [
        call("openat", 257, 0, path="/a;b\n c", fd=3, ret=3, dur_ns=10_400, arg0=-100, arg2=0),
        call("read", 0, 20_000, fd=3, dur_ns=2_100_000),
        call("read", 0, 3_000_000, fd=3, dur_ns=900_000),
        call("getpid", 39, 6_000_000, dur_ns=100, comm="a\x1b;b"),
    ]
    name = str(write_parquet(tmp_path / "x.parquet", rows))
    assert run(monkeypatch, "export", "--to", "folded", name) == 0
    stacks = ["sh;read;/a\\x3bb\\n c 3000", "sh;openat;/a\\x3bb\\n c 10"]
    assert capsys.readouterr().out.splitlines() == stacks
    assert run(monkeypatch, "export", "--to", "folded", name, "--weight", "calls", "-n", "1") == 0
    assert capsys.readouterr().out == "sh;read;/a\\x3bb\\n c 2\n"
    assert run(monkeypatch, "export", "--to", "folded", name, "-f", "evt.type = getpid", "--weight", "calls") == 0
    assert capsys.readouterr().out == "a\\e\\x3bb;getpid 1\n"


@pytest.mark.parametrize("to", ["strace", "chrome"])
def test_filters_and_limits(monkeypatch: Run, capsys: Out, capture: str, to: str) -> None:
    """-e, -p and -f keep what they say, -n cuts; what is left is still whole."""
    assert run(monkeypatch, "export", "--to", to, capture, "-e", "openat", "-n", "2") == 0
    out = capsys.readouterr().out
    assert out.count("AT_FDCWD") == 2
    if to == "chrome":
        json.loads(out)


def test_files_are_written_as_everywhere(monkeypatch: Run, capsys: Out, capture: str, tmp_path: Path) -> None:
    """Never over a file without --force, never over the capture; a wrong format is named."""
    target = str(tmp_path / "x.json")
    assert run(monkeypatch, "export", "--to", "chrome", capture, "-o", target) == 0
    assert json.loads(Path(target).read_text())
    assert run(monkeypatch, "export", "--to", "chrome", capture, "-o", target) == 6
    assert run(monkeypatch, "export", "--to", "chrome", capture, "-o", target, "--force") == 0
    assert run(monkeypatch, "export", "--to", "chrome", capture, "-o", capture, "--force") == 2
    assert run(monkeypatch, "export", "--to", "nonsense", capture) == 2


def test_the_trace_loads_in_perfetto(monkeypatch: Run, capsys: Out, capture: str, tmp_path: Path) -> None:
    """Perfetto's own trace processor finds a slice for each call; skipped where its program cannot be had."""
    processor = pytest.importorskip("perfetto.trace_processor")
    target = tmp_path / "x.json"
    assert run(monkeypatch, "export", "--to", "chrome", capture, "-o", str(target)) == 0
    try:
        trace = processor.TraceProcessor(trace=str(target))
    except Exception as error:  # noqa: BLE001 - whatever its download of the program raises
        pytest.skip(f"no trace processor: {error}")
    with trace:
        (row,) = trace.query("SELECT count(*) AS calls FROM slice WHERE dur <> 0 OR name = 'exit_group'")
    assert row.calls == sum(one["kind"] == "syscall" for one in program())
