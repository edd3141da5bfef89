"""What is traced: the workloads, as data."""

import os
import shlex
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from capture.bench.build import SOURCES

OWN = "own"
"""The name of the user's own command."""


@dataclass(frozen=True)
class Place:
    """Where a workload finds its programs, and a folder of its own to write in; `scale` is 1 but for --quick."""

    programs: Path
    scratch: Path
    scale: float = 1.0

    def count(self, whole: int) -> int:
        """How often, of `whole` times at full scale."""
        return max(1, round(whole * self.scale))


@dataclass(frozen=True)
class Workload:
    """A command whose time is measured. `bystander`: it is another process, an idle one, that is traced."""

    name: str
    about: str
    argv: Callable[[Place], Sequence[str]]
    needs: tuple[str, ...] = ()
    bystander: bool = False

    def unavailable(self) -> str | None:
        """None if it can run here, else why not."""
        missing = [name for name in self.needs if shutil.which(name) is None]
        return f"{missing[0]} is not installed" if missing else None


def _dd(place: Place) -> list[str]:
    return ["dd", "if=/dev/zero", "of=/dev/null", "bs=1", f"count={place.count(512_000)}"]


def _getpid(place: Place, threads: int) -> list[str]:
    return [str(place.programs / "getpid"), str(place.count(1_000_000)), str(threads)]


def _compile(place: Place) -> list[str]:
    """Every workload's source, one after the other; more than once each at full scale."""
    sources = sorted(SOURCES.glob("*.c")) * place.count(3)
    return ["sh", "-ec", "".join(f"cc -O2 -c {shlex.quote(str(source))} -o out.o\n" for source in sources)]


def _sqlite(place: Place) -> list[str]:
    """Each row is a transaction with a journal of its own; nothing waits for the disk, whose time would hide ours."""
    insert = "insert into t(word) values(hex(randomblob(16)));\n"
    script = place.scratch / "inserts.sql"
    script.write_text("pragma synchronous=off;\ncreate table t(id integer primary key, word text);\n")
    with script.open("a") as out:
        out.write(insert * place.count(3_000))
    return ["sh", "-c", "rm -f db db-journal; exec sqlite3 db < inserts.sql"]


_FIND = ("find", "/usr", "-xdev", "-size", "+1G")

WORKLOADS = (
    Workload("dd", "512,000 reads and writes of one byte", _dd, ("dd",)),
    Workload("getpid", "a million times the shortest call", lambda place: _getpid(place, 1)),
    Workload(
        "getpids",
        "the same on every core at once",
        lambda place: _getpid(place, len(os.sched_getaffinity(0))),
    ),
    Workload("find", "find /usr, with a stat of every file", lambda _: _FIND, ("find",)),
    Workload("compile", "cc -O2 of small C files", _compile, ("sh", "cc")),
    Workload("forks", "4,000 processes that end at once", lambda p: [str(p.programs / "forks"), str(p.count(4_000))]),
    Workload("sqlite", "3,000 inserts, each a transaction", _sqlite, ("sh", "sqlite3")),
    Workload(
        "tcp",
        "20,000 requests to a server, and their answers, over loopback",
        lambda place: [str(place.programs / "tcp"), str(place.count(20_000))],
    ),
    Workload("bystander", "dd, while another process is traced with -p", _dd, ("dd",), bystander=True),
)


def own(command: Sequence[str]) -> Workload:
    """The user's command as a workload."""
    return Workload(OWN, shlex.join(command), lambda _: command, (command[0],))
