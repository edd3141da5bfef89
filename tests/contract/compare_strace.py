"""Compares a capture with strace, both looking at the same processes at the same time, call by call.

`python -m tests.contract.compare_strace [WORKLOAD...]`, as root, prints what differs; without a name, of all workloads,
those that are not in the test suite too. strace runs under capture, so its own calls are in the capture too: they are
those of threads that strace's log does not have, and those that its child made before it became the command.
"""

import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from analyze.session import Session
from analyze.show.names import Namer
from analyze.show.order import Order
from analyze.show.query import Asked, statement
from analyze.show.stream import batches
from schemas.line import Printer, Style
from schemas.record import Abi
from schemas.syscalls import table
from tests.contract import strace_log
from tests.contract.strace_log import TracedCall
from tests.contract.strace_workloads import EARLIER_PROGRAMS, OTHERS, WORKLOADS

CAPTURE = str(Path(sys.executable).with_name("capture"))
BYTES = 4096
AHEAD, AHEAD_AT_START = 30, 300
"""How many calls of ours may come before one that strace saw."""

STRUCTURES = ("{", "[", "~[")
ADDRESSES = ("0x", "NULL")
CATEGORIES = ("path", "sockaddr", "argv", "fd")
SAMPLES = 3


@dataclass
class Tally:
    """How many there were, and how many of them were equal."""

    total: int = 0
    equal: int = 0

    def add(self, equal: bool) -> None:
        """Count one."""
        self.total += 1
        self.equal += equal

    @property
    def share(self) -> float:
        """What part was equal; 1 if there was nothing."""
        return self.equal / self.total if self.total else 1.0


@dataclass
class Comparison:
    """What two records of one run have in common."""

    lines: Tally = field(default_factory=Tally)
    """Calls, and those whose arguments are printed alike, structures aside."""
    kinds: dict[str, Tally] = field(default_factory=lambda: {name: Tally() for name in CATEGORIES})
    """Paths, socket addresses, argument vectors, and names of descriptors."""
    missing: list[str] = field(default_factory=list)
    """Calls that strace saw and the capture has not, or not in that place, or with another result."""
    added: Counter[str] = field(default_factory=Counter)
    """Calls that only the capture has, by name."""
    signals: list[str] = field(default_factory=list)
    """Threads whose signals or ends are not the same."""
    differing: Counter[str] = field(default_factory=Counter)
    samples: dict[str, list[str]] = field(default_factory=dict)

    def differs(self, what: str, strace: str, ours: str) -> None:
        """Count a difference, and keep the first ones of its sort."""
        self.differing[what] += 1
        kept = self.samples.setdefault(what, [])
        if len(kept) < SAMPLES:
            kept.append(f"    strace {strace[:220]}\n    ours   {ours[:220]}")

    def include(self, other: "Comparison") -> None:
        """Add another run."""
        for mine, theirs in (
            (self.lines, other.lines),
            *((self.kinds[name], other.kinds[name]) for name in CATEGORIES),
        ):
            mine.total, mine.equal = mine.total + theirs.total, mine.equal + theirs.equal
        self.missing += other.missing
        self.signals += other.signals
        self.added += other.added
        self.differing += other.differing
        for what, kept in other.samples.items():
            self.samples.setdefault(what, []).extend(kept[: SAMPLES - len(self.samples.get(what, []))])

    def text(self) -> str:
        """All figures, and the most frequent differences."""
        tallies = {"lines": self.lines, **self.kinds}
        rows = [f"  {name:<9} {one.total:>8,} {one.share:9.3%}" for name, one in tallies.items()]
        rows.append(f"  missing   {len(self.missing):>8,}")
        rows += [f"    {line[:200]}" for line in self.missing[:8]]
        rows.append(f"  added     {sum(self.added.values()):>8,} {dict(self.added.most_common(5))}")
        rows += [f"  signals   {line[:300]}" for line in self.signals[:5]]
        for what, count in self.differing.most_common(40):
            rows += [f"  {count:>5} {what}", *self.samples[what]]
        return "\n".join(rows)


class Run:
    """One command, recorded by both."""

    def __init__(self, script: str, folder: Path, *, earlier: bool = False) -> None:
        """Run the script with sh in a new folder below `folder`. With `earlier` it runs before it is traced."""
        self.log, self.capture = folder / "strace.log", folder / "trace.arrows"
        self._place = folder / "place"
        self._place.mkdir()
        self._strace = ["strace", "-f", "-y", "-v", "-s", str(BYTES), "-ttt", "-T", "-o", str(self.log)]
        self._command = [CAPTURE, "-w", str(self.capture), "-s", str(BYTES)]
        said = self._attach(script) if earlier else self._start(script)
        if "0 dropped" not in said:
            raise RuntimeError(f"the capture is not complete:\n{said}")

    def _start(self, script: str) -> str:
        command = [*self._command, "--", *self._strace, "--", "sh", "-c", script]
        done = subprocess.run(command, cwd=self._place, capture_output=True, text=True, errors="replace", timeout=280)
        return done.stderr

    def _attach(self, script: str) -> str:
        with ExitStack() as programs:

            def start(command: list[str]) -> subprocess.Popen[str]:
                program = subprocess.Popen(command, cwd=self._place, stderr=subprocess.PIPE, text=True)
                programs.callback(program.kill)
                return program

            program = start(["sh", "-c", script])
            _wait_for((self._place / "ready").exists)
            capture = start([*self._command, "-p", str(program.pid)])
            assert capture.stderr is not None
            capture.stderr.readline()
            time.sleep(0.5)  # the snapshot of /proc
            strace = start([*self._strace, "-p", str(program.pid)])
            assert strace.stderr is not None
            strace.stderr.readline()
            (self._place / "go").write_text("go")
            for one in (program, strace):
                one.communicate(timeout=60)
            capture.send_signal(signal.SIGINT)
            return capture.communicate(timeout=60)[1]

    @cached_property
    def threads(self) -> dict[int, strace_log.Thread]:
        """What strace says."""
        return strace_log.read(self.log)

    def ours(self) -> dict[int, strace_log.Thread]:
        """What `analyze show -y -S entry` says, of the threads that strace knows."""
        found: dict[int, strace_log.Thread] = {tid: strace_log.Thread() for tid in self.threads}
        with Session([str(self.capture)]) as session:
            namer = Namer(session)
            printer = Printer(Style(shown=BYTES))
            query = statement(session, Asked(order=Order.ENTRY))
            for batch in batches(session.prepare(query)):
                rows = zip(batch.column("tid").to_pylist(), batch.column("kind").to_pylist(), strict=True)
                for (tid, kind), text in zip(rows, printer.texts(namer(batch)), strict=True):
                    if tid in found:
                        _put(found[tid], kind, text)
        return found


def _wait_for(true: Callable[[], bool]) -> None:
    for _ in range(500):
        if true():
            return
        time.sleep(0.02)
    raise TimeoutError("the program does not get ready")


def _put(thread: strace_log.Thread, kind: str, text: str) -> None:
    if kind == "signal" and not text.startswith("--- SIGKILL"):  # which no tracer is told of
        thread.signals.append(text)
    elif kind == "exit":
        thread.ends.append(text)
    elif kind == "syscall":
        if text.endswith(strace_log.UNFINISHED):
            text = f"{text.removesuffix(strace_log.UNFINISHED)}) = ?"
        thread.calls.append(strace_log.call(text))


def compare(script: str, folder: Path, *, earlier: bool = False) -> Comparison:
    """Run a script under both and compare what they say. `earlier`: it runs before."""
    run = Run(script, folder, earlier=earlier)
    found = Comparison()
    ours = run.ours()
    for tid, thread in run.threads.items():
        for theirs, mine in pairs(thread.calls, ours[tid].calls, found):
            compare_calls(theirs, mine, found)
        _compare_signals(tid, thread, ours[tid], found)
    return found


def pairs(
    strace: list[TracedCall], ours: list[TracedCall], found: Comparison
) -> Iterator[tuple[TracedCall, TracedCall]]:
    """The calls that are the same, in order; the others are noted as missing or added."""
    place = 0
    for index, call in enumerate(strace):
        ahead = AHEAD if index else AHEAD_AT_START
        same = (at for at in range(place, min(place + ahead, len(ours))) if is_same(call, ours[at]))
        at = next(same, None)
        if at is None:
            found.missing.append(call.line)
            continue
        if index:  # before the first there is what strace's child did to be traced
            found.added.update(one.name for one in ours[place:at])
        yield call, ours[at]
        place = at + 1
    found.added.update(one.name for one in ours[place:])


def is_same(strace: TracedCall, ours: TracedCall) -> bool:
    """Whether name, result and error are the same.

    Of a call in which its thread was killed strace sees no return, while the kernel has one (ERESTARTSYS and kin).
    """
    killed = strace.result == ours.result == "?" and strace.errno is None
    return (strace.name, strace.result) == (ours.name, ours.result) and (killed or strace.errno == ours.errno)


def compare_calls(strace: TracedCall, ours: TracedCall, found: Comparison) -> None:
    """Compare the arguments of a call, and what descriptors stand for."""
    call = table(Abi.X86_64).by_name.get(strace.name)
    kinds = call.kinds if call else ()
    equal = len(strace.args) == len(ours.args)
    if not equal:
        found.differs(f"{strace.name}: number of arguments", strace.line, ours.line)
    for index, (theirs, mine) in enumerate(zip(strace.args, ours.args, strict=False)):
        kind = kinds[index] if index < len(kinds) else ""
        (theirs, name), (mine, our_name) = _name(theirs), _name(mine)
        if name is not None:
            how = _names_alike(name, our_name)
            found.kinds["fd"].add(how in ("equal", "through a link"))
            if how != "equal":
                found.differs(f"name of a descriptor: {how}", strace.line, ours.line)
        same = theirs == mine or _is_aside(theirs, mine)
        if category := _category(kind, theirs):
            found.kinds[category].add(theirs == mine)
        if not same:
            equal = False
            found.differs(f"{strace.name}: argument {index + 1}", strace.line, ours.line)
    found.lines.add(equal)


def _name(argument: str) -> tuple[str, str | None]:
    """An argument without what -y added, and that."""
    head, _, name = argument.partition("<")
    if argument.endswith(">") and (head.isdigit() or head == "AT_FDCWD"):
        return head, name[:-1]
    return argument, None


def _names_alike(strace: str, ours: str | None) -> str:
    """How two names of what stands behind a descriptor compare. A capture has the path that was opened: strace reads
    it from /proc, where links are resolved."""
    if ours is None:
        return "unknown"
    if _plain(strace) == _plain(ours):
        return "equal"
    return "through a link" if str(Path(ours).resolve()) == strace else "other"


def _plain(name: str) -> str:
    """A name without what became of the file since it was opened."""
    return name.removesuffix("(deleted)").rstrip()


def _category(kind: str, strace: str) -> str | None:
    if kind == "path" and strace.startswith('"'):
        return "path"
    if kind.startswith("sockaddr") and strace.startswith("{sa_family"):
        return "sockaddr"
    return "argv" if kind == "argv" and strace.startswith("[") else None


def _is_aside(strace: str, ours: str) -> bool:
    """Whether strace shows a structure, an array or a count of variables where a capture has the address."""
    if strace.partition(" /*")[0] == ours:
        return True
    return strace.startswith(STRUCTURES) and ours.startswith(ADDRESSES)


def _compare_signals(tid: int, strace: strace_log.Thread, ours: strace_log.Thread, found: Comparison) -> None:
    def plain(lines: list[str]) -> list[str]:
        return [line.partition(", si_uid")[0].partition(", si_status")[0].rstrip("} -") for line in lines]

    theirs, mine = plain(strace.signals), plain(ours.signals)
    if theirs != mine[len(mine) - len(theirs) :]:  # strace's child was stopped before it became the command
        found.signals.append(f"{tid}: only strace {set(theirs) - set(mine)}, only ours {set(mine) - set(theirs)}")
    if strace.ends != ours.ends and "superseded" not in "".join(strace.ends):
        found.signals.append(f"{tid}: {strace.ends} {ours.ends}")


def main() -> None:
    """Compare the workloads named, or all, and print each and the sum."""
    total = Comparison()
    scripts = WORKLOADS | OTHERS | EARLIER_PROGRAMS
    for name in sys.argv[1:] or scripts:
        with tempfile.TemporaryDirectory() as folder:
            one = compare(scripts[name], Path(folder), earlier=name in EARLIER_PROGRAMS)
        print(f"{name}\n{one.text()}", flush=True)
        total.include(one)
    print(f"all\n{total.text()}")


if __name__ == "__main__":
    main()
