"""What the runs come to: medians, intervals, ratios within a round. No table and no picture."""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from capture.bench.run import Kind, Run
from capture.bench.tracers import FLOOR, NONE

CONFIDENCE = 0.95
_RESAMPLES = 9_999
_LEAST = 3
"""Values below which an interval would only pretend."""


@dataclass(frozen=True)
class Estimate:
    """A median with its bootstrap interval (None with fewer than three values), of `count` values."""

    median: float
    low: float | None
    high: float | None
    count: int


@dataclass(frozen=True)
class Row:
    """One tracer on one workload.

    `time` and `of_floor` are ratios to the untraced run and to the empty programs in the same round. `wall` and
    `workload_cpu` are seconds; `tracer_cpu` ns for each call recorded, `peak` bytes; `size` bytes for each call
    recorded; `lost` a share of the calls, 0 to 1; `kernel` ns a call in the tracer's eBPF programs, above the empty
    ones'.
    """

    tracer: str
    rounds: int
    wall: float
    workload_cpu: float
    time: Estimate | None = None
    of_floor: Estimate | None = None
    tracer_cpu: float | None = None
    peak: float | None = None
    size: float | None = None
    lost: float | None = None
    kernel: float | None = None


def estimate(values: Sequence[float]) -> Estimate | None:
    """Median and percentile interval by scipy.stats.bootstrap, the same each time; None without values."""
    if not values:
        return None
    middle = statistics.median(values)
    if len(values) < _LEAST:
        return Estimate(middle, None, None, len(values))
    import numpy as np
    from scipy.stats import bootstrap

    interval = bootstrap(
        (values,),
        np.median,
        confidence_level=CONFIDENCE,
        n_resamples=_RESAMPLES,
        method="percentile",
        rng=np.random.default_rng(0),
    ).confidence_interval
    return Estimate(middle, float(interval.low), float(interval.high), len(values))


def summarise(runs: Iterable[Run], complete: frozenset[str]) -> dict[str, list[Row]]:
    """Rows by workload, workloads and tracers in the order of their first run.

    `complete` names the tracers that claim to see every call: what they lack of the workload's calls is lost, whatever
    they say.
    """
    by_workload: dict[str, list[Run]] = {}
    for run in runs:
        kept = by_workload.setdefault(run.workload, [])
        if run.failed is None and run.kind is not Kind.WARMUP:
            kept.append(run)
    return {name: rows for name, kept in by_workload.items() if (rows := _rows(kept, complete))}


def slowdown_ratio(rows: Sequence[Row], slow: str, fast: str) -> float | None:
    """How many times the slowdown (time over native, less one) of `slow` is that of `fast`.

    None if either was not measured, or `fast` too seldom for an interval, or where their intervals, or that of `fast`
    and native, meet: it would be noise.
    """
    times = {row.tracer: row.time for row in rows if row.time}
    slower, faster = times.get(slow), times.get(fast)
    if slower is None or faster is None or faster.low is None or faster.high is None:
        return None
    if faster.low <= 1.0 or (slower.low or slower.median) <= faster.high:
        return None
    return (slower.median - 1.0) / (faster.median - 1.0)


def lost_share(run: Run, complete: bool) -> float | None:
    """The share of calls that a tracer lost: by its own word, or what it lacks of the workload's if that is more."""
    if run.seen is None:
        return None
    lacking = run.calls - run.seen if complete and run.calls is not None else None
    if run.lost is None and lacking is None:
        return None
    lost = max(run.lost or 0, lacking or 0, 0)
    if lost < (run.calls or 0) * _START_AND_END:
        lost = run.lost or 0
    return lost / (run.seen + lost) if run.seen + lost else 0.0


_START_AND_END = 1e-4
"""Calls of the warm-up's own counter and of the program that times: so few are not called lost."""


_FEW = 1_000
"""Calls below which a cost for each call would be that of starting and stopping."""


def _rows(runs: Sequence[Run], complete: frozenset[str]) -> list[Row]:
    by_name = {name: [run for run in runs if run.tracer == name] for name in dict.fromkeys(run.tracer for run in runs)}
    native, floor = (_walls(by_name.get(name, [])) for name in (NONE, FLOOR))
    bare = _kernel(by_name.get(FLOOR, []))
    return [
        _row(name, of_tracer, native, floor, bare, name in complete)
        for name, of_tracer in by_name.items()
        if _walls(of_tracer)
    ]


def _row(
    name: str,
    runs: Sequence[Run],
    native: dict[int, float],
    floor: dict[int, float],
    bare: float | None,
    complete: bool,
) -> Row:
    walls, kernel = _walls(runs), _kernel(runs)
    timed = [run for run in runs if run.kind is Kind.TIME]
    recorded = [(run, run.seen) for run in timed if run.seen is not None and run.seen >= _FEW]
    return Row(
        tracer=name,
        rounds=len(timed),
        wall=statistics.median(walls.values()),
        workload_cpu=_median((run.user or 0.0) + (run.system or 0.0) for run in timed) or 0.0,
        time=estimate(_ratios(walls, native)),
        of_floor=estimate(_ratios(walls, floor)),
        tracer_cpu=_median(run.tracer_cpu * 1e9 / seen for run, seen in recorded if run.tracer_cpu is not None),
        peak=_median(run.tracer_peak for run in timed),
        size=_median(run.bytes / seen for run, seen in recorded if run.bytes),
        lost=_median(lost_share(run, complete) for run in timed),
        kernel=None if kernel is None or bare is None else kernel - bare,
    )


def _kernel(runs: Sequence[Run]) -> float | None:
    """Nanoseconds a call."""
    timed = ((run.kernel_ns, run.kernel_runs) for run in runs if run.kind is Kind.KERNEL)
    return _median(spent / calls for spent, calls in timed if spent is not None and calls)


def _walls(runs: Sequence[Run]) -> dict[int, float]:
    """Seconds by round."""
    return {run.round: run.wall for run in runs if run.kind is Kind.TIME and run.wall is not None}


def _ratios(walls: dict[int, float], to: dict[int, float]) -> list[float]:
    return [wall / to[number] for number, wall in walls.items() if to.get(number)]


def _median(values: Iterable[float | None]) -> float | None:
    known = [one for one in values if one is not None]
    return statistics.median(known) if known else None
