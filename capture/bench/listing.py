"""What can be measured here, and what cannot."""

import textwrap
from collections.abc import Iterator, Sequence

from capture.bench.render import WIDTH
from capture.bench.tracers import TRACERS
from capture.bench.tracers.base import Tracer
from capture.bench.workload import WORKLOADS, Workload


def lines() -> Iterator[str]:
    """Every workload and every tracer, and the reason where one cannot run."""
    yield "workloads"
    yield from _described(WORKLOADS)
    yield "tracers"
    yield from _described(TRACERS)


def _described(all_: Sequence[Workload] | Sequence[Tracer]) -> Iterator[str]:
    for one in all_:
        reason = one.unavailable()
        words = f"  {one.name:<15} {one.about}{f' [not here: {reason}]' if reason else ''}"
        yield textwrap.fill(words, WIDTH, subsequent_indent=" " * 18)
