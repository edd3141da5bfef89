"""One run: a workload under a tracer."""

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from capture.bench import kernel_time
from capture.bench.process import Patience, Process, Unresponsive
from capture.bench.run import Kind, Run
from capture.bench.timed import NOT_FOUND, Timed, Took
from capture.bench.tracers.base import Outcome, Setting, Tracer, Tracing
from capture.bench.workload import Place, Workload


@dataclass(frozen=True)
class Bench:
    """What all runs share: the compiled programs, the folder for what is thrown away, scale, and patience."""

    programs: Path
    folder: Path
    scale: float = 1.0
    patience: Patience = field(default_factory=Patience)

    def run(self, kind: Kind, number: int, workload: Workload, tracer: Tracer) -> Run:
        """Measure. What goes wrong with a tracer is in the result's `failed`, and no error of ours."""
        blank = Run(kind, number, workload.name, tracer.name, time.time(), os.getloadavg()[0])
        try:
            with self._places(workload) as (setting, place):
                return self._measure(blank, workload, tracer, setting, place)
        except (Unresponsive, OSError) as error:
            return replace(blank, failed=str(error))

    def count_calls(self, workload: Workload) -> Run:
        """The warm-up run, with the kernel's own count of the workload's calls where perf can give it."""
        blank = Run(Kind.WARMUP, 0, workload.name, "none", time.time(), os.getloadavg()[0])
        counts = not workload.bystander and shutil.which("perf") is not None and os.geteuid() == 0
        try:
            with self._places(workload) as (setting, place):
                told = setting.scratch / "count"
                count = ("perf", "stat", "-x,", "-e", "raw_syscalls:sys_enter", "-o", str(told), "--")
                tracing = Tracing()
                tracing.prefix = count if counts else ()
                took, _, _ = self._traced(workload, tracing, setting, place, in_kernel=False)
                if took.status in (NOT_FOUND - 1, NOT_FOUND):
                    raise Unresponsive(f"{workload.about}: the command cannot be run")
                return replace(_with(blank, took), calls=_counted(told) if counts else None)
        except (Unresponsive, OSError) as error:
            return replace(blank, failed=str(error))

    @contextmanager
    def _places(self, workload: Workload) -> Iterator[tuple[Setting, Place]]:
        """Folders for the tracer and the workload, and an idle process to trace where the workload is a bystander."""
        with tempfile.TemporaryDirectory(dir=self.folder, prefix="run-", ignore_cleanup_errors=True) as name:
            ours, theirs = Path(name) / "tracer", Path(name) / "workload"
            ours.mkdir()
            theirs.mkdir()
            place = Place(self.programs, theirs, self.scale)
            if not workload.bystander:
                yield Setting(ours, None, self.patience), place
                return
            idle = Process(["sleep", "infinity"], ours / "idle.log", theirs)
            try:
                yield Setting(ours, idle.pid, self.patience), place
            finally:
                idle.kill()

    def _measure(self, blank: Run, workload: Workload, tracer: Tracer, setting: Setting, place: Place) -> Run:
        in_kernel = blank.kind is Kind.KERNEL
        with ExitStack() as stack:
            if in_kernel:
                stack.enter_context(kernel_time.kept())
            tracing = stack.enter_context(tracer.start(setting))
            took, outcome, kernel = self._traced(workload, tracing, setting, place, in_kernel=in_kernel)
        return replace(
            _with(blank, took),
            tracer_cpu=outcome.cpu,
            tracer_peak=outcome.peak,
            seen=outcome.count.seen,
            lost=outcome.count.lost,
            bytes=outcome.count.bytes,
            kernel_ns=kernel.nanoseconds if kernel else None,
            kernel_runs=kernel.runs if kernel else None,
        )

    def _traced(
        self, workload: Workload, tracing: Tracing, setting: Setting, place: Place, *, in_kernel: bool
    ) -> tuple[Took, Outcome, kernel_time.KernelTime | None]:
        argv, log = workload.argv(place), place.scratch / "workload.log"
        timed = Timed(self.programs / "timed", tracing.prefix, argv, log, place.scratch, self.patience)
        try:
            timed.ready()
            tracing.begin(timed)
            before = kernel_time.read(tracing.pids()) if in_kernel else {}
            took = timed.run()
            kernel = kernel_time.between(before, kernel_time.read(tracing.pids())) if in_kernel else None
            tracing.end(timed)
            timed.release()
            outcome = tracing.stop(timed, took)
            timed.process.wait(self.patience.left())
        finally:
            timed.close()
        return took, outcome, kernel


def _with(run: Run, took: Took) -> Run:
    return replace(run, wall=took.wall, user=took.user, system=took.system, status=took.status)


def _counted(told: Path) -> int | None:
    """The number of `perf stat -x,`; `timed` itself adds some twenty calls to it."""
    numbers = [line.split(",")[0] for line in told.read_text().splitlines() if "sys_enter" in line]
    return int(numbers[0]) if numbers and numbers[0].isdigit() else None
