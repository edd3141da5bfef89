"""The command line: what is written where, the exit status of each kind of error, and no traceback ever."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from analyze import cli, reports
from analyze.errors import AnalyzeError, CaptureFileError, OutputError, QueryError, ReportError, UsageError
from tests.unit.analyze.captures import (
    START,
    loss_row,
    make_rows,
    write_parquet,
    write_stream,
)

COMMAND = [sys.executable, "-m", "analyze"]


@pytest.fixture
def capture(tmp_path: Path) -> str:
    """A capture of 600 calls."""
    return str(write_parquet(tmp_path / "trace.parquet", make_rows(600)))


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads the user's own reports or history."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    """`analyze WORDS` in this process; returns its exit status."""
    monkeypatch.setattr(sys, "argv", ["analyze", *words])
    return cli.run()


Run = pytest.MonkeyPatch
Out = pytest.CaptureFixture[str]


@pytest.mark.parametrize("report", ["summary", "top", "latency"])
def test_a_report_fits_the_terminal_and_ends_with_how_complete_it_is(
    monkeypatch: Run, capsys: Out, capture: str, report: str
) -> None:
    """80 columns, and nothing on standard error."""
    assert run(monkeypatch, report, capture) == 0
    out, err = capsys.readouterr()
    assert max(map(len, out.splitlines())) <= 80
    assert out.splitlines()[-1] == "complete: no call was lost (600 recorded)"
    assert err == ""


@pytest.mark.parametrize("report", ["summary", "top", "latency"])
def test_json_is_alone_on_standard_output(monkeypatch: Run, capsys: Out, capture: str, report: str) -> None:
    """All rows unless -n is given; what is said of them goes to standard error."""
    assert run(monkeypatch, report, capture, "--format", "json", "--by", "thread") == 0
    out, err = capsys.readouterr()
    assert len(json.loads(out)) == 15
    assert err.startswith("complete")
    assert run(monkeypatch, report, "-r", capture, "--format", "json", "-n", "2", "-q") == 0
    out, err = capsys.readouterr()
    assert len(json.loads(out)) == 2
    assert err == ""


def test_losses_are_said(monkeypatch: Run, capsys: Out, tmp_path: Path) -> None:
    """Below the table."""
    path = write_parquet(tmp_path / "x.parquet", [*make_rows(99), loss_row("read", 1)])
    run(monkeypatch, "summary", str(path))
    assert "INCOMPLETE: 1 of 100 calls lost" in capsys.readouterr().out


def test_rows_left_out_are_said(monkeypatch: Run, capsys: Out, capture: str) -> None:
    """And how to see them."""
    run(monkeypatch, "top", capture, "-n", "2")
    assert "2 of 6 rows; -n 0 shows all" in capsys.readouterr().out


def test_sql_takes_the_last_argument_as_the_query(monkeypatch: Run, capsys: Out, capture: str) -> None:
    """Files before it or with -r; from standard input if there is none."""
    for words in ((capture, "SELECT count(*) AS n FROM calls"), ("-r", capture, "SELECT count(*) AS n FROM calls")):
        assert run(monkeypatch, "sql", *words, "--format", "json") == 0
        assert json.loads(capsys.readouterr().out) == [{"n": 600}]
    monkeypatch.setattr(sys, "stdin", io.StringIO("SELECT count(*) AS n\nFROM calls;"))
    assert run(monkeypatch, "sql", capture, capture, "--format", "csv") == 0
    assert capsys.readouterr().out == "n\n600\n"


def test_sql_has_a_limit(monkeypatch: Run, capsys: Out, capture: str) -> None:
    """-n cuts the answer."""
    run(monkeypatch, "sql", capture, "FROM calls ORDER BY ts", "-n", "3", "--format", "ndjson")
    assert len(capsys.readouterr().out.splitlines()) == 3


def test_the_sql_is_printed_on_demand(monkeypatch: Run, capsys: Out, capture: str) -> None:
    """-d prints a script and runs nothing."""
    run(monkeypatch, "top", capture, "--by", "process", "-d")
    out = capsys.readouterr().out
    assert "CREATE TEMP VIEW events" in out
    assert "SET VARIABLE \"by\" = ['pid'];" in out
    assert out.rstrip().endswith("LIMIT 20;")


@pytest.mark.parametrize("name", ["x.parquet", "x.arrow", "x.csv", "x.json", "x.ndjson", "x.txt"])
def test_w_writes_a_file_in_the_format_of_its_suffix(
    monkeypatch: Run, capsys: Out, capture: str, tmp_path: Path, name: str
) -> None:
    """Not over another one unless forced; what is said goes to standard error."""
    target = tmp_path / name
    words = ("top", capture, "-w", str(target))
    assert run(monkeypatch, *words) == 0
    assert capsys.readouterr().out == ""
    assert run(monkeypatch, *words) == OutputError.exit_code
    assert f"{target} exists; --force overwrites it" in capsys.readouterr().err
    assert run(monkeypatch, *words, "--force") == 0
    readers = {
        ".parquet": lambda: pq.read_table(target).num_rows,
        ".arrow": lambda: pa.ipc.open_stream(target.read_bytes()).read_all().num_rows,
        ".json": lambda: len(json.loads(target.read_text())),
    }
    assert readers.get(target.suffix, lambda: 6)() == 6


def test_a_failure_leaves_no_file_behind(monkeypatch: Run, capture: str, tmp_path: Path) -> None:
    """A query that fails while its answer is written."""
    query = "SELECT CASE WHEN pid > 0 THEN error('x') END FROM calls"
    assert run(monkeypatch, "sql", capture, query, "-w", str(tmp_path / "x.csv")) == QueryError.exit_code
    assert not (tmp_path / "x.csv").exists()


def test_each_kind_of_error_has_its_status_and_one_line(
    monkeypatch: Run, capsys: Out, capture: str, tmp_path: Path
) -> None:
    """No traceback, and standard output stays empty."""
    (tmp_path / "wrong.sql").write_text("SELECT 1")
    (tmp_path / "fails.sql").write_text("-- Fails.\nSELECT nonsense FROM selected")
    cases: list[tuple[type[AnalyzeError], list[str], str]] = [
        (UsageError, ["top", capture, "--by", "nonsense"], "--by nonsense"),
        (UsageError, ["top", capture, "--format", "xml"], "xml"),
        (UsageError, ["top", capture, "--frobnicate"], "--frobnicate"),
        (UsageError, ["nosuchreport", capture], "nosuchreport"),
        (UsageError, ["sql", "SELECT 1"], "no capture given"),
        (UsageError, ["top", capture, "-w", capture, "--force"], "is a capture that is read"),
        (CaptureFileError, ["top"], "no capture given"),
        (CaptureFileError, ["top", str(tmp_path / "none.parquet")], "none.parquet: no such file"),
        (CaptureFileError, ["sql", str(tmp_path / "none.parquet"), "SELECT 1"], "none.parquet: no such file"),
        (QueryError, ["sql", capture, "SELECT nonsense"], "nonsense"),
        (QueryError, ["sql", capture, "DROP VIEW calls"], "refused"),
        (ReportError, [str(tmp_path / "wrong.sql"), capture], "wrong.sql:1"),
        (ReportError, [str(tmp_path / "fails.sql"), capture], "nonsense"),
        (OutputError, ["top", capture, "-w", str(tmp_path / "no" / "x.csv")], "No such file"),
    ]
    for kind, words, said in cases:
        assert run(monkeypatch, *words) == kind.exit_code, words
        out, err = capsys.readouterr()
        assert out == "", words
        assert said in err, words
        assert "Traceback" not in err
        if kind is not QueryError and kind is not ReportError:  # whose second line points into the query
            assert len(err.splitlines()) == 1, err


def test_words_are_no_escape_sequences(monkeypatch: Run, capsys: Out) -> None:
    """What the parser refuses is printed as it may be printed."""
    assert run(monkeypatch, "top", "--\x1b[31mred\n") == UsageError.exit_code
    assert capsys.readouterr().err == "analyze: no such option: --\\x1b[31mred\\x0a; try: analyze top -h\n"


@pytest.mark.parametrize("words", [["top"], ["show"], ["info"], ["sql", "--format", "json", "-r"]])
def test_a_full_disk_is_one_line(capture: str, words: list[str]) -> None:
    """Standard output that takes nothing: a status of its own, no traceback, not even from Python's end."""
    query = ["SELECT 1"] if "sql" in words else []
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*COMMAND, *words, capture, *query], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == OutputError.exit_code
    assert done.stderr.splitlines()[-1] == "analyze: standard output: No space left on device"
    assert len(done.stderr.splitlines()) <= 2  # what is remarked beside an answer that is data


def test_the_statuses_are_distinct() -> None:
    """One for each kind of error."""
    kinds = [UsageError, CaptureFileError, QueryError, ReportError, OutputError]
    assert sorted(kind.exit_code for kind in kinds) == [2, 3, 4, 5, 6]


def test_a_report_by_path_takes_its_own_options(monkeypatch: Run, capsys: Out, capture: str, tmp_path: Path) -> None:
    """A parameter of its header is an option."""
    path = tmp_path / "mine.sql"
    path.write_text(
        "-- Mine.\n-- param least_ns BIGINT 0 ns\n"
        "SELECT count(*) AS n FROM selected WHERE dur_ns >= getvariable('least_ns')"
    )
    expected = sum((row["dur_ns"] or 0) >= 5000 for row in make_rows(600))
    assert run(monkeypatch, str(path), capture, "--least-ns", "5000", "--format", "json") == 0
    assert json.loads(capsys.readouterr().out) == [{"n": expected}]


def test_the_users_own_reports_are_commands(capture: str, tmp_path: Path) -> None:
    """They stand in --help with their title, a broken one with what is wrong, and each runs by name."""
    folder = tmp_path / "config" / "systape" / "reports"
    folder.mkdir(parents=True)
    (folder / "mine.sql").write_text("-- My own answer.\nSELECT count(*) AS n FROM selected")
    (folder / "broken.sql").write_text("SELECT 1")
    listed = subprocess.run([*COMMAND, "--help"], capture_output=True, text=True, check=True).stdout
    assert "My own answer." in listed
    assert "broken" in listed
    ran = subprocess.run([*COMMAND, "mine", capture, "--format", "json"], capture_output=True, text=True, check=True)
    assert json.loads(ran.stdout) == [{"n": 600}]
    assert (
        subprocess.run([*COMMAND, "broken", capture], capture_output=True, check=False).returncode
        == ReportError.exit_code
    )


@pytest.mark.parametrize("report", [*(command.name for command in cli.app.registered_commands), *reports.built_in()])
def test_help_has_examples(monkeypatch: Run, capsys: Out, report: str) -> None:
    """Every command shows how it is used."""
    assert run(monkeypatch, report, "-h") == 0
    out = capsys.readouterr().out
    assert f"analyze {report} " in out
    assert "Examples:" in out


def test_percentiles_that_lost_calls_may_move_are_marked(monkeypatch: Run, capsys: Out, tmp_path: Path) -> None:
    """Those of the call that was lost, and no others; a sound capture has no mark."""
    path = write_parquet(tmp_path / "x.parquet", [*make_rows(300), loss_row("read", 6, ts=START)])
    for report, marks in (("summary", 2), ("latency", 4), ("blocked", 2), ("top", 0)):
        assert run(monkeypatch, report, str(path)) == 0
        lines = capsys.readouterr().out.partition("INCOMPLETE")[0].splitlines()
        assert {line.split()[0]: line.count("~") for line in lines if "~" in line} == ({"read": marks} if marks else {})


def test_the_version_is_told(monkeypatch: Run, capsys: Out) -> None:
    """The tool's, and that of the files it reads."""
    assert run(monkeypatch, "-V") == 0
    assert capsys.readouterr().out.startswith("analyze 0.")


def test_a_reader_that_goes_away_is_no_error(capture: str) -> None:
    """`analyze sql ... | head -1` ends quietly."""
    query = "SELECT c.* FROM calls c, range(200)"
    with subprocess.Popen(
        [*COMMAND, "sql", capture, query, "--format", "csv"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(30) == 0


def test_a_capture_can_come_from_a_pipe(tmp_path: Path) -> None:
    """`capture -w - | analyze top -`."""
    stream = write_stream(tmp_path / "x.arrows", make_rows(70))
    with stream.open("rb") as source:
        ran = subprocess.run([*COMMAND, "top", "-", "--format", "json"], stdin=source, capture_output=True, check=True)
    assert sum(row["calls"] for row in json.loads(ran.stdout)) == 70


def test_binary_is_never_written_to_a_terminal(capture: str) -> None:
    """Neither Parquet nor Arrow."""
    ours, theirs = os.openpty()
    ran = subprocess.run(
        [*COMMAND, "top", capture, "--format", "arrow"], stdout=theirs, stderr=subprocess.PIPE, check=False
    )
    os.close(ours)
    os.close(theirs)
    assert ran.returncode == UsageError.exit_code
    assert b"use -w FILE or a pipe" in ran.stderr


def test_info_says_what_a_capture_is(monkeypatch: Run, capsys: Out, capture: str) -> None:
    """Host, rows, accounting; -v the columns."""
    assert run(monkeypatch, "info", "-v", capture) == 0
    out = capsys.readouterr().out
    for words in (
        "host           box",
        "syscall rows   600",
        "complete: no call was lost",
        "dur_ns",
        "2026-09-21 14:13:20",
    ):
        assert words in out


def test_what_is_no_report_has_formats_too(monkeypatch: Run, capsys: Out, capture: str, tmp_path: Path) -> None:
    """info, fields and verify: raw values, the same in each; a damaged capture is a row, and the status says so."""
    assert run(monkeypatch, "info", capture, "--format", "json") == 0
    said = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert said["syscall_rows"]["value"] == "600"
    assert said["host"] == {"file": capture, "name": "host", "value": "box"}
    assert said["bytes"]["value"] == str(Path(capture).stat().st_size)
    assert run(monkeypatch, "fields", "proc.name", "--format", "csv") == 0
    header, *rows = capsys.readouterr().out.splitlines()
    assert header == "field,type,meaning"
    assert rows[0].startswith("proc.name,text,")
    broken = tmp_path / "broken.parquet"
    broken.write_bytes(Path(capture).read_bytes()[:-100])
    answer = tmp_path / "answer.parquet"
    assert run(monkeypatch, "verify", capture, str(broken), "-w", str(answer)) == CaptureFileError.exit_code
    whole, damaged = pq.read_table(answer).to_pylist()
    assert whole == {"file": capture, "sound": True, "rows": 600, "remark": ""}
    assert (damaged["file"], damaged["sound"], damaged["rows"]) == (str(broken), False, None)
    assert str(broken) in damaged["remark"]
    assert run(monkeypatch, "verify", str(tmp_path / "*.nothing"), "--format", "ndjson") == CaptureFileError.exit_code


def test_no_heavy_library_is_loaded_before_it_is_needed() -> None:
    """Start-up is part of every answer: the command line alone loads neither DuckDB nor pyarrow nor rich."""
    heavy = ("duckdb", "pyarrow", "rich", "numpy", "lark")
    script = f"import sys, analyze.cli; print([name for name in {heavy} if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout == "[]\n"
