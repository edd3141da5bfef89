"""The views over calls and processes: what each column says, on rows made for it."""

from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from analyze.session import Session
from schemas.record import Abi
from schemas.syscalls import FD_RETURNED, table
from tests.unit.analyze.captures import START, make_rows, plain_row, write_parquet

SECOND = 1_000_000_000
Row = dict[str, Any]


def state(kind: str, pid: int, at: int, **values: Any) -> Row:
    """A row that is no call, `at` ns after the start."""
    known = {"kind": kind, "pid": pid, "tid": pid, "ts": START + at, "weight": 0, "flags": 32}
    return plain_row(**{**known, **values})


def call(pid: int, at: int, name: str = "read", **values: Any) -> Row:
    """A call that took 10 ns, `at` ns after the start."""
    known = {"pid": pid, "tid": pid, "ts": START + at, "dur_ns": 10, "syscall": name, "ret": 0}
    return plain_row(**{**known, **values})


def ask(folder: Path, rows: list[Row], query: str) -> list[tuple[Any, ...]]:
    """The answer to a query over a capture of these rows."""
    with Session([str(write_parquet(folder / "x.parquet", rows))]) as session:
        return session.fetch(query)


def test_kinds_of_calls_are_those_of_the_tables() -> None:
    """A call that is new in the tables has to be put into the view too."""
    expected: dict[str, int] = {}
    for abi in Abi:
        for one in table(abi).by_number.values():
            strings = [kind for kind in one.kinds if kind in ("path", "str")]
            bits = 4 if one.fd == FD_RETURNED else 0
            if strings and strings[0] == "path" and one.name not in ("fanotify_mark", "inotify_add_watch"):
                bits |= 1 if one.kinds[0] == "dirfd" else 2
            if bits:
                expected[one.name] = expected.get(one.name, 0) | bits
    text = (files("analyze") / "views" / "07_call_bits.sql").read_text()
    body = text[text.index("map {") + 5 : text.index("}")]
    pairs = (pair.split(":") for pair in body.split(",") if pair.strip())
    assert {name.strip().strip("'"): int(bits) for name, bits in pairs} == expected


def test_every_view_can_be_read(tmp_path: Path) -> None:
    """On a capture that has only calls, too."""
    with Session([str(write_parquet(tmp_path / "x.parquet", make_rows(50)))]) as session:
        for view in ("calls", "processes", "files", "peers", "fds", "pids", "losses"):
            session.fetch(f"SELECT * FROM {view}")


def test_bytes_and_their_direction(tmp_path: Path) -> None:
    """Only of calls whose result is a number of bytes, and that did not fail."""
    rows = [
        call(1, 1, "read", ret=5),
        call(1, 2, "write", ret=6),
        call(1, 3, "read", ret=-4, errno="EINTR"),
        call(1, 4, "openat", ret=3),
        call(1, 5, "sendmsg", ret=None, flags=2, dur_ns=None),
    ]
    found = ask(tmp_path, rows, "SELECT bytes, direction FROM calls ORDER BY ts")
    assert found == [(5, "read"), (6, "write"), (None, "read"), (None, None), (None, "write")]


def test_a_process_from_birth_to_end(tmp_path: Path) -> None:
    """Parent, program, calls, end; a thread's rows are its process's, its end is not."""
    rows = [
        state("fork", 5, 10, ppid=1, arg0=1, arg1=0, comm="sh"),
        state("exec", 5, 20, arg0=5, path="/bin/true", cmdline="true -x", comm="true"),
        state("fork", 5, 25, tid=6, ppid=1, arg0=5, arg1=15, comm="true"),
        call(5, 30, tid=6, comm="worker", uid=7),
        call(5, 40, comm="main", ret=-2, errno="ENOENT", uid=7, cgroup="/docker/" + "0123456789ab" + "c" * 52),
        call(5, 45, "close", comm="main", flags=32),
        state("exit", 5, 50, tid=6, arg0=0, ret=0, comm="worker"),
        state("exit", 5, 60, arg0=1, ret=0x300, comm="main"),
    ]
    columns = (
        "epoch_ns(start), epoch_ns(finish), ppid, comm, exe, cmdline, exit_code, exit_signal, calls, errors, time_ns"
    )
    found = ask(tmp_path, rows, f"SELECT {columns} FROM processes WHERE pid = 5")
    assert found == [(START + 10, START + 60, 1, "main", "/bin/true", "true -x", 3, None, 2, 1, 20)]


@pytest.mark.parametrize(
    ("status", "code", "signal"), [(0, 0, None), (0x8500, 133, None), (9, None, "SIGKILL"), (0x8B, None, "SIGSEGV")]
)
def test_how_a_process_ended(tmp_path: Path, status: int, code: int | None, signal: str | None) -> None:
    """The status as wait() gives it: code, signal, and a bit for the core that says nothing here."""
    rows = [state("exit", 5, 1, arg0=1, ret=status)]
    assert ask(tmp_path, rows, "SELECT exit_code, exit_signal FROM processes") == [(code, signal)]


def test_a_pid_that_is_used_twice_is_two_processes(tmp_path: Path) -> None:
    """Each with its own calls; one that was there before has no start unless the snapshot knows it."""
    rows = [
        call(5, 1),
        state("exit", 5, 10, arg0=1, ret=0),
        state("fork", 5, 20, ppid=1, arg0=1, arg1=0),
        call(5, 30),
        call(5, 31),
        state("process", 6, 5, ppid=1, arg0=START - SECOND, arg1=6, path="/bin/old", cmdline="old"),
        call(6, 40),
    ]
    query = "SELECT pid, epoch_ns(start), epoch_ns(finish), calls FROM processes ORDER BY pid, start NULLS FIRST"
    assert ask(tmp_path, rows, query) == [
        (5, None, START + 10, 1),
        (5, START + 20, None, 2),
        (6, START - SECOND, None, 1),
    ]


@pytest.mark.parametrize(
    ("cgroup", "container"),
    [
        ("/system.slice/docker-" + "ab" * 32 + ".scope", "ab" * 6),
        ("/docker/" + "ab" * 32, "ab" * 6),
        ("/kubepods.slice/kubepods-pod1.slice/cri-containerd-" + "ab" * 32 + ".scope", "ab" * 6),
        ("/kubepods/burstable/pod1/" + "ab" * 32, "ab" * 6),
        ("/machine.slice/libpod-" + "ab" * 32 + ".scope/container", "ab" * 6),
        ("/kubepods.slice/crio-" + "ab" * 32 + ".scope", "ab" * 6),
        ("/lxc.payload.web/init.scope", "web"),
        ("/machine.slice/machine-deb.scope", "deb"),
        ("/system.slice/ssh.service", None),
        (None, None),
    ],
)
def test_containers(tmp_path: Path, cgroup: str | None, container: str | None) -> None:
    """By the names that the engines give to control groups."""
    assert ask(tmp_path, [call(1, 1, cgroup=cgroup)], "SELECT container FROM processes") == [(container,)]


def test_files_and_peers_add_up_their_calls(tmp_path: Path) -> None:
    """Calls, errors, bytes each way, processes."""
    rows = [
        call(1, 100, "openat", path="/a", ret=3, fd=3, arg0=-100, arg1=0, arg2=0),
        call(1, 200, "read", fd=3, arg0=3, ret=10),
        call(1, 300, "write", fd=3, arg0=3, ret=20),
        call(2, 400, "stat", path="/a", ret=-13, errno="EACCES"),
        call(1, 500, "socket", fd=4, ret=4, arg0=2, arg1=1, arg2=0),
        call(1, 600, "connect", fd=4, arg0=4, addr="10.0.0.1:80"),
        call(1, 700, "write", fd=4, arg0=4, ret=30),
    ]
    columns = "calls, errors, opens, processes, read_bytes, written_bytes"
    assert ask(tmp_path, rows, f"SELECT {columns} FROM files WHERE file = '/a'") == [(4, 1, 1, 2, 10, 20)]
    columns = "peer, calls, connects, accepts, sent_bytes, received_bytes"
    assert ask(tmp_path, rows, f"SELECT {columns} FROM peers") == [("10.0.0.1:80", 2, 1, 0, 30, 0)]
