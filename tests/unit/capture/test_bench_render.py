"""The tables, the files and the picture of a bench."""

import json
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from capture.bench import files, machine, plot
from capture.bench.render import Heading, markdown, ratio, text
from capture.bench.run import Kind, Run
from capture.bench.summary import Estimate, Row
from capture.errors import SinkError

NONE = Row("none", 11, 0.402, 0.401, Estimate(1.0, 1.0, 1.0, 11), Estimate(0.64, 0.6, 0.7, 11))
OURS = Row(
    "capture",
    11,
    0.81,
    0.8,
    Estimate(2.02, 1.95, 2.11, 11),
    Estimate(1.29, 1.2, 1.4, 11),
    431.0,
    2.9e8,
    2.13,
    0.0,
    61.0,
)
STRACE = Row("strace", 3, 80.4, 30.0, Estimate(200.4, 150.0, 1260.0, 3), None, 24_100.0, 3.1e6, 88.0, 0.0004)
TABLES = {"dd": [STRACE, NONE, OURS]}


def test_a_table_is_sorted_and_says_what_was_lost() -> None:
    """The fastest first; nothing lost is 0, and next to nothing does not look like nothing."""
    lines = text(TABLES, {"dd": Heading("reads and writes", 1_024_085)}).splitlines()
    assert lines[0] == "dd: reads and writes, 1,024,085 calls"
    assert lines[1] == "untraced 0.402 s, CPU 0.401 s; rounds: 11"
    assert [line.split()[0] for line in lines[3:6]] == ["none", "capture", "strace"]
    assert lines[4].split() == [
        "capture",
        "2.02",
        "1.95",
        "..",
        "2.11",
        "1.29",
        "431",
        "ns",
        "290",
        "MB",
        "2.1",
        "0",
        "61",
    ]
    assert lines[5].split() == ["strace", "200", "150", "..", "1,260", "24", "us", "3", "MB", "88.0", "<0.1", "%"]
    assert lines[6] == "strace slows it down 195 times as much as capture does"


def test_tables_fit_80_columns() -> None:
    """Whatever the number of workloads, and whatever the length of their description."""
    names = ["dd", "getpid", "getpids", "find", "compile", "forks", "sqlite", "tcp", "bystander", "own"]
    wide = replace(STRACE, peak=123_456e6, size=16_384.0, lost=0.999, kernel=12_345.0, tracer_cpu=9_999.0)
    tables = {name: [NONE, OURS, wide] for name in names}
    shown = text(tables, {name: Heading("word " * 30, 10**9, 0.1) for name in names})
    assert max(map(len, shown.splitlines())) <= 80
    assert all(name in shown for name in names)


@pytest.mark.parametrize(
    ("value", "shown"), [(1.0, "1.00"), (9.994, "9.99"), (9.996, "10.0"), (99.96, "100"), (1234.5, "1,234")]
)
def test_a_ratio_has_three_digits(value: float, shown: str) -> None:
    """As many as are worth anything."""
    assert ratio(value) == shown


def test_markdown_has_a_row_for_each_tracer() -> None:
    """A tracer that was not measured on a workload has an empty cell there."""
    lines = markdown({**TABLES, "find": [NONE]}).splitlines()
    assert lines[0] == "| time over native | dd | find |"
    assert lines[2:] == ["| none | 1.00 | 1.00 |", "| capture | 2.02 |  |", "| strace | 200 |  |"]


def about() -> files.About:
    """Of a bench on this machine."""
    here = machine.describe()
    return files.About(
        "capture bench", "2026-11-25", here, 0.1, 0.0, {"dd": "words"}, {"none": "words"}, {"sysdig": "why"}
    )


def test_the_machine_is_described() -> None:
    """Kernel, CPU, mitigations, clock source, governor, whether it is virtual: each is there, to read."""
    here = machine.describe()
    assert here.cpus > 0
    assert here.memory_mb > 0
    shown = "\n".join(here.lines())
    for word in ("kernel", "virtualised", "clock source", "governor", "mitigations"):
        assert word in shown
    assert 0.0 <= machine.stolen(here, machine.describe()) <= 1.0


def test_every_run_is_kept_in_both_files(tmp_path: Path) -> None:
    """Parquet and JSON hold the same runs, with the machine; what is not known is NULL, in columns of its type."""
    runs = [Run(Kind.TIME, 0, "dd", "none", 1.5, 0.1, wall=0.4), Run(Kind.KERNEL, 1, "dd", "x", 1.5, 0.1, failed="no")]
    files.write_runs(tmp_path, runs, about())
    table = pq.read_table(tmp_path / files.RUNS_PARQUET)
    told = json.loads((tmp_path / files.RUNS_JSON).read_text())
    assert table.to_pylist() == told["runs"]
    assert str(table.schema.field("kernel_ns").type) == "int64"
    assert json.loads(table.schema.metadata[b"bench"])["machine"]["kernel"] == told["machine"]["kernel"]


def test_the_report_names_what_was_not_measured() -> None:
    """With the reason, and with the command that makes the report again."""
    shown = files.report(about(), "tables\n", markdown(TABLES))
    assert "- sysdig: why" in shown
    assert "`capture bench`" in shown
    assert "stolen by the hypervisor" in shown


def test_results_are_not_overwritten(tmp_path: Path) -> None:
    """A folder with results is refused, unless forced; one that cannot be made is one line."""
    files.prepare(tmp_path / "new", force=False)
    with pytest.raises(SinkError, match="--force"):
        files.prepare(tmp_path / "new", force=False)
    files.prepare(tmp_path / "new", force=True)
    (tmp_path / "file").write_text("")
    with pytest.raises(SinkError, match="cannot write"):
        files.prepare(tmp_path / "file" / "below", force=False)


def test_the_picture_is_an_svg_with_words(tmp_path: Path) -> None:
    """Names and figures are text in it; drawn twice, it is the same file."""
    for name in ("one.svg", "two.svg"):
        plot.draw(TABLES, {"dd": Heading("reads and writes", 1_024_085)}, "a machine", tmp_path / name)
    shown = (tmp_path / "one.svg").read_text()
    assert ElementTree.fromstring(shown).tag.endswith("svg")
    assert all(
        word in shown
        for word in ("dd", "reads and writes; 1,024,085 calls", "2.02", "strace", "200, &lt;0.1 % lost", "a machine")
    )
    assert shown == (tmp_path / "two.svg").read_text()


def test_the_readme_table_is_made_from_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a bench has left becomes rows with what was lost, between the marks; the rest of the README stays."""
    monkeypatch.syspath_prepend(Path(__file__).parents[3])
    readme_table = pytest.importorskip("scripts.readme_table")
    times = {"none": (0.5, None, None), "capture": (1.0, 1000, 0), "perf-record": (3.0, 750, 250)}
    runs = [Run(Kind.WARMUP, 0, "dd", "none", 1.5, 0.1, wall=0.5, calls=1000)]
    runs += [
        Run(Kind.TIME, 0, "dd", name, 1.5, 0.1, wall=wall, calls=1000, seen=seen, lost=lost, bytes=2000)
        for name, (wall, seen, lost) in times.items()
    ]
    files.write_runs(tmp_path, runs, replace(about(), command="capture bench --rounds 1 -o out --force"))
    readme = tmp_path / "README.md"
    readme.write_text(f"before {readme_table.BEGIN} old {readme_table.END} after")
    monkeypatch.setattr(readme_table, "README", readme)
    monkeypatch.setattr(readme_table, "PICTURE", tmp_path / "bench.svg")
    monkeypatch.setattr("sys.argv", ["readme_table.py", str(tmp_path)])
    readme_table.main()
    shown = readme.read_text()
    assert shown.startswith("before ") and shown.endswith(" after")
    assert "old" not in shown
    assert "| **capture -w** | **2.00** | 2.0 |" in shown
    assert "| perf record | 6.00 (25.0 % lost) |" in shown
    assert "# capture bench --rounds 1\n" in shown
    assert (tmp_path / "bench.svg").exists()
    with pytest.raises(SinkError, match="holds no results"):
        files.read(tmp_path / "nowhere")
