"""A bench from its options to its files: compile, warm up, measure, and show what there is, also after Ctrl-C."""

import os
import random
import shlex
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import FrameType

from capture.bench import build, files, machine, plan, plot, render
from capture.bench.campaign import GRACE, Campaign
from capture.bench.files import About
from capture.bench.measure import Bench
from capture.bench.process import Patience
from capture.bench.progress import Progress
from capture.bench.run import Run
from capture.bench.summary import summarise
from capture.bench.workload import own
from capture.errors import CaptureError

QUICK_WORKLOADS = "dd,compile"
QUICK_TRACERS = "none,floor,capture,strace,perf-record,bpftrace"
QUICK_SECONDS = 45.0
"""To the end of the last run: with the tables it is to take less than a minute."""
_QUICK_SCALE = 0.25


@dataclass(frozen=True)
class Options:
    """What the user asked for; None: the default."""

    argv: tuple[str, ...]
    command: tuple[str, ...] = ()
    workloads: str | None = None
    tracers: str | None = None
    rounds: int | None = None
    quick: bool = False
    folder: Path = Path("bench")
    force: bool = False
    seed: int | None = None


ROUNDS, QUICK_ROUNDS = 5, 3


def bench(options: Options) -> int:
    """Measure, print, write; 0, or 130 if it was interrupted. Raises CaptureError."""
    session = Session(options)
    with _interruptible():
        return session.run()


@dataclass
class Session:
    """One bench. `runs` grows as it goes."""

    options: Options
    runs: list[Run] = field(default_factory=list)

    def run(self) -> int:
        """All of it."""
        options, began = self.options, time.monotonic()
        quick = options.quick
        own_workload = own(options.command) if options.command else None
        names = options.workloads or (QUICK_WORKLOADS if quick and own_workload is None else None)
        workloads = plan.chosen_workloads(names, own_workload)
        tracers = plan.chosen_tracers(options.tracers or (QUICK_TRACERS if quick else None))
        plot.check()
        programs = build.programs()
        files.prepare(options.folder, force=options.force)
        self._before = machine.describe()
        with tempfile.TemporaryDirectory(dir=options.folder, prefix="scratch-", ignore_cleanup_errors=True) as scratch:
            deadline = began + QUICK_SECONDS if quick else None
            patience = Patience(until=deadline + GRACE) if deadline else Patience()
            place = Bench(programs, Path(scratch).resolve(), _QUICK_SCALE if quick else 1.0, patience)
            self._campaign = campaign = Campaign(place, workloads, tracers, deadline)
            rounds = options.rounds or (QUICK_ROUNDS if quick else ROUNDS)
            status = 0
            try:
                self._measure(campaign, rounds)
            except KeyboardInterrupt:
                status = 130
        concluded = self._conclude(campaign)
        return status or concluded

    def _measure(self, campaign: Campaign, rounds: int) -> None:
        rng = random.Random(self.options.seed)
        steps = plan.steps(campaign.workloads, campaign.tracers, rounds, rng, in_kernel=not self.options.quick)
        with Progress(len(campaign.workloads) + len(steps)) as progress:
            for workload in campaign.workloads:
                progress.warming_up(workload.name)
                self.runs.append(campaign.warm_up(workload))
                progress.done()
            for step in steps:
                if not campaign.skips(step):
                    progress.step(step)
                    self.runs.append(campaign.measure(step))
                progress.done()

    def _conclude(self, campaign: Campaign) -> int:
        """Everything that is known so far, printed and written; 1 if it is nothing."""
        complete = frozenset(one.name for one in campaign.tracers if one.complete)
        tables = summarise(self.runs, complete)
        about = self._about(campaign)
        files.write_runs(self.options.folder, self.runs, about)
        if not tables:
            reasons = "; ".join(f"{name}: {reason}" for name, reason in campaign.not_measured.items())
            print(f"capture: nothing was measured{f': {reasons}' if reasons else ''}", file=sys.stderr)
            return CaptureError.exit_code
        headings = render.headings(self.runs, about.workloads, about.scale)
        text = render.text(tables, headings)
        print(*map(render.wrapped, about.lines()), "", text, sep="\n", end="")
        if about.not_measured:
            left_out = (f"  {name}: {why}" for name, why in about.not_measured.items())
            print("\nnot measured:", *map(render.wrapped, left_out), sep="\n")
        folder = self.options.folder
        (folder / files.REPORT).write_text(files.report(about, text, render.markdown(tables)))
        plot.draw(tables, headings, about.caption(), folder / files.PICTURE)
        print(f"\nwrote {folder}/: {files.REPORT}, {files.PICTURE}, {files.RUNS_PARQUET}, {files.RUNS_JSON}")
        return 0

    def _about(self, campaign: Campaign) -> About:
        now = machine.describe()
        return About(
            command=shlex.join(self.options.argv),
            date=f"{datetime.now().astimezone():%Y-%m-%d %H:%M}",
            machine=self._before,
            load_at_end=os.getloadavg()[0],
            stolen=machine.stolen(self._before, now),
            workloads={one.name: one.about for one in campaign.workloads},
            tracers={one.name: one.about for one in campaign.tracers},
            not_measured=campaign.not_measured,
            scale=campaign.bench.scale,
        )


@contextmanager
def _interruptible() -> Iterator[None]:
    """TERM and HUP are as Ctrl-C: what runs is ended, and the table so far is shown."""

    def interrupt(number: int, _: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
