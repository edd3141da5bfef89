"""The result of one run: one row of the file of runs."""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What a run is for: to warm the caches and count the workload's calls; its times; or the time in the kernel."""

    WARMUP = "warm-up"
    TIME = "time"
    KERNEL = "kernel"


@dataclass(frozen=True)
class Run:
    """Times in seconds, sizes in bytes, `began` in seconds since the epoch; None: not known, or there is no such thing.

    `calls` is what the kernel counted in the workload's warm-up. `seen` is what the tracer has recorded, of the whole
    system where it traces that; `lost` what it says it lost. `kernel_ns` is the time in the tracer's eBPF programs and
    `kernel_runs` the calls that it was spent on. `failed` says why there are no figures.
    """

    kind: Kind
    round: int
    workload: str
    tracer: str
    began: float
    load: float
    wall: float | None = None
    user: float | None = None
    system: float | None = None
    status: int | None = None
    calls: int | None = None
    tracer_cpu: float | None = None
    tracer_peak: int | None = None
    seen: int | None = None
    lost: int | None = None
    bytes: int | None = None
    kernel_ns: int | None = None
    kernel_runs: int | None = None
    failed: str | None = None
