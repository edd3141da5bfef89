"""bench's arithmetic, on made-up runs with known answers."""

from dataclasses import replace

import pytest

from capture.bench.run import Kind, Run
from capture.bench.summary import Row, estimate, lost_share, slowdown_ratio, summarise

COMPLETE = frozenset({"capture", "strace"})


def run(tracer: str, number: int, wall: float, kind: Kind = Kind.TIME, workload: str = "dd") -> Run:
    """A run that took `wall` seconds, half of them in the kernel."""
    return Run(kind, number, workload, tracer, 0.0, 0.0, wall=wall, user=wall / 2, system=wall / 2, calls=1_000_000)


def rows(runs: list[Run]) -> dict[str, Row]:
    """Of the workload dd, by tracer."""
    return {row.tracer: row for row in summarise(runs, COMPLETE)["dd"]}


def test_ratios_are_within_a_round() -> None:
    """A machine that becomes three times slower from round to round changes no ratio."""
    runs = [
        run(name, n, wall * 3**n) for n in range(3) for name, wall in [("none", 1.0), ("floor", 1.5), ("capture", 3.0)]
    ]
    found = rows(runs)
    assert found["capture"].time.median == pytest.approx(3.0)
    assert (found["capture"].time.low, found["capture"].time.high) == pytest.approx((3.0, 3.0))
    assert found["capture"].of_floor.median == pytest.approx(2.0)
    assert found["none"].time.median == pytest.approx(1.0)


def test_a_median_is_no_mean() -> None:
    """One wild round does not move the ratio, and the wall time is the median too."""
    runs = [run("none", n, 1.0) for n in range(5)]
    runs += [run("capture", n, wall) for n, wall in enumerate([2.0, 2.0, 2.0, 2.0, 50.0])]
    assert rows(runs)["capture"].time.median == pytest.approx(2.0)
    assert rows(runs)["capture"].wall == 2.0
    assert rows(runs)["capture"].workload_cpu == 2.0


def test_a_tracer_that_sits_out_rounds_is_compared_with_those_it_was_in() -> None:
    """Rounds 0 and 4 only: their own untraced runs count, and there are too few for an interval."""
    runs = [run("none", n, 1.0 + n) for n in range(5)] + [run("strace", 0, 50.0), run("strace", 4, 250.0)]
    time = rows(runs)["strace"].time
    assert (time.median, time.low, time.high, time.count) == (50.0, None, None, 2)


def test_without_its_floor_or_native_there_is_no_ratio() -> None:
    """A round whose untraced run failed gives no ratio; a bench without floor has none of it."""
    failed = replace(run("none", 0, 1.0), failed="no", wall=None)
    found = rows([failed, run("capture", 0, 2.0)])
    assert found["capture"].time is None
    assert found["capture"].of_floor is None
    assert "none" not in found


def test_the_interval_holds_the_median_and_stays_within_the_values() -> None:
    """A bootstrap interval of the median of 11 values; the same each time it is asked for."""
    values = [1.30, 1.22, 1.41, 1.35, 1.28, 1.33, 1.46, 1.25, 1.31, 1.29, 1.38]
    found = estimate(values)
    assert found.median == 1.31
    assert min(values) <= found.low < 1.31 < found.high <= max(values)
    assert found == estimate(values)
    assert estimate([]) is None


def test_costs_are_for_each_call_recorded() -> None:
    """2 s of CPU and 4 MB for a million calls are 2,000 ns and 4 bytes a call; a handful of calls says nothing."""
    runs = [
        run("none", 0, 1.0),
        replace(run("capture", 0, 2.0), tracer_cpu=2.0, seen=1_000_000, bytes=4_000_000, lost=0),
    ]
    assert rows(runs)["capture"].tracer_cpu == pytest.approx(2000.0)
    assert rows(runs)["capture"].size == pytest.approx(4.0)
    few = [run("none", 0, 1.0), replace(run("capture", 0, 2.0), tracer_cpu=2.0, seen=10, bytes=4_000, lost=0)]
    assert (rows(few)["capture"].tracer_cpu, rows(few)["capture"].size) == (None, None)


def test_time_in_the_kernel_is_above_that_of_empty_programs() -> None:
    """150 ns a call in empty programs and 230 in ours are 80 more; the runs that tell are not used for times."""
    kernel = {"floor": (150_000, 1_000), "capture": (460_000, 2_000)}
    runs = [run(name, 0, wall) for name, wall in [("none", 1.0), ("floor", 1.5), ("capture", 2.0)]]
    for name, (spent, calls) in kernel.items():
        runs.append(replace(run(name, 0, 9.0, Kind.KERNEL), kernel_ns=spent, kernel_runs=calls))
    assert rows(runs)["capture"].kernel == pytest.approx(80.0)
    assert rows(runs)["floor"].kernel == 0.0
    assert rows(runs)["none"].kernel is None
    assert rows(runs)["capture"].time.median == 2.0


@pytest.mark.parametrize(
    ("seen", "lost", "complete", "share"),
    [
        (1_000_000, 0, True, 0.0),
        (750_000, 250_000, True, 0.25),
        (750_000, 0, True, 0.25),  # it does not say so, but they are not there
        (1_800_000, 200_000, True, 0.1),  # of the whole system's calls
        (999_980, 0, True, 0.0),  # the program that times makes some calls too
        (0, 0, False, 0.0),
        (5, None, False, None),
        (None, None, True, None),
    ],
)
def test_what_is_lost(seen: int | None, lost: int | None, complete: bool, share: float | None) -> None:
    """By the tracer's word, or by what it lacks of the workload's million calls."""
    found = lost_share(replace(run("x", 0, 1.0), seen=seen, lost=lost), complete)
    assert found == (None if share is None else pytest.approx(share))


def test_slowdowns_are_compared_less_one() -> None:
    """61 times native against 2 times native is 60 times the slowdown; without a slowdown there is no such number."""
    walls = [("none", 1.0), ("capture", 2.0), ("strace", 61.0), ("quick", 0.9)]
    runs = [run(name, number, wall) for number in range(3) for name, wall in walls]
    found = summarise(runs, COMPLETE)["dd"]
    assert slowdown_ratio(found, "strace", "capture") == pytest.approx(60.0)
    assert slowdown_ratio(found, "strace", "quick") is None
    assert slowdown_ratio(found, "perf-trace", "capture") is None
    wide = [replace(row, time=replace(row.time, low=0.5, high=99.0)) for row in found]
    assert slowdown_ratio(wide, "strace", "capture") is None
    assert slowdown_ratio(summarise(runs[:4], COMPLETE)["dd"], "strace", "capture") is None


def test_failures_and_warm_ups_are_no_figures() -> None:
    """A workload of which only the warm-up ran has no table; the order is that of the warm-ups."""
    runs = [run("none", 0, 1.0, Kind.WARMUP, name) for name in ("find", "dd", "tcp")]
    runs += [run("none", 0, 1.0, workload="dd"), run("none", 0, 1.0, workload="find")]
    assert list(summarise(runs, COMPLETE)) == ["find", "dd"]
