"""One capture from start to end: load, record, stop, account for it."""

import ctypes
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
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
from capture.rotation import Rotator
from capture.sink import batch_rows, open_folder, open_sink
from capture.sink.base import Sink
from capture.sink.encode import Encoder
from capture.sink.names import Rotation
from capture.sink.null import NullSink
from capture.sink.rotating import RotatingSink
from capture.snapshot import Snapshot
from capture.summary import Summary
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
_NO_LOOK = (
    "what other users' processes had open at the start of this file is not known: rights to look are kept with -C, -G "
    "or -W only"
)


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
    summary: bool = False
    """A table of the calls at the end; without a target it takes the place of the lines."""
    force: bool = False
    durable: bool = False
    rotation: Rotation = field(default_factory=Rotation)
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


def has_terminal() -> bool:
    """Is there a terminal that controls us? One that was hung up is none any more."""
    try:
        os.close(os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY | os.O_CLOEXEC))
    except OSError:
        return False
    return True


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
        self._summary = Summary() if options.summary else None
        self._dropped: list[str] = []
        self._looks = True
        self._had_terminal = has_terminal()
        self._rotator: Rotator | None = None

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
        tracing.start()  # before a file is made: none is left if it fails
        self._drop(tracing)
        self._tracing, self._clock = tracing, Clock()
        self._assemble(backend, buffers)
        with self._signals():
            try:
                self._record()
            finally:
                self._finish()
            return self._status()

    def _wrote(self, batch: pa.RecordBatch) -> None:
        self._ledger.wrote(batch)
        if self._summary is not None:
            self._summary.add(batch)

    def _assemble(self, backend: str, buffers: list[Buffer]) -> None:
        """Everything between the rings and the file."""
        options, tracing, clock = self.options, self._tracing, self._clock
        about = (clock, options.argv, options.filter.describe(), backend, tracing.loader)
        self._sink: Sink = LiveSink() if self._summary is None else NullSink(LiveSink.batch_rows)
        if options.target is not None:
            self._sink = self._open_sink(options.target, lambda part: metadata.at_start(*about, part))
        columns = Columns(clock.offset, self.groups.path if self.groups else lambda _: None)
        self._ledger = ledger = Ledger(tracing.rings.headers)
        self._pipeline = pipeline = Pipeline(self._sink, columns, self._wrote, ledger.lost, buffers, self._drop_more)
        flush = min(options.flush, _LIVE_FLUSH) if options.target is None else options.flush
        self._recorder = Recorder(tracing.rings, ledger, pipeline, clock, limit=options.limit, flush=flush)
        self._report = Report(options.target, ledger, self._sink, quiet=options.quiet, verbose=options.verbose)
        if isinstance(self._sink, RotatingSink):
            parts = pipeline, self._recorder, self._report, clock, ledger
            self._rotator = Rotator(options.rotation, self._sink, *parts)
        self._snapshot = Snapshot(pipeline, self.groups)

    def _open_sink(self, target: str, about: Callable[[int], Mapping[str, str]]) -> Sink:
        """`about` gives the metadata that file number N begins with."""
        options = self.options
        sink = open_sink(
            target,
            about,
            rotation=options.rotation,
            force=options.force,
            durable=options.durable,
            opened=self._folder,
        )
        if self._folder is not None:
            os.close(self._folder)
        return sink

    def _drop(self, tracing: Tracing) -> None:
        """What was for loading and attaching alone is given up."""
        if self._plan is not None:
            self._keep = {*self._plan.keep, *tracing.needs}
            note = privileges.drop(self._plan, besides=(*tracing.needs, *preflight.PROC))
            self._dropped += [note] if note else []

    def _begin(self) -> Iterator[None]:
        """What the first file begins with. Nobody looks into others' processes after that, unless files follow it."""
        yield from self._state(self._bystanders())
        if not self.options.rotation.is_asked_for():
            self._drop_more()
            self._looks = False

    def _drop_more(self) -> None:
        """In a thread that looks into /proc no more."""
        if self._plan is not None:
            capabilities.keep_only(self._keep)

    def _record(self) -> None:
        what = self.options.filter.describe() if self.child is None else self.child.command[0]
        self._report.recording(what, self._tracing.label)
        if self.child is not None:
            self._snapshot.add(self.child.pid)
            self.child.release(self._tracing.stops_at)
        self._recorder.do_between(self._begin())
        self._recorder.run(self._each)

    def _bystanders(self) -> Iterator[int]:
        """The processes that were there before and are asked for."""
        if self.child is not None:
            return iter(())
        return iter(self.options.filter.pids) if self.settings.only_targets else procfs.processes()

    def _state(self, pids: Iterator[int]) -> Iterator[None]:
        """What a file begins with: the processes and what they have open."""
        yield from self._snapshot.take(pids)
        if self._rotator is not None:
            self._rotator.timetable.state_is_written(self._snapshot.rows)

    def _each(self) -> None:
        """About ten times a second."""
        self._report.progress(self.options.stats)
        done = self._tracing.is_done()
        if self.child is not None:
            done = self.child.poll() is not None and (done or not self.options.filter.follow)
        if done:
            self._recorder.stop("end")
        elif self._rotator is not None and self._rotator.rotate_if_due(self._notes()):
            if not self._looks and _NO_LOOK not in self._dropped:
                self._dropped.append(_NO_LOOK)
            self._snapshot = Snapshot(self._pipeline, self.groups)
            self._recorder.do_between(self._state(self._tracing.processes()))

    def _notes(self) -> list[str]:
        """What the file lacks, and why."""
        return [*self._tracing.notes, *self._dropped, *([self._snapshot.note] if self._snapshot.note else [])]

    def _finish(self) -> None:
        """Stop recording, write what is still on its way, and close the file with its accounts, whatever happens."""
        try:
            self._recorder.finish(self._tracing.stop(self._recorder.drain))
            self._ledger.recursion = self._tracing.recursion()
        finally:
            self._pipeline.close()
            self._sink.close(metadata.at_end(self._clock, self._ledger.counters(), self._notes()))
        self._pipeline.check()

    def _status(self) -> int:
        counters = self._ledger.whole()
        if self._summary is not None:
            self._summary.print()
        if self._rotator is not None:
            self._rotator.end(by_time=self._recorder.stopped_by == "files")
        self._report.closing(counters, self._sink, self._rotator.sink.pattern if self._rotator is not None else None)
        error = self._pipeline.error or (self._rotator.error if self._rotator is not None else None)
        if error is not None:
            raise error
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
        """INT and TERM stop, a second INT does not wait; USR1 shows the counters; HUP goes on in another file.

        HUP that was ignored (nohup) stays so.
        """
        handlers = {signal.SIGINT: self._stop, signal.SIGTERM: self._stop, signal.SIGUSR1: self._show}
        if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
            handlers[signal.SIGHUP] = self._hang_up
        before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _stop(self, number: int, _: FrameType | None) -> None:
        if self._signal is not None and number == signal.SIGINT:
            self._report.given_up(self._rotator.sink.path if self._rotator is not None else None)
            os._exit(128 + number)  # what was flushed is in the file and its journal, as after any sudden end
        self._signal = self._signal or number
        self._recorder.stop("signal")

    def _show(self, _: int, __: FrameType | None) -> None:
        self._report.ask()

    def _hang_up(self, number: int, frame: FrameType | None) -> None:
        """Another file, where one can follow; but if our terminal has gone, nobody would stop what goes on."""
        if self._rotator is not None and has_terminal() == self._had_terminal:
            self._rotator.timetable.ask()
        else:
            self._stop(number, frame)
