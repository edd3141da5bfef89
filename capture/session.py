"""One capture from start to end: load, record, stop, account for it."""

import ctypes
import os
import signal
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from types import FrameType

import pyarrow as pa

from capture import backends, capabilities, metadata, preflight, privileges, procfs
from capture.backends.base import Tracing
from capture.cgroups import hierarchy
from capture.clock import Clock
from capture.columns import Columns
from capture.errors import AccountingError
from capture.filters import Filter
from capture.launch import Child
from capture.ledger import Ledger
from capture.live import LiveSink
from capture.loaders.base import Settings
from capture.pipeline import BYTES, Buffer, Pipeline
from capture.recorder import Recorder
from capture.rehearsal import rehearse
from capture.report import Report
from capture.sink import batch_rows, open_folder, open_sink
from capture.sink.base import Sink
from capture.sink.encode import Encoder
from capture.snapshot import Snapshot
from schemas.arrow import EVENTS
from schemas.record import RECORD

RINGS_IN_ALL = 64 << 20
RING_MOST, RING_LEAST = 16 << 20, 256 << 10
_BYTES_LEAST = 512 << 10
_BYTES_SHARE = 4  # of the records' ring, unless buffers are kept
_NICE = -10
_SWITCH = 0.0001  # s
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8  # of mallopt(3)
_LIVE_FLUSH = 0.2


@dataclass(frozen=True)
class Options:
    """What the user asked for. `target` None: lines on the terminal. Sizes in bytes, times in seconds."""

    argv: tuple[str, ...]
    target: str | None = None
    filter: Filter = field(default_factory=Filter)
    backend: str | None = None
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
    drop_to: str | None = None


def default_ring_size(cpus: int) -> int:
    """Bytes of one CPU's ring: a power of two, less on a host with many CPUs."""
    return max(RING_LEAST, min(RING_MOST, 1 << (RINGS_IN_ALL // cpus).bit_length() - 1))


def keep_memory() -> None:
    """Have the C library keep freed memory: each batch needs as much again, and faulting it in anew costs more than the
    work done on it."""
    libc = ctypes.CDLL(None)
    for option, value in ((_M_MMAP_THRESHOLD, 1 << 30), (_M_TRIM_THRESHOLD, 1 << 30), (_M_ARENA_MAX, 1)):
        libc.mallopt(option, value)
    pa.set_memory_pool(pa.system_memory_pool())


def keep_up() -> None:
    """Have the scheduler prefer us, by as much as nice -10, where we may ask for it.

    On a host whose cores are all busy we would else be given so little that calls are lost. And have the interpreter
    change threads often: the drain gives its lock away with each block that it copies, and would else wait up to 5 ms
    to have it back.
    """
    sys.setswitchinterval(_SWITCH)
    with suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, _NICE)


def record(options: Options) -> int:
    """Capture until the command ends, the limit is reached or a signal comes; the exit status. Raises CaptureError."""
    for target in options.filter.pids:
        procfs.require(target)  # before a file is made
    folder = open_folder(options.target)
    plan = privileges.plan(options.drop_to, options.target, folder, signals=bool(options.command))
    child = Child(options.command, options.user) if options.command else None
    try:
        keep_memory()
        executor = ThreadPoolExecutor(1, "rehearsal")
        rehearsal = executor.submit(rehearse, *_batches(options.target))
        session = Session(options, child, plan, folder)
        pid = child.pid if child is not None else None
        with backends.open_first(options.backend, options.loader, session.settings, pid) as (backend, tracing):
            buffers = rehearsal.result()
            executor.shutdown()  # a thread that outlived it would keep its privileges
            ctypes.CDLL(None).malloc_trim(0)  # what loading the program took
            return session.run(tracing, backend, buffers)
    finally:
        if child is not None:
            child.abandon()


def _batches(target: str | None) -> tuple[int, Callable[[pa.RecordBatch], object]]:
    """How many rows a batch has that goes to `target`, and what is done with it."""
    if target is None:
        return LiveSink.batch_rows, lambda _: None
    return batch_rows(target), lambda batch: Encoder(EVENTS).encode(batch, 0)


class Session:
    """A capture with its parts; `run` needs a backend that is ready.

    `plan` says what becomes of our privileges, `folder` is a descriptor of the one to write in.
    """

    def __init__(
        self,
        options: Options,
        child: Child | None = None,
        plan: privileges.Plan | None = None,
        folder: int | None = None,
    ) -> None:
        self.options, self.child = options, child
        self._plan, self._folder = plan, folder
        self.groups = hierarchy()
        self.settings = self._settings()
        self._signal: int | None = None
        self._keep: set[str] = set()
        self._notes: list[str] = []

    def _settings(self) -> Settings:
        options, cpus = self.options, preflight.cpus()
        size = options.ring_size or default_ring_size(cpus)
        only_targets = bool(options.filter.pids or self.child)
        share = 1 if options.data_bytes else _BYTES_SHARE
        return Settings(
            cpus=cpus,
            ring_records=1 << (size // RECORD.itemsize).bit_length() - 1,
            ring_bytes=max(_BYTES_LEAST, min(BYTES, 1 << (size // share).bit_length() - 1)),
            data_bytes=options.data_bytes,
            own_pid=os.getpid(),
            pids=preflight.pids() if only_targets else 8,
            filter=options.filter,
            only_targets=only_targets,
            cgroup_v1=self.groups.v1_index if self.groups else 0,
        )

    def run(self, tracing: Tracing, backend: str, buffers: list[Buffer]) -> int:
        """Record with the backend of that name; the exit status."""
        keep_up()
        options = self.options
        tracing.start()
        self._drop(tracing)
        self._clock = clock = Clock()
        start = metadata.at_start(clock, options.argv, options.filter.describe(), backend, tracing.loader)
        self._tracing = tracing
        self._ledger = ledger = Ledger(tracing.rings.headers)
        sink = LiveSink() if options.target is None else self._open_sink(options.target, start)
        columns = Columns(clock.offset, self.groups.path if self.groups else lambda _: None)
        self._pipeline = pipeline = Pipeline(sink, columns, ledger.wrote, ledger.lost, buffers, self._drop_more)
        flush = min(options.flush, _LIVE_FLUSH) if options.target is None else options.flush
        self._recorder = Recorder(tracing.rings, ledger, pipeline, clock, limit=options.limit, flush=flush)
        self._report = Report(options.target, ledger, sink, quiet=options.quiet, verbose=options.verbose)
        with self._signals():
            try:
                self._record()
            finally:
                self._finish(sink)
            return self._status(sink)

    def _open_sink(self, target: str, start: dict[str, str]) -> Sink:
        sink = open_sink(target, start, force=self.options.force, opened=self._folder)
        if self._folder is not None:
            os.close(self._folder)
        return sink

    def _drop(self, tracing: Tracing) -> None:
        """What was for loading and attaching alone is given up."""
        if self._plan is not None:
            self._keep = {*self._plan.keep, *tracing.needs}
            note = privileges.drop(self._plan, besides=(*tracing.needs, *privileges.PROC))
            self._notes += [note] if note else []

    def _drop_more(self) -> None:
        """In a thread that looks into /proc no more."""
        if self._plan is not None:
            capabilities.keep_only(self._keep)

    def _record(self) -> None:
        self._snapshot = Snapshot(self._pipeline, self.groups)
        what = self.options.filter.describe() if self.child is None else self.child.command[0]
        self._report.recording(what, self._tracing.label)
        if self.child is not None:
            self._snapshot.add(self.child.pid)
            self._drop_more()  # all that descends from it will be seen
            self.child.release(self._tracing.stops_at)
        self._recorder.run(self._each, self._snapshot.take(self._bystanders()))

    def _bystanders(self) -> Iterator[int]:
        """The processes that were there before and are asked for."""
        if self.child is not None:
            return iter(())
        return iter(self.options.filter.pids) if self.settings.only_targets else procfs.processes()

    def _each(self) -> None:
        """About ten times a second."""
        self._report.progress(self.options.stats)
        done = self._tracing.is_done()
        if self.child is not None:
            done = self.child.poll() is not None and (done or not self.options.filter.follow)
        if done:
            self._recorder.stop("end")

    def _finish(self, sink: Sink) -> None:
        """Stop recording, write what is still on its way, and close the file with its accounts."""
        self._recorder.finish(self._tracing.stop(self._recorder.drain))
        self._ledger.recursion = self._tracing.recursion()
        self._pipeline.close()
        notes = [*self._tracing.notes, *self._notes, *([self._snapshot.note] if self._snapshot.note else [])]
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
