"""`analyze show`: which rows, in which order, how written, and what a terminal gets to see."""

import csv
import io
import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from analyze.session import Session
from analyze.show import stream
from schemas.arrow import Key
from schemas.line import Printer
from tests.unit.analyze import inside
from tests.unit.analyze.captures import START, loss_row, plain_row, write_parquet, write_stream, write_table

COMMAND = [sys.executable, "-m", "analyze"]
SCHEMA_KEYS = ("kind", "ts", "dur_ns", "tid", "arg0", "text")


def call(syscall: str, nr: int, *args: int, at: int = 0, **values: Any) -> dict[str, Any]:
    """A call that begins `at` µs after the start and takes one."""
    given = {f"arg{index}": value for index, value in enumerate(args)}
    plain = {"ret": 0, "dur_ns": 1000, "pid": 7, "tid": 7, "comm": "cat"}
    return plain_row(nr=nr, syscall=syscall, ts=START + at * 1000, **given, **{**plain, **values})


ROWS = [
    call("openat", 257, -100, 5, 0, 0, at=0, ret=3, fd=3, path="/etc/hosts"),
    call("read", 0, 3, 9, 4096, at=10, ret=10, fd=3, dur_ns=40_000),
    call("close", 3, 4, at=20, pid=8, tid=8, comm="dog", fd=4),
    call("openat", 257, -100, 5, 0, 0, at=60, ret=-2, errno="ENOENT", path="/nowhere"),
    loss_row("read", 1234, ts=START + 70_000, cpu=1),
    call("dup", 32, 3, at=75, ret=5, fd=5, flags=32),
    call("close", 3, 3, at=80, fd=3),
    plain_row(kind="exec", ts=START + 82_000, pid=7, tid=7, comm="cat", weight=0, path="/bin/cat", cmdline="cat"),
    call("exit_group", 231, 0, at=85, ret=None, dur_ns=None, flags=2),
    plain_row(kind="exit", ts=START + 90_000, pid=7, tid=7, comm="cat", ret=0, weight=0, flags=32),
    plain_row(kind="exit", ts=START + 91_000, pid=9, tid=9, comm="elf", ret=0, weight=0, flags=32),
]
LINES = [
    '7 cat openat(AT_FDCWD, "/etc/hosts", O_RDONLY) = 3',
    "8 dog close(4)                          = 0",
    "7 cat read(3, 0x9, 4096)                = 10",
    '7 cat openat(AT_FDCWD, "/nowhere", O_RDONLY) = -1 ENOENT (No such file or directory)',
    "--- 1,234 calls of read lost on CPU 1 (ring full) ---",
    "7 cat close(3)                          = 0",
    "7 cat exit_group(0)                     = ?",
    "7 cat +++ exited with 0 +++",
]

LOOKED_UP = "evt.file endswith trace.parquet"


@pytest.fixture
def capture(tmp_path: Path) -> str:
    """A capture of ROWS."""
    return str(write_parquet(tmp_path / "trace.parquet", ROWS, users='{"33": "www-data"}'))


def run(*words: str, status: int = 0) -> None:
    """`analyze show WORDS` in this process."""
    with pytest.MonkeyPatch.context() as patch:
        assert inside.run(patch, "show", *words) == status


@pytest.fixture
def shown(capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs `analyze show` and returns its lines."""

    def lines(*words: str) -> list[str]:
        run(*words)
        return capsys.readouterr().out.splitlines()

    return lines


def test_lines_come_in_order_of_return(shown: Any, capture: str) -> None:
    """Calls, losses and the ends of processes that have calls; nothing that is there for the state alone."""
    assert shown(capture) == LINES


def test_a_stream_shows_the_same(shown: Any, tmp_path: Path) -> None:
    """An Arrow stream is as good as a Parquet file."""
    assert shown(str(write_stream(tmp_path / "trace.arrows", ROWS))) == LINES


@pytest.mark.parametrize(
    ("words", "places"),
    [
        (["-p", "8"], [1, 4]),
        (["-e", "close"], [1, 5, 7]),
        (["-e", "!read,close"], [0, 3, 6, 7]),
        (["-P", "/nowhere"], [3, 4, 7]),
        (["-f", "evt.failed"], [3, 4]),
        (["-f", "proc.name = cat and evt.type = close"], [5]),
        (["-f", "evt.latency > 10us"], [2, 4]),
        (["-n", "2"], [0, 1]),
        (["-n", "0"], range(len(LINES))),
        (["--sort", "return"], range(len(LINES))),
        (["-S", "entry"], [0, 2, 1, 3, 4, 5, 6, 7]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) and isinstance(value[0], str) else "",
)
def test_options_that_choose(shown: Any, capture: str, words: list[str], places: Any) -> None:
    """Filters, limit and order; a loss shows if what was lost may have been asked for, an end if -e alone chooses."""
    assert shown(capture, *words) == [LINES[place] for place in places]


def test_a_filter_on_what_is_looked_up(shown: Any, capture: str) -> None:
    """A filter on a column that only the view `calls` has is answered too, in order of return."""
    assert shown(capture, "-f", LOOKED_UP) == LINES[:7]


def test_options_that_print(shown: Any, capture: str) -> None:
    """Those of strace, together; the rows that strace lacks on demand."""
    printed = shown(capture, "-ttt", "-r", "-T", "-x", "-e", "read", "-n", "1")
    assert printed == ["7 cat 1790000000.000010 (+     0.000000) read(3, 0x9, 4096) = 10 <0.000040>"]
    assert "7 cat === runs /bin/cat: cat ===" in shown(capture, "-v")
    assert "9 elf +++ exited with 0 +++" in shown(capture, "--all")


def test_names_of_descriptors(shown: Any, capture: str) -> None:
    """-y: at its entry, so that what close closes has its name still; of what is not known none."""
    printed = shown(capture, "-y", "-p", "7")
    assert printed[0].endswith("= 3</etc/hosts>")
    assert printed[1].startswith("7 cat read(3</etc/hosts>, 0x9")
    assert "7 cat close(3</etc/hosts>)" in printed[4]


def test_columns_without_values(shown: Any, tmp_path: Path) -> None:
    """Another program's file may lack what every row has: the lines come all the same, and no warning."""
    table = pq.read_table(write_parquet(tmp_path / "whole.parquet", [call("close", 3, 9), call("dup", 32, 9)]))
    for name in ("abi", "nr", "pid", "ts", "dur_ns", "fd", "comm"):
        field = table.schema.field(name).with_nullable(True)
        place = table.schema.get_field_index(name)
        holed = table.set_column(place, field, pa.array([None, *table.column(name)[1:].to_pylist()], field.type))
        path = write_table(
            tmp_path / f"{name}.parquet",
            holed,
            {key.decode(): value.decode() for key, value in table.schema.metadata.items()},
        )
        assert len(shown(str(path), "-y")) == 2


def test_resumed_calls(shown: Any, capture: str) -> None:
    """A call in which another thread did something is cut in two, with the times of entry and return."""
    assert shown(capture, "--resumed", "-tt", "-T")[1:4] == [
        "7 cat 14:13:20.000010 read(3,  <unfinished ...>",
        "8 dog 14:13:20.000020 close(4)          = 0 <0.000001>",
        "7 cat 14:13:20.000050 <... read resumed>0x9, 4096) = 10 <0.000040>",
    ]
    assert len(shown(capture, "--resumed")) == len(LINES) + 1


def test_resumed_calls_that_end_after_all_else(shown: Any, tmp_path: Path) -> None:
    """What returns only after the last row begins is resumed at the end, and what never returns stays unfinished."""
    rows = [
        call("read", 0, 3, 9, 1, at=0, dur_ns=10**9, ret=1),
        call("read", 0, 4, 9, 1, at=1, pid=8, tid=8, ret=None, dur_ns=None, flags=2),
        call("pause", 34, at=2, pid=9, tid=9, dur_ns=10**6, ret=-4, errno="EINTR"),
    ]
    path = str(write_parquet(tmp_path / "trace.parquet", rows))
    assert [line.split(" ", 2)[2].split("=")[0].rstrip() for line in shown(path, "--resumed")] == [
        "read(3,  <unfinished ...>",
        "read(4,  <unfinished ...>",
        "pause()",
        "<... read resumed>0x9, 1)",
    ]


@pytest.mark.parametrize(("length", "most"), [(8000, stream.FEW), (20, 1500 - stream.FEW)])
@pytest.mark.parametrize("words", [(), ("-y",), ("--format", "ndjson")])
def test_lines_are_made_of_so_many_rows_as_their_length_allows(
    shown: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], length: int, most: int
) -> None:
    """A name of megabytes behind a descriptor stands in each line about it: all at once they would fill memory."""
    monkeypatch.setattr(stream, "LETTERS", 1 << 20)
    rows = [call("openat", 257, -100, path="/" + "x" * length, ret=3, fd=3, at=at) for at in range(1500)]
    counts: list[int] = []
    real = Printer.texts if "ndjson" in words else Printer.lines

    def counted(self: Printer, batch: pa.RecordBatch) -> list[str]:
        counts.append(batch.num_rows)
        return real(self, batch)

    monkeypatch.setattr(Printer, real.__name__, counted)
    assert len(shown(str(write_parquet(tmp_path / "x.parquet", rows)), *words)) == 1500
    assert (counts[0], max(counts)) == (stream.FEW, most)


def test_rows_for_programs(capsys: pytest.CaptureFixture[str], capture: str) -> None:
    """JSON and CSV: the columns as they are, and the line as text; what -n allows."""
    run(capture, "--format", "json", "-n", "2")
    rows = json.loads(capsys.readouterr().out)
    assert [rows[1][key] for key in SCHEMA_KEYS] == [
        "syscall",
        "2026-09-21T14:13:20.000010000Z",
        40_000,
        7,
        3,
        "read(3, 0x9, 4096) = 10",
    ]
    run(capture, "--format", "ndjson", "-y", "-e", "read", "-f", "evt.type exists")
    lines = [json.loads(line)["text"] for line in capsys.readouterr().out.splitlines()]
    assert lines == ["read(3</etc/hosts>, 0x9, 4096) = 10", "--- 1,234 calls of read lost on CPU 1 (ring full) ---"]
    run(capture, "--format", "csv", "-e", "close")
    parsed = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["tid"] for row in parsed if row["kind"] == "syscall"] == ["8", "7"]


def test_lines_go_into_a_file(capture: str, tmp_path: Path) -> None:
    """-w FILE.txt holds the lines; it is not overwritten unless forced, and the capture itself never."""
    target = tmp_path / "lines.txt"
    run(capture, "-w", str(target))
    assert target.read_text().splitlines() == LINES
    run(capture, "-w", str(target), status=6)
    run(capture, "-w", str(target), "--force", "-n", "1")
    assert target.read_text().splitlines() == LINES[:1]
    run(capture, "-w", capture, "--force", status=2)


@pytest.mark.parametrize("suffix", ["parquet", "arrows"])
@pytest.mark.parametrize("text", ["evt.type = read", f"evt.type = read and {LOOKED_UP}"])
def test_a_subset_is_a_capture(shown: Any, capture: str, tmp_path: Path, suffix: str, text: str) -> None:
    """Its calls are those that the filter keeps, its accounts add up, and the names of descriptors are still known."""
    target = str(tmp_path / f"part.{suffix}")
    run(capture, "-f", text, "-w", target)
    assert [line for line in shown(target, "-y") if "(" in line and "lost" not in line] == [
        "7 cat read(3</etc/hosts>, 0x9, 4096)    = 10"
    ]
    with Session([target]) as session:
        metadata = session.sources[0].metadata
        assert (metadata.counters.written, metadata.counters.seen) == (1, 1235)
        assert metadata.counters.dropped == {"ring_full": 1234}
        assert metadata.pairs[Key.FILTER.value.partition(".")[2]] == f"everything; {text}"
        kept = dict(
            session.fetch(
                "SELECT syscall, count(*) FROM events WHERE flags & 32 <> 0 AND kind = 'syscall' GROUP BY ALL"
            )
        )
        assert kept == {"openat": 2, "close": 2, "dup": 1}


def test_a_subset_of_so_many_calls(shown: Any, capture: str, tmp_path: Path) -> None:
    """-n counts calls; what comes before the last of them is whole."""
    target = str(tmp_path / "part.parquet")
    run(capture, "-n", "3", "-w", target)
    assert shown(target) == LINES[:3]


def test_the_query_is_printed_on_demand(shown: Any, capture: str) -> None:
    """-d prints SQL that DuckDB runs, and nothing else happens."""
    text = "\n".join(shown(capture, "-d", "-e", "read"))
    assert "FROM events" in text
    assert "lost" not in text


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["-f", "nonsense = 1"], 2, "nonsense"),
        (["-e", "nonsense"], 2, "nonsense"),
        (["--resumed", "--format", "json"], 2, "--resumed"),
        (["--resumed", "--sort", "return"], 2, "--resumed"),
        (["-w", "/nowhere/x.txt"], 6, "/nowhere/x.txt"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_wrong_input_is_one_message(
    capsys: pytest.CaptureFixture[str], capture: str, words: list[str], status: int, said: str
) -> None:
    """What, where, and an exit status of its own."""
    run(capture, *words, status=status)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("analyze: ")
    assert said in err


def test_an_incomplete_capture_is_said_on_standard_error(capsys: pytest.CaptureFixture[str], capture: str) -> None:
    """Unless -q; the lines stay alone on standard output."""
    run(capture)
    assert "1,234 of" in capsys.readouterr().err
    run(capture, "-q")
    assert capsys.readouterr().err == ""


def test_captures_of_several_hosts(shown: Any, tmp_path: Path) -> None:
    """Each line says where; a subset of them is refused."""
    for host in ("one", "two"):
        write_parquet(tmp_path / f"{host}.parquet", [ROWS[0]], host=host)
    assert shown(str(tmp_path)) == [f"one {LINES[0]}", f"two {LINES[0]}"]
    run(str(tmp_path), "-w", str(tmp_path / "both.parquet"), status=2)
    assert not (tmp_path / "both.parquet").exists()


HOSTILE = ["a\nb", "\x1b[31mred\x1b[0m", "\x9b2J", "qu\"o'te", "\u202eleft", "\x00", "x" * 4095]


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_names_reach_no_terminal(tmp_path: Path, name: str) -> None:
    """On a terminal no control character appears but our own colours and the ends of lines."""
    rows = [call("openat", 257, -100, 5, 0, 0, path=name, comm=name[:15], ret=3), call("close", 3, 3, at=9)]
    path = str(write_parquet(tmp_path / "trace.parquet", rows))
    parent, child = pty.openpty()
    environment = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    with os.fdopen(parent, "rb", buffering=0) as screen:
        subprocess.run([*COMMAND, "show", "-y", path], stdout=child, env=environment, check=True)
        os.close(child)
        seen = b""
        while chunk := _read(screen):
            seen += chunk
    text = seen.decode().replace("\r\n", "\n")
    assert text.count("\n") == 2
    assert "\x1b[34mopenat\x1b[0m(" in text
    for code in ("\x1b[34m", "\x1b[31m", "\x1b[0m"):
        text = text.replace(code, "") if code != "\x1b[31m" else text
    assert text.replace("\n", "").isprintable()


def _read(screen: io.FileIO) -> bytes:
    try:
        return screen.read(65536) or b""
    except OSError:  # a terminal whose other end is closed
        return b""


def test_a_reader_that_goes_ends_it_quietly(tmp_path: Path) -> None:
    """`show | head` is no error."""
    rows = [call("close", 3, 3, at=place) for place in range(5000)]
    path = write_parquet(tmp_path / "trace.parquet", rows)
    with subprocess.Popen([*COMMAND, "show", str(path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as shown:
        assert shown.stdout and shown.stderr
        assert shown.stdout.readline().startswith(b"7 cat close(3)")
        shown.stdout.close()
        assert shown.stderr.read() == b""
        assert shown.wait() == 0
