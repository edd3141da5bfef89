"""Which runs a bench makes, in which order, and what becomes of those that fail."""

import random
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from capture.bench.campaign import Campaign
from capture.bench.plan import Step, chosen_tracers, chosen_workloads, steps
from capture.bench.run import Kind, Run
from capture.bench.tracers import TRACERS
from capture.bench.tracers.base import Tracer
from capture.bench.workload import WORKLOADS, Workload, own
from capture.errors import UsageError

DD, FIND, BYSTANDER = (next(one for one in WORKLOADS if one.name == name) for name in ("dd", "find", "bystander"))


def plan(workloads: list[Workload], names: str, rounds: int, seed: int = 1) -> list[Step]:
    """The steps of these tracers and the untraced run."""
    return steps(workloads, chosen_tracers(names), rounds, random.Random(seed))


def test_every_round_has_every_tracer_once() -> None:
    """11 rounds are 11 runs of each, and of a slow one a quarter as many."""
    counts = Counter(step.tracer.name for step in plan([DD], "floor,capture,strace", 11) if step.kind is Kind.TIME)
    assert counts == {"none": 11, "floor": 11, "capture": 11, "strace": 3}


def test_a_workload_is_finished_before_the_next_within_a_round() -> None:
    """So each run is near in time to the untraced run that it is compared with."""
    found = plan([DD, FIND], "floor,capture,bpftrace", 4)
    blocks = [one for i, one in enumerate(found) if i == 0 or key(one) != key(found[i - 1])]
    assert len({key(one) for one in blocks}) == len(blocks)


def key(step: Step) -> tuple[Any, ...]:
    """A workload in a round."""
    return step.kind, step.round, step.workload.name


def test_the_order_is_shuffled() -> None:
    """From round to round, and from one bench to the next."""
    found = [step.tracer.name for step in plan([DD], "floor,clock,capture,bpftrace", 2) if step.kind is Kind.TIME]
    assert found[:5] != found[5:]
    assert found != [step.tracer.name for step in plan([DD], "floor,clock,capture,bpftrace", 2, 2)][:10]


def test_kernel_time_is_measured_in_rounds_of_its_own() -> None:
    """Of the tracers that have programs in the kernel, every third round."""
    found = Counter(step.tracer.name for step in plan([DD], "floor,capture,strace", 7) if step.kind is Kind.KERNEL)
    assert found == {"floor": 3, "capture": 3}
    assert not [one for one in steps([DD], TRACERS, 3, random.Random(), in_kernel=False) if one.kind is Kind.KERNEL]


def test_who_cannot_attach_has_no_bystanders() -> None:
    """strace --seccomp-bpf works only on a command that it starts."""
    assert {step.tracer.name for step in plan([BYSTANDER], "strace,strace-seccomp", 1)} == {"none", "strace"}


def test_selection() -> None:
    """By name, in the order named; the untraced run always; the user's own command alone, or with what is named."""
    mine = own(("make", "-j2"))
    assert [one.name for one in chosen_tracers("strace, floor,strace")] == ["none", "strace", "floor"]
    assert chosen_tracers(None) == list(TRACERS)
    assert chosen_workloads(None, mine) == [mine]
    assert chosen_workloads("dd", mine) == [DD, mine]
    assert chosen_workloads(None, None) == list(WORKLOADS)
    for names in ("dd,nothing", "", "own"):
        with pytest.raises(UsageError, match="bystander"):
            chosen_workloads(names, None)


@dataclass
class FakeBench:
    """Runs nothing: a run takes no time, and fails as told, by tracer and kind."""

    fails: dict[tuple[str, Kind], str] = field(default_factory=dict)
    statuses: dict[str, int] = field(default_factory=dict)

    def run(self, kind: Kind, number: int, workload: Workload, tracer: Tracer) -> Run:
        """The run as it was told to be."""
        failed = self.fails.get((tracer.name, kind))
        status = self.statuses.get(tracer.name, 0)
        return Run(kind, number, workload.name, tracer.name, 0.0, 0.0, wall=1.0, status=status, failed=failed)

    def count_calls(self, workload: Workload) -> Run:
        """A warm-up."""
        run = Run(Kind.WARMUP, 0, workload.name, "none", 0.0, 0.0, wall=1.0, status=0, calls=1009)
        return replace(run, failed=self.fails.get((workload.name, Kind.WARMUP)))


def campaign(bench: FakeBench, **more: Any) -> tuple[Campaign, list[Run]]:
    """A bench of dd under tracers that need nothing, and its runs."""
    tracers = [replace(one, why_not=lambda: None) for one in chosen_tracers("strace,bpftrace")[1:]]
    made = Campaign(bench, [DD], [TRACERS[0], *tracers], **more)  # type: ignore[arg-type]
    runs = [made.warm_up(DD)]
    runs += [made.measure(one) for one in steps([DD], made.tracers, 8, random.Random(3)) if not made.skips(one)]
    return made, runs


def test_a_failing_tracer_is_named_and_not_tried_again() -> None:
    """Its first failure is kept as a run; all others go on."""
    made, runs = campaign(FakeBench({("bpftrace", Kind.TIME): "it broke"}))
    assert made.not_measured == {"bpftrace on dd": "it broke"}
    assert len([run for run in runs if run.tracer == "bpftrace" and run.kind is Kind.TIME]) == 1
    assert len([run for run in runs if run.tracer == "none" and run.kind is Kind.TIME]) == 8


def test_without_kernel_time_the_times_go_on() -> None:
    """A kernel that keeps no bpf_stats costs that column only."""
    made, runs = campaign(FakeBench({("bpftrace", Kind.KERNEL): "no bpf_stats"}))
    assert made.not_measured == {"bpftrace, in-kernel time on dd": "no bpf_stats"}
    assert len([run for run in runs if run.tracer == "bpftrace" and run.kind is Kind.TIME]) == 8


def test_a_workload_that_ends_otherwise_under_a_tracer_is_no_figure() -> None:
    """Its exit status is compared with that of the warm-up, whatever that is."""
    made, _ = campaign(FakeBench(statuses={"strace": 1}))
    assert made.not_measured == {"strace on dd": "the workload ended with status 1, untraced with 0"}


def test_a_workload_that_cannot_run_is_left_out() -> None:
    """Its warm-up says why."""
    made, runs = campaign(FakeBench({("dd", Kind.WARMUP): "cannot be run"}))
    assert made.not_measured == {"dd": "cannot be run"}
    assert len(runs) == 1


def test_runs_know_the_number_of_calls() -> None:
    """Counted once, in the warm-up."""
    _, runs = campaign(FakeBench())
    assert {run.calls for run in runs} == {1009}


def test_no_run_begins_too_late() -> None:
    """With a deadline in the past there are only warm-ups."""
    _, runs = campaign(FakeBench(), deadline=time.monotonic() - 10)
    assert [run.kind for run in runs] == [Kind.WARMUP]


def test_what_is_not_installed_is_not_planned() -> None:
    """And its reason is known from the start."""
    gone = replace(chosen_tracers("bpftrace")[1], why_not=lambda: "not installed")  # type: ignore[type-var]
    made = Campaign(FakeBench(), [DD], [TRACERS[0], gone])  # type: ignore[arg-type]
    assert made.not_measured == {"bpftrace": "not installed"}
    assert [one.name for one in made.tracers] == ["none"]
