"""Every call is a row, exactly: what a program says that it called, and what the file holds, by each loader."""

import json
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

import pyarrow as pa
import pytest

from schemas.counters import Cell
from tests.contract.conftest import Build
from tests.contract.harness import WHY_NOT, Recording, record, recording
from tests.often import often

pytestmark = [pytest.mark.root, pytest.mark.bpf]

THREADS = (1, 2, 8)
RUNS = 20

Kind = tuple[str, str, int, str, bool]
"""Name, abi, number, values of arguments as JSON, and whether the accounting cell holds no other calls."""


def session(workload: Build, runs: int, threads: tuple[int, ...] = THREADS, rounds: int = 1) -> list[str]:
    """A shell command that runs calls.c so many times with each number of threads."""
    program = workload("calls")
    return ["sh", "-c", "; ".join(f"{program} {count} {rounds}" for _ in range(runs) for count in threads)]


def printed(result: Recording) -> Counter[Kind]:
    """What the runs say that they called, added up."""
    sums = Counter[Kind]()
    for line in result.out.splitlines():
        for kind in json.loads(line):
            sums[kind["syscall"], kind["abi"], kind["nr"], json.dumps(kind["where"]), kind["alone"]] += kind["calls"]
    return sums


def found(result: Recording, kinds: Iterable[Kind]) -> Counter[Kind]:
    """Rows of each kind."""
    keys = ["syscall", "abi", "nr", "arg0", "arg1", "arg2"]
    counted = result.calls(comm="calls").group_by(keys).aggregate([([], "count_all")]).to_pylist()
    rows = Counter[Kind]()
    for kind in kinds:
        wanted = {"syscall": kind[0], "abi": kind[1], "nr": kind[2], **json.loads(kind[3])}
        rows[kind] = sum(row["count_all"] for row in counted if wanted.items() <= row.items())
    return rows


def in_cells(result: Recording, kinds: Iterable[Kind], what: Callable[[Cell], int]) -> Counter[Kind]:
    """What the account says of the cell of each kind, over all CPUs."""
    cells = result.counters.cells
    return Counter({kind: sum(what(cell) for cell in cells if (cell.abi, cell.nr) == kind[1:3]) for kind in kinds})


def dropped(cell: Cell) -> int:
    """Calls dropped, for whatever cause."""
    return sum(cell.dropped.values())


def hold(result: Recording, runs: int) -> None:
    """Rows plus drops are what the program prints, kind by kind."""
    assert result.status == 0, result.said
    assert len(result.out.splitlines()) == runs
    kinds = printed(result)
    assert found(result, kinds) + in_cells(result, kinds, dropped) == kinds
    result.audit()


def test_rows_are_what_the_program_called(tmp_path: Path, workload: Build, loader: str) -> None:
    """Rows plus drops of each kind equal what the program prints, on 1, 2 and 8 threads with forks: 20 runs."""
    hold(record(tmp_path / "t.parquet", "--loader", loader, command=session(workload, RUNS)), RUNS * len(THREADS))


@pytest.mark.slow
@pytest.mark.parametrize("run", range(often(5, RUNS)))
def test_each_run_in_a_capture_of_its_own(tmp_path: Path, workload: Build, loader: str, run: int) -> None:
    """The same with a start and an end of the capture around each run, and more calls in it."""
    command = session(workload, 1, rounds=7)
    hold(record(tmp_path / "t.parquet", "--loader", loader, command=command), len(THREADS))


def test_cells_hold_only_their_own_calls(tmp_path: Path, workload: Build, loader: str) -> None:
    """The kernel's count of a call is what the program prints; numbers without a cell share one, and only that one."""
    result = record(tmp_path / "t.parquet", "--loader", loader, command=[workload("calls"), "2"])
    kinds = printed(result)
    alone = Counter({kind: calls for kind, calls in kinds.items() if kind[-1]})
    assert in_cells(result, alone, lambda cell: cell.seen) == alone
    odd = sum(calls for (name, abi, *_), calls in kinds.items() if abi == "x32" or name.startswith("syscall_"))
    others = [cell for cell in result.counters.cells if cell.abi == "other"]
    assert {(cell.nr, cell.syscall) for cell in others} == {(-1, "other")}
    assert sum(cell.seen for cell in others) == odd


@pytest.mark.parametrize("ring", ["4k", "64k"])
def test_what_is_dropped_is_counted_by_kind(tmp_path: Path, workload: Build, loader: str, ring: str) -> None:
    """With a ring that overflows, rows plus drops are still what the program prints, and there are drops."""
    command = [workload("overrun"), workload("calls"), "8", "10"]
    result = record(tmp_path / "t.parquet", "--loader", loader, "-B", ring, command=command)
    kinds = Counter({kind: calls for kind, calls in printed(result).items() if kind[-1]})
    assert found(result, kinds) + in_cells(result, kinds, dropped) == kinds
    assert result.counters.dropped["ring_full"] > 0
    result.audit()


@pytest.mark.skipif(any(WHY_NOT.values()), reason=f"needs both loaders: {WHY_NOT}")
def test_loaders_record_the_same(tmp_path: Path, workload: Build) -> None:
    """Two captures of one run, one by each loader, hold the same rows: all columns but what each timed itself."""
    with recording(tmp_path / "bcc.parquet", "--loader", "bcc", "--comm", "calls") as other:
        core = record(tmp_path / "core.parquet", "--loader", "core", command=[workload("calls"), "2"])
        bcc = other.stop()
    rows = [by_thread(one.audit().calls(comm="calls")) for one in (core, bcc)]
    assert rows[0].keys() == rows[1].keys()
    for tid, calls in rows[0].items():
        assert calls == rows[1][tid]
    assert core.metadata["systape.loader"] == "core"
    assert bcc.metadata["systape.loader"] == "bcc"


def by_thread(table: pa.Table) -> dict[int, list[dict[str, object]]]:
    """Rows without times, in order of entry, by tid."""
    threads: dict[int, list[dict[str, object]]] = {}
    timed = ("ts", "dur_ns", "runq_ns", "cpu")
    for row in table.sort_by("ts").to_pylist():
        missing = row["dur_ns"] is None, row["runq_ns"] is None
        kept = {name: value for name, value in row.items() if name not in timed}
        threads.setdefault(row["tid"], []).append(kept | {"missing": missing})
    return threads
