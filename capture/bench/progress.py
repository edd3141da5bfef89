"""How far a bench has come, on standard error: a bar on a terminal, else a line a round."""

import sys
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from capture.bench.plan import Step


class Progress:
    """Of `total` runs."""

    def __init__(self, total: int) -> None:
        console = Console(stderr=True)
        self._terminal = console.is_terminal
        self._round = -1
        self._bar = Bar(
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=console,
            refresh_per_second=1,  # of the CPU time that is measured
            transient=True,
            disable=not self._terminal,
        )
        self._task = self._bar.add_task("", total=total)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def warming_up(self, workload: str) -> None:
        """The warm-up of a workload begins."""
        self._bar.update(self._task, description=f"warm-up {workload}")

    def step(self, step: Step) -> None:
        """A run begins."""
        self._bar.update(
            self._task, description=f"round {step.round + 1}, {step.workload.name} under {step.tracer.name}"
        )
        if step.round != self._round and not self._terminal:
            print(f"capture bench: round {step.round + 1}", file=sys.stderr, flush=True)
        self._round = step.round

    def done(self) -> None:
        """A run has ended, or was left out."""
        self._bar.advance(self._task)
