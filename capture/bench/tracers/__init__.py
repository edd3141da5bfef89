"""The tracers that bench compares, by the names with which one selects them."""

from capture.bench.tracers import bpftrace, own, perf, strace, sysdig
from capture.bench.tracers.base import Tracer
from capture.bench.tracers.floor import FILTER, NOTHING, Floor

NONE, FLOOR, OURS = "none", "floor", "capture"
"""What others are compared with."""

TRACERS: tuple[Tracer, ...] = (
    NOTHING,
    Floor(FLOOR, "empty programs on both tracepoints", ("empty_exit", "empty_enter")),
    Floor("clock", "programs that read the clock once each", ("clock_exit", "clock_enter")),
    FILTER,
    *own.TRACERS,
    *strace.TRACERS,
    *perf.TRACERS,
    *bpftrace.TRACERS,
    *sysdig.TRACERS,
)
