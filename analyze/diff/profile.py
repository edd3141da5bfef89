"""What one capture holds, counted by names that do not change from run to run."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.resources import files
from typing import TYPE_CHECKING, NamedTuple

from analyze.diff.names import normal_path, normal_peer, normal_thread

if TYPE_CHECKING:
    from analyze.session import Session

WAITS = frozenset(
    """
    accept accept4 clock_nanosleep connect epoll_pwait epoll_pwait2 epoll_wait flock futex io_getevents msgrcv
    nanosleep pause poll ppoll pselect6 restart_syscall rt_sigreturn rt_sigsuspend rt_sigtimedwait sched_yield select
    semop semtimedop vfork wait4 waitid
    """.split()  # noqa: SIM905 - easier to read
)
"""Calls that last as long, and come as often, as others let them."""
TRANSFERS = frozenset(
    "read readv recv recvfrom recvmsg recvmmsg write writev send sendto sendmsg sendmmsg splice".split()  # noqa: SIM905
)
"""The same on a pipe, a socket or a terminal."""
MEMORY = frozenset(("brk", "mmap", "munmap", "mprotect", "madvise", "mremap"))
"""Calls whose number depends on how threads happened to meet in the allocator."""


class CallKey(NamedTuple):
    """A call as one kind of thread makes it."""

    process: str
    call: str
    waits: bool
    """Whether it waits for others, so that its duration and number say little of itself."""


class ErrorKey(NamedTuple):
    """A call that fails in one way, on one file or peer ('' where there is none)."""

    process: str
    call: str
    errno: str
    what: str


@dataclass
class Latencies:
    """How long calls took: a histogram in eighths of powers of two of ns."""

    bins: Counter[int] = field(default_factory=Counter)
    time_ns: int = 0
    longest_ns: int = 0


@dataclass
class Profile:
    """One capture, counted."""

    calls: Counter[CallKey] = field(default_factory=Counter)
    errors: Counter[ErrorKey] = field(default_factory=Counter)
    files: Counter[str] = field(default_factory=Counter)
    """Successful calls by file."""
    peers: Counter[str] = field(default_factory=Counter)
    latencies: dict[CallKey, Latencies] = field(default_factory=dict)
    examples: dict[str, str] = field(default_factory=dict)
    """A real name for each that was made without numbers."""
    span_ns: int = 0
    """From the start of the capture to its end."""
    users: dict[str, str] = field(default_factory=dict)
    """Who used a file or peer: one of them."""

    def name(self, given: str, normal: Callable[[str], str]) -> str:
        """The name by which something is counted; the real one is kept as an example."""
        name = normal(given)
        if name != given:
            self.examples.setdefault(name, given)
        return name

    def add_latencies(self, key: CallKey, bin_: int | None, calls: int, time_ns: int, longest_ns: int) -> None:
        """Count calls of one latency; `bin_` is None if it is not known."""
        self.calls[key] += calls
        if bin_ is None:
            return
        latencies = self.latencies.get(key) or self.latencies.setdefault(key, Latencies())
        latencies.bins[bin_] += calls
        latencies.time_ns += time_ns
        latencies.longest_ns = max(latencies.longest_ns, longest_ns)

    def add_names(self, process: str, call: str, errno: str | None, file: str, peer: str, calls: int) -> None:
        """Count calls that failed in one way or did not, on one file or peer ('' where there is none)."""
        if errno is not None:
            self.errors[ErrorKey(process, call, errno, peer or file)] += calls
            return
        for name, counted in ((file if file.startswith("/") else "", self.files), (peer, self.peers)):
            if name:
                counted[name] += calls
                self.users.setdefault(name, process)

    @property
    def time_ns(self) -> int:
        """Time in calls that do not wait for others."""
        return sum(one.time_ns for key, one in self.latencies.items() if not key.waits)

    @property
    def processes(self) -> Counter[str]:
        """Calls by process."""
        found = Counter[str]()
        for key, calls in self.calls.items():
            found[key.process] += calls
        return found


def profile(session: "Session") -> Profile:
    """Count the calls that the session's filters keep."""
    found = Profile(span_ns=session.span.end - session.span.start)
    query = (files("analyze.diff") / "profile.sql").read_text()
    for comm, call, slow, bin_, errno, file, peer, by_latency, *numbers in session.prepare(query).rows():
        process = found.name(comm or "?", normal_thread)
        if by_latency:
            waits = call in WAITS or (slow and call in TRANSFERS)
            found.add_latencies(CallKey(process, call, waits), bin_, *numbers)
        else:
            what = found.name(file, normal_path) if file is not None else ""
            address = found.name(peer, normal_peer) if peer is not None else ""
            found.add_names(process, call, errno, what, address, numbers[0])
    return found


def real(name: str, first: Profile, second: Profile) -> str:
    """A name as it was in the second capture, or else in the first."""
    return second.examples.get(name) or first.examples.get(name) or name
