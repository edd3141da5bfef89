"""capture bench as a user runs it: the workloads, one run, a small bench from start to files."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from capture.bench import build
from capture.bench.measure import Bench
from capture.bench.process import Patience, Process, Unresponsive, peak_memory
from capture.bench.run import Kind
from capture.bench.timed import Timed
from capture.bench.tracers import TRACERS
from capture.bench.workload import WORKLOADS, Place, own
from capture.errors import SinkError, UnsupportedError

pytestmark = pytest.mark.skipif(shutil.which("cc") is None, reason="needs cc: apt-get install gcc")
NONE = TRACERS[0]


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The compiled workloads, in a cache of this test's own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        return build.programs()


def test_the_programs_are_compiled_once(programs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each source has its program; a second time nothing is compiled, and nobody's changed cache is trusted."""
    assert {path.name for path in programs.iterdir()} == {path.stem for path in build.SOURCES.glob("*.c")}
    monkeypatch.setenv("XDG_CACHE_HOME", str(programs.parents[2]))
    monkeypatch.setattr(build, "_compile", None)
    assert build.programs() == programs
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    (tmp_path / "systape/bench").mkdir(parents=True)
    (tmp_path / "systape/bench").chmod(0o777)
    with pytest.raises(SinkError, match="written by others"):
        build.programs()


def test_without_a_compiler_the_remedy_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """One line, with the package to install."""
    monkeypatch.setenv("PATH", "")
    with pytest.raises(UnsupportedError, match="apt-get install gcc"):
        build.programs()


@pytest.mark.parametrize("workload", WORKLOADS, ids=lambda one: one.name)
def test_every_workload_ends_well(programs: Path, tmp_path: Path, workload: object) -> None:
    """At a hundredth of its size, with status 0."""
    one = next(each for each in WORKLOADS if each is workload)
    if one.unavailable():
        pytest.skip(one.unavailable() or "")
    if one.name == "find":
        pytest.skip("its size is the machine's")
    argv = one.argv(Place(programs, tmp_path, 0.01))
    assert subprocess.run(argv, cwd=tmp_path, capture_output=True, check=False).returncode == 0


def test_a_workload_waits_for_its_word(programs: Path, tmp_path: Path) -> None:
    """It does not run before; its own time and status come back, its children's CPU included."""
    script = f"{sys.executable} -c 'for _ in range(10**6): pass'; touch ran; sleep 0.2; exit 3"
    timed = Timed(programs / "timed", (), ["sh", "-c", script], tmp_path / "log", tmp_path, Patience(30.0))
    timed.ready()
    assert not (tmp_path / "ran").exists()
    took = timed.run()
    assert (tmp_path / "ran").exists()
    assert not timed.process.exited()
    timed.release()
    assert timed.process.wait(5.0) == 0
    assert took.status == 3
    assert took.wall > 0.2
    assert took.user + took.system > 0.01
    timed.close()


def test_a_tracer_that_does_not_start_the_workload_is_said(programs: Path, tmp_path: Path) -> None:
    """Its last words are the reason; a hanging one is given up, and ended."""
    failing = ("sh", "-c", "echo cannot trace >&2; exit 1")
    timed = Timed(programs / "timed", failing, ["true"], tmp_path / "log", tmp_path, Patience(30.0))
    with pytest.raises(Unresponsive, match="cannot trace"):
        timed.ready()
    timed.close()
    timed = Timed(programs / "timed", ("sh", "-c", "sleep 60"), ["true"], tmp_path / "log", tmp_path, Patience(0.2))
    with pytest.raises(Unresponsive, match="did not start the workload within"):
        timed.ready()
    timed.close()
    assert timed.process.exited()


def test_a_process_is_measured_with_its_children(tmp_path: Path) -> None:
    """Its tree, its CPU and its memory are seen from outside; killing it leaves nothing."""
    process = Process(["sh", "-c", "sleep 60 & sleep 61"], tmp_path / "log", tmp_path)
    while len(process.tree()) < 3:
        assert not process.exited()
    tree = process.tree()
    assert peak_memory(tree) > 100_000
    assert 0.0 <= process.cpu() < 5.0
    process.kill()
    assert process.exited()
    assert peak_memory([process.pid]) == 0


def test_one_run(programs: Path, tmp_path: Path) -> None:
    """An untraced run has times and no costs; a command that is not there is a failure with a reason."""
    bench = Bench(programs, tmp_path, 0.01, Patience(30.0))
    run = bench.run(Kind.TIME, 0, WORKLOADS[0], NONE)
    assert run.failed is None
    assert run.wall is not None and run.wall > 0
    assert (run.status, run.tracer_cpu, run.seen) == (0, None, None)
    missing = bench.count_calls(own(("no-such-command",)))
    assert missing.failed and "cannot be run" in missing.failed
    assert list(tmp_path.iterdir()) == []


def bench_command(*words: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    """`capture bench` in a process of its own."""
    command = [sys.executable, "-c", "from capture.cli import main; main()", "bench", *words]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_wrong_usage_is_one_line(tmp_path: Path) -> None:
    """An unknown name, or --workload without a command: status 2 and what to do."""
    for words, hint in {
        ("--tracers", "dtrace"): "not one of none, floor",
        ("--workloads", "redis"): "not one of dd",
        ("--workload",): "-- CMD ARGS",
        ("--", "true"): "--workload",
    }.items():
        done = bench_command(*words, folder=tmp_path)
        assert done.returncode == 2
        assert hint in done.stderr
        assert len(done.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.bpf
def test_a_small_bench(tmp_path: Path) -> None:
    """One round of one's own command, untraced, at the floor and under capture: tables, runs and a picture."""
    words = ["--rounds", "1", "--tracers", "floor,capture", "-o", "out", "--workload", "--"]
    done = bench_command(*words, "dd", "if=/dev/zero", "of=/dev/null", "bs=1", "count=5000", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "runs.json",
        "runs.parquet",
        "report.md",
        "bench.svg",
    }
    told = json.loads((tmp_path / "out/runs.json").read_text())
    runs = {(run["tracer"], run["kind"]): run for run in told["runs"]}
    assert told["not_measured"] == {}
    assert runs["capture", "time"]["seen"] + runs["capture", "time"]["lost"] >= 10_000
    assert runs["capture", "time"]["tracer_cpu"] > 0
    assert runs["capture", "time"]["tracer_peak"] > 10_000_000
    assert runs["floor", "kernel"]["kernel_runs"] >= 10_000
    assert runs["capture", "kernel"]["kernel_ns"] > runs["floor", "kernel"]["kernel_ns"]
    assert "capture" in done.stdout
