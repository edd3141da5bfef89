"""All runs of a bench, one after the other; what cannot be measured is left out of the rest, and named."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from capture.bench.measure import Bench
from capture.bench.plan import Step
from capture.bench.run import Kind, Run
from capture.bench.tracers import NONE
from capture.bench.tracers.base import Tracer
from capture.bench.workload import Workload

_UNKNOWN = 4.0
"""Seconds that a run may take of which nothing is known."""

GRACE = 3.0
"""Seconds by which an untraced run may end later: without it all others of its round are in vain."""


@dataclass
class Campaign:
    """`deadline`: no run begins that would end later, in seconds of time.monotonic(). `not_measured` is by name."""

    bench: Bench
    workloads: Sequence[Workload]
    tracers: Sequence[Tracer]
    deadline: float | None = None
    not_measured: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        listed: list[Workload | Tracer] = [*self.workloads, *self.tracers]
        for one in listed:
            reason = one.unavailable()
            if reason is not None:
                self.not_measured[one.name] = reason
        self.workloads = [one for one in self.workloads if one.name not in self.not_measured]
        self.tracers = [one for one in self.tracers if one.name not in self.not_measured]
        self._calls: dict[str, int | None] = {}
        self._status: dict[str, int | None] = {}
        self._took: dict[tuple[str, str], float] = {}
        self._measured: set[tuple[str, str]] = set()

    def warm_up(self, workload: Workload) -> Run:
        """Once for each workload, before its steps."""
        begin = time.monotonic()
        run = self.bench.count_calls(workload)
        self._took[workload.name, NONE] = time.monotonic() - begin
        self._calls[workload.name], self._status[workload.name] = run.calls, run.status
        if run.failed:
            self.not_measured[workload.name] = run.failed
        return run

    def measure(self, step: Step) -> Run:
        """The run of a step; what fails is given up."""
        begin = time.monotonic()
        run = self.bench.run(step.kind, step.round, step.workload, step.tracer)
        expected = self._status.get(step.workload.name)
        if run.failed is None and run.status != expected:
            run = replace(run, failed=f"the workload ended with status {run.status}, untraced with {expected}")
        self._took[step.workload.name, step.tracer.name] = time.monotonic() - begin
        if run.failed is None:
            self._measured.add((step.workload.name, step.tracer.name))
        elif step.tracer.name != NONE and not self._cut_short(step):
            self._give_up(step, run.failed)
        return replace(run, calls=self._calls.get(step.workload.name))

    def skips(self, step: Step) -> bool:
        """Is it given up, or would it end too late?"""
        pair = f"{step.tracer.name} on {step.workload.name}"
        kernel = f"{step.tracer.name}, in-kernel time on {step.workload.name}"
        if step.workload.name in self.not_measured or pair in self.not_measured:
            return True
        if step.kind is Kind.KERNEL and kernel in self.not_measured:
            return True
        before = self._took.get((step.workload.name, step.tracer.name), _UNKNOWN)
        grace = GRACE if step.tracer.name == NONE else 0.0
        return self.deadline is not None and time.monotonic() + before > self.deadline + grace

    def _cut_short(self, step: Step) -> bool:
        """Was the time up, for something that is measured already?"""
        late = self.deadline is not None and time.monotonic() > self.deadline
        return late and (step.workload.name, step.tracer.name) in self._measured

    def _give_up(self, step: Step, reason: str) -> None:
        """On this tracer with this workload; in the rounds for the kernel's figures, on those alone."""
        what = f"{step.tracer.name}, in-kernel time" if step.kind is Kind.KERNEL else step.tracer.name
        self.not_measured[f"{what} on {step.workload.name}"] = reason
