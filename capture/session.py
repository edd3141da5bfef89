"""One capture from start to end: load, record, stop, account for it."""

import ctypes
import mmap
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from capture import metadata, preflight, procfs, unfinished
from capture.bpfsys import program_stats
from capture.cgroups import hierarchy
from capture.clock import Clock
from capture.columns import Columns
from capture.errors import AccountingError, TargetError
from capture.filters import Filter
from capture.launch import Child
from capture.ledger import Ledger
from capture.live import LiveSink
from capture.loaders import choose
from capture.loaders.base import Loaded, Settings
from capture.pipeline import Pipeline
from capture.plan import plans
from capture.recorder import Recorder
from capture.report import Report
from capture.ring import Rings
from capture.sink import open_sink
from capture.sink.base import Sink
from capture.snapshot import Snapshot
from schemas.record import ENTRIES, ENTRY, RECORD

RINGS_IN_ALL = 64 << 20
RING_MOST, RING_LEAST = 16 << 20, 256 << 10
_BYTES_LEAST = 512 << 10
_BYTES_SHARE = 4  # of the records' ring, unless buffers are kept
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8  # of mallopt(3)
_SETTLE = 0.02  # s: a program that ran while it was detached has ended by then
_LIVE_FLUSH = 0.2
_TARGET = 1  # a byte of the `targets` map: TARGET of bpf/config.bpf.h
_TARGET_ARMED = 2


@dataclass(frozen=True)
class Options:
    """What the user asked for. `target` None: lines on the terminal. Sizes in bytes, times in seconds."""

    argv: tuple[str, ...]
    target: str | None = None
    filter: Filter = field(default_factory=Filter)
    loader: str | None = None
    ring_size: int | None = None
    flush: float = 2.0
    limit: int | None = None
    data_bytes: int = 0
    stats: float | None = None
    quiet: bool = False
    verbose: bool = False
    force: bool = False
    command: tuple[str, ...] = ()
    user: str | None = None


def default_ring_size(cpus: int) -> int:
    """Bytes of one CPU's ring: a power of two, less on a host with many CPUs."""
    return max(RING_LEAST, min(RING_MOST, 1 << (RINGS_IN_ALL // cpus).bit_length() - 1))


def keep_memory() -> None:
    """Have the C library keep freed memory: each batch needs as much again, and faulting it in anew costs more than the
    work done on it."""
    libc = ctypes.CDLL(None)
    libc.malloc_trim(0)  # what loading the program took
    for option, value in ((_M_MMAP_THRESHOLD, 1 << 30), (_M_TRIM_THRESHOLD, 1 << 30), (_M_ARENA_MAX, 1)):
        libc.mallopt(option, value)
    pa.set_memory_pool(pa.system_memory_pool())


def record(options: Options) -> int:
    """Capture until the command ends, the limit is reached or a signal comes; the exit status. Raises CaptureError."""
    preflight.check_namespace()
    preflight.check_preemption()
    preflight.check_privileges()
    loader = choose(options.loader)
    child = Child(options.command, options.user) if options.command else None
    try:
        session = Session(options, child)
        with loader.load(session.settings) as program:
            return session.run(program, loader.name)
    finally:
        if child is not None:
            child.abandon()


class Session:
    """A capture with its parts; `run` needs the program in the kernel."""

    def __init__(self, options: Options, child: Child | None) -> None:
        self.options, self.child = options, child
        self.groups = hierarchy()
        self.settings = self._settings()
        self._signal: int | None = None
        self._targets: npt.NDArray[np.uint8] | None = None

    def _settings(self) -> Settings:
        options, cpus = self.options, preflight.cpus()
        size = options.ring_size or default_ring_size(cpus)
        only_targets = bool(options.filter.pids or self.child)
        return Settings(
            cpus=cpus,
            ring_records=1 << (size // RECORD.itemsize).bit_length() - 1,
            ring_bytes=max(_BYTES_LEAST, 1 << (size // _BYTES_SHARE).bit_length() - 1),
            data_bytes=options.data_bytes,
            own_pid=os.getpid(),
            pids=preflight.pids() if only_targets else 8,
            filter=options.filter,
            only_targets=only_targets,
            cgroup_v1=self.groups.v1_index if self.groups else 0,
        )

    def run(self, program: Loaded, loader: str) -> int:
        """Record with the loaded program; the exit status."""
        keep_memory()
        options = self.options
        self._clock = clock = Clock()
        start = metadata.at_start(clock, options.argv, options.filter.describe(), "ebpf", loader)
        self._rings = rings = Rings(program.maps["rings"], self.settings)
        rings.headers["plan"] = plans()
        self._ledger = ledger = Ledger(rings.headers)
        sink = LiveSink() if options.target is None else open_sink(options.target, start, force=options.force)
        columns = Columns(clock.offset, self.groups.path if self.groups else lambda _: None)
        self._pipeline = pipeline = Pipeline(sink, columns, ledger.wrote, ledger.lost)
        flush = min(options.flush, _LIVE_FLUSH) if options.target is None else options.flush
        self._recorder = Recorder(rings, ledger, pipeline, clock, limit=options.limit, flush=flush)
        self._report = Report(options.target, ledger, sink, quiet=options.quiet, verbose=options.verbose)
        with self._signals():
            try:
                self._record(program, loader)
            finally:
                self._finish(program, sink)
            return self._status(sink)

    def _record(self, program: Loaded, loader: str) -> None:
        self._mark_targets(program)
        program.attach()
        self._began = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
        self._report.recording(self.options.filter.describe() if not self.child else self.child.command[0], loader)
        self._snapshot = Snapshot(self._pipeline, self.groups)
        if self.child is not None:
            self._snapshot.add(self.child.pid)
            self.child.release()
        self._recorder.run(self._each, self._snapshot.take(self._bystanders()))

    def _bystanders(self) -> Iterator[int]:
        """The processes that were there before and are asked for."""
        if self.child is not None:
            return iter(())
        return iter(self.options.filter.pids) if self._targets is not None else procfs.processes()

    def _mark_targets(self, program: Loaded) -> None:
        if not self.settings.only_targets:
            return
        memory = mmap.mmap(program.maps["targets"], max(self.settings.pids, mmap.PAGESIZE))
        self._targets = np.ndarray((self.settings.pids,), np.uint8, memory)
        for pid in self.options.filter.pids:
            if not Path(f"/proc/{pid}").exists():
                raise TargetError(f"-p {pid}: there is no such process; `ps -e` lists them")
            self._targets[pid] = _TARGET
        if self.child is not None:
            self._targets[self.child.pid] = _TARGET_ARMED

    def _each(self) -> None:
        """About ten times a second."""
        self._report.progress(self.options.stats)
        if self.child is not None and self.child.poll() is not None:
            if not self._targets_left() or not self.options.filter.follow:
                self._recorder.stop("end")
        elif self.child is None and self._targets is not None and not self._targets_left():
            self._recorder.stop("end")

    def _targets_left(self) -> bool:
        return self._targets is not None and bool(self._targets.any())

    def _finish(self, program: Loaded, sink: Sink) -> None:
        """Stop recording, write what is still on its way, and close the file with its accounts."""
        chosen, groups = self.options.filter, self.groups
        began = getattr(self, "_began", None)
        if began is not None:
            # Mapped only now: it counts as memory of ours.
            entries = np.ndarray((ENTRIES,), ENTRY, mmap.mmap(program.maps["entries"], ENTRIES * ENTRY.itemsize))
            hung = unfinished.hanging(entries, chosen, groups, self._targets, began)
            stopped = self._rings.stop()
            program.detach()
            time.sleep(_SETTLE)
            hung = unfinished.not_returned(hung, entries, stopped)
            running = unfinished.in_table(entries, chosen, groups)
            self._recorder.finish(np.concatenate([hung, running]))
            stats = [program_stats(fd) for fd in program.programs().values()]
            self._ledger.recursion = sum(one.recursion_misses for one in stats)
        self._pipeline.close()
        notes = [*program.notes, *([self._snapshot.note] if began is not None and self._snapshot.note else [])]
        sink.close(metadata.at_end(self._clock, self._ledger.counters(), notes))

    def _status(self, sink: Sink) -> int:
        counters = self._ledger.counters()
        self._report.closing(counters, sink)
        if self._pipeline.error is not None:
            raise self._pipeline.error
        if counters.balance():
            one = counters.balance()[0]
            raise AccountingError(
                f"the account does not balance: CPU {one.cpu}, {one.syscall}: {one.seen} seen, {one.written} written, "
                f"{sum(one.dropped.values())} dropped. The rows are as they came; please report this"
            )
        if self.child is not None:
            status = self.child.poll()
            return self.child.stop(self._signal or signal.SIGTERM) if status is None else status
        return 0

    @contextmanager
    def _signals(self) -> Iterator[None]:
        """INT and TERM stop; HUP too until files are rotated; USR1 shows the counters; a second INT does not wait."""

        def stop(number: int, _: FrameType | None) -> None:
            if self._signal is not None and number == signal.SIGINT:
                self._report.given_up()
                os._exit(128 + number)  # what was flushed is in the file and its journal, as after any sudden end
            self._signal = self._signal or number
            self._recorder.stop("signal")

        def show(number: int, _: FrameType | None) -> None:
            self._report.ask()

        handlers = {signal.SIGINT: stop, signal.SIGTERM: stop, signal.SIGHUP: stop, signal.SIGUSR1: show}
        before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
