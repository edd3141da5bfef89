"""Which runs, and in which order: rounds, shuffled, so that what else happens on the machine meets all alike."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from capture.bench.run import Kind
from capture.bench.tracers import NONE, TRACERS
from capture.bench.tracers.base import Tracer
from capture.bench.workload import OWN, WORKLOADS, Workload
from capture.errors import UsageError

_KERNEL_SHARE = 3
_Listed = TypeVar("_Listed", Workload, Tracer)


@dataclass(frozen=True)
class Step:
    """One run to make."""

    kind: Kind
    round: int
    workload: Workload
    tracer: Tracer


def steps(
    workloads: Sequence[Workload], tracers: Sequence[Tracer], rounds: int, rng: random.Random, *, in_kernel: bool = True
) -> list[Step]:
    """All runs but the warm-ups.

    The tracers of one workload follow each other within a round, so that each is near the untraced run that it is
    compared with. With `in_kernel`, a third as many rounds, between the others, are for the time in the kernel.
    """
    plan: list[Step] = []
    for number in range(rounds):
        plan += _round(Kind.TIME, number, workloads, tracers, rng)
        if in_kernel and number % _KERNEL_SHARE == 0:
            plan += _round(Kind.KERNEL, number, workloads, [one for one in tracers if one.in_kernel], rng)
    return plan


def _round(
    kind: Kind, number: int, workloads: Sequence[Workload], tracers: Sequence[Tracer], rng: random.Random
) -> Iterator[Step]:
    for workload in rng.sample(workloads, len(workloads)):
        able = [one for one in tracers if number % one.every == 0 and (one.follows or not workload.bystander)]
        for tracer in rng.sample(able, len(able)):
            yield Step(kind, number, workload, tracer)


def chosen_workloads(names: str | None, own: Workload | None) -> list[Workload]:
    """Those named, with commas between; all without names; the user's own alone, or with those that are named.

    Raises UsageError for a name that is not on the list.
    """
    if names is None:
        return [own] if own else list(WORKLOADS)
    return [*_named("--workloads", names, WORKLOADS), *([own] if own else [])]


def chosen_tracers(names: str | None) -> list[Tracer]:
    """Those named, with commas between, and always the untraced run. Raises UsageError."""
    if names is None:
        return list(TRACERS)
    chosen = _named("--tracers", names, TRACERS)
    return chosen if any(one.name == NONE for one in chosen) else [TRACERS[0], *chosen]


def _named(option: str, names: str, known: Sequence[_Listed]) -> list[_Listed]:
    by_name = {one.name: one for one in known}
    wanted = list(dict.fromkeys(name.strip() for name in names.split(",") if name.strip()))
    unknown = [name for name in wanted if name not in by_name]
    if unknown or not wanted:
        hint = f"; a command of your own comes after --, not as {OWN!r}" if OWN in unknown else ""
        raise UsageError(f"{option} {', '.join(unknown) or names}: not one of {', '.join(by_name)}{hint}")
    return [by_name[name] for name in wanted]
