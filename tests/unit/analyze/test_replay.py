"""The replay: what stands behind a descriptor, by whom, from when to when; and NULL wherever that is not known."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from analyze.replay import rows
from analyze.session import Session
from schemas.record import Abi
from schemas.syscalls import FD_RETURNED, table
from tests.unit.analyze.captures import START, loss_row, plain_row, write_parquet

AT_FDCWD = -100
O_CLOEXEC = 0o2000000
Row = dict[str, Any]
Files = Callable[..., list[Any]]


class Trace:
    """Rows of a made-up capture; each call begins a microsecond after the last one and takes 100 ns."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.clock = START

    def row(self, kind: str, pid: int = 1, tid: int | None = None, **values: Any) -> None:
        """A row of any kind."""
        self.clock += 1000
        known = {"ts": self.clock, "kind": kind, "pid": pid, "tid": tid or pid, "weight": int(kind == "syscall")}
        self.rows.append(plain_row(**{**known, **values}))

    def call(self, name: str, *args: int, pid: int = 1, tid: int | None = None, ret: int = 0, **values: Any) -> None:
        """A call; its column `fd` is what the tables say."""
        source = table(Abi.X86_64).by_name[name].fd
        failed = "errno" in values
        fd = (None if failed else ret) if source == FD_RETURNED else args[source] if 0 <= source < len(args) else None
        arguments = {f"arg{index}": value for index, value in enumerate(args)}
        known = {"syscall": name, "ret": ret, "fd": fd, "dur_ns": 100, **arguments}
        self.row("syscall", pid, tid, **{**known, **values})

    def open(self, path: str, fd: int, flags: int = 0, **values: Any) -> None:
        """openat(AT_FDCWD, path, flags) = fd"""
        self.call("openat", AT_FDCWD, 0, flags, path=path, ret=fd, **values)

    def use(self, fd: int, **values: Any) -> None:
        """fsync(fd): what `file` says of it is what the tests look at."""
        self.call("fsync", fd, **values)

    def fork(self, parent: int, child: int, shared: int = 0, tid: int | None = None) -> None:
        """The birth of a process, or of a thread `tid` of it."""
        self.row("fork", child, tid, ppid=parent, arg0=parent, arg1=shared)


@pytest.fixture
def trace() -> Trace:
    """An empty capture to put rows into."""
    return Trace()


@pytest.fixture
def files(trace: Trace, tmp_path: Path) -> Files:
    """What `file` says of the calls of one name, in order of time."""

    def look(name: str = "fsync", column: str = "file") -> list[Any]:
        with Session([str(write_parquet(tmp_path / "x.parquet", trace.rows))]) as session:
            return [
                one for (one,) in session.fetch(f"SELECT {column} FROM calls WHERE syscall = $1 ORDER BY ts", [name])
            ]

    return look


def test_a_descriptor_lives_from_its_return_to_the_entry_of_its_close(trace: Trace, files: Files) -> None:
    """Also the calls that make and end it say what it is; before and after, nothing does."""
    trace.use(3)
    trace.open("/a", 3)
    trace.use(3)
    trace.call("close", 3)
    trace.use(3)
    trace.open("/b", 3)
    trace.use(3)
    assert files() == [None, "/a", None, "/b"]
    assert files("openat") == ["/a", "/b"]
    assert files("close") == ["/a"]


def test_a_call_that_begins_before_a_descriptor_is_made_does_not_use_it(trace: Trace, files: Files) -> None:
    """The open of one thread returns while another one's call, begun before, still runs."""
    trace.open("/a", 3, dur_ns=10_000)
    trace.use(3, tid=2)
    assert files() == [None]


def test_relative_paths_begin_at_the_directory_that_was_current_then(trace: Trace, files: Files) -> None:
    """chdir, fchdir, dirfd; without `.`, `..` and double slashes."""
    trace.open("relative", 3)
    trace.use(3)
    trace.call("chdir", 0, path="/home/u/")
    trace.open("./x/../y//z", 4)
    trace.use(4)
    trace.call("chdir", 0, path="..")
    trace.open("y", 5)
    trace.use(5)
    trace.open("/etc", 6)
    trace.call("openat", 6, 0, 0, path="hosts", ret=7)
    trace.use(7)
    trace.call("fchdir", 6)
    trace.open("passwd", 8)
    trace.use(8)
    assert files() == [None, "/home/u/y/z", "/home/y", "/etc/hosts", "/etc/passwd"]


def test_calls_with_a_path_are_about_that_path(trace: Trace, files: Files) -> None:
    """Failed ones too; an empty path means the directory's descriptor itself, if the call took it."""
    trace.call("chdir", 0, path="/home")
    trace.call("newfstatat", AT_FDCWD, 0, 0, 0, path="a")
    trace.call("newfstatat", AT_FDCWD, 0, 0, 0, path="/b/", ret=-2, errno="ENOENT")
    trace.open("/etc", 3)
    trace.call("newfstatat", 3, 0, 0, 0x1000, path="")
    trace.call("newfstatat", 3, 0, 0, 0, path="", ret=-2, errno="ENOENT")
    trace.call("newfstatat", 3, 0, 0, 0, path="hosts")
    trace.call("newfstatat", 9, 0, 0, 0, path="hosts", ret=-9, errno="EBADF")
    trace.call("stat", 0, 0, path="c")
    trace.call("symlink", 0, 0, path="target", path2="link")
    trace.call("openat", AT_FDCWD, 0, 0, path="none", ret=-2, errno="ENOENT")
    assert files("newfstatat") == ["/home/a", "/b", "/etc", None, "/etc/hosts", None]
    assert files("stat") == ["/home/c"]
    assert files("symlink") == ["/home/link"]
    assert files("openat") == ["/etc", "/home/none"]


def test_duplicates_are_what_their_originals_are(trace: Trace, files: Files) -> None:
    """dup, dup2 over another one, dup3, F_DUPFD; the original may be closed."""
    trace.open("/a", 3)
    trace.call("dup", 3, ret=4)
    trace.open("/b", 5)
    trace.call("dup2", 3, 5, ret=5)
    trace.call("fcntl", 3, 0, 0, ret=6)
    trace.call("close", 3)
    for fd in (3, 4, 5, 6):
        trace.use(fd)
    trace.call("dup2", 9, 4, ret=4)
    trace.use(4)
    assert files() == [None, "/a", "/a", "/a", None]


def test_a_child_inherits_a_copy(trace: Trace, files: Files) -> None:
    """What either does afterwards, descriptors and directory, is its own."""
    trace.call("chdir", 0, path="/p")
    trace.open("/a", 3)
    trace.fork(1, 2)
    trace.call("close", 3)
    trace.call("chdir", 0, path="/q")
    trace.use(3, pid=2)
    trace.open("c", 4, pid=2)
    trace.use(4, pid=2)
    trace.use(4)
    assert files() == ["/a", "/p/c", None]


def test_what_is_shared_changes_for_both(trace: Trace, files: Files) -> None:
    """CLONE_FILES and CLONE_FS, until one of them runs another program."""
    trace.fork(1, 2, shared=3)
    trace.open("/a", 3)
    trace.call("chdir", 0, pid=2, path="/q")
    trace.use(3, pid=2)
    trace.open("b", 4)
    trace.use(4)
    trace.row("exec", 2, arg0=2)
    trace.call("close", 3)
    trace.use(3, pid=2)
    trace.use(3)
    assert files() == ["/a", "/q/b", "/a", None]


def test_threads_share_unless_they_go_their_own_way(trace: Trace, files: Files) -> None:
    """unshare(CLONE_FILES) in a thread; what it did before is the process's."""
    trace.fork(1, 1, shared=15, tid=7)
    trace.open("/a", 3, tid=7)
    trace.use(3)
    trace.call("unshare", 0x400, tid=7)
    trace.call("close", 3, tid=7)
    trace.use(3)
    trace.use(3, tid=7)
    trace.open("/b", 4, tid=7)
    trace.use(4, tid=7)
    trace.use(4)
    assert files() == ["/a", "/a", None, "/b", None]


def test_the_number_of_a_thread_that_went_its_own_way_comes_again(trace: Trace, files: Files) -> None:
    """For a thread of another process, which shares what that has, or for a process."""
    trace.fork(1, 1, shared=15, tid=7)
    trace.call("unshare", 0x400, tid=7)
    trace.row("exit", tid=7)
    trace.open("/b", 3, pid=2)
    trace.fork(2, 2, shared=15, tid=7)
    trace.use(3, pid=2, tid=7)
    trace.call("unshare", 0x400, pid=2, tid=7)
    trace.fork(2, 7)
    trace.use(3, pid=7)
    assert files() == ["/b", "/b"]


@pytest.mark.parametrize(("by", "kept"), [(1, [None, "/own", None]), (7, ["/shared", None, None])])
def test_who_executes_a_program_brings_its_own_tables(trace: Trace, files: Files, by: int, kept: list[str]) -> None:
    """Of the first thread that went its own way, or of another that did not: then the first one's end with it."""
    trace.fork(1, 1, shared=15, tid=7)
    trace.open("/shared", 3, tid=7)
    trace.call("unshare", 0x400)
    trace.call("close", 3)
    trace.open("/own", 4)
    trace.row("exec", arg0=by)
    trace.use(3), trace.use(4)
    trace.row("exit", arg0=1)
    trace.use(4)
    assert files() == kept


def test_exec_closes_what_is_to_be_closed(trace: Trace, files: Files) -> None:
    """O_CLOEXEC, F_SETFD either way, FIOCLEX, dup without it, openat2 whose flags are not known."""
    trace.open("/a", 3, O_CLOEXEC)
    trace.open("/b", 4)
    trace.open("/c", 5, O_CLOEXEC)
    trace.call("fcntl", 5, 2, 0)
    trace.open("/d", 6)
    trace.call("fcntl", 6, 2, 1)
    trace.open("/e", 7)
    trace.call("ioctl", 7, 0x5451)
    trace.call("dup", 3, ret=8)
    trace.call("openat2", AT_FDCWD, 0, 0, 24, path="/f", ret=9)
    trace.use(9)
    trace.row("exec", arg0=1)
    for fd in range(3, 10):
        trace.use(fd)
    assert files() == ["/f", None, "/b", "/c", None, None, "/a", None]


def test_close_range_closes_or_marks(trace: Trace, files: Files) -> None:
    """Both ends belong to the range; with CLOSE_RANGE_CLOEXEC they stay open until exec."""
    for fd in range(3, 7):
        trace.open(f"/{fd}", fd)
    trace.call("close_range", 4, 5, 0)
    trace.call("close_range", 6, 0xFFFF_FFFF, 4)
    for fd in range(3, 7):
        trace.use(fd)
    trace.row("exec", arg0=1)
    trace.use(6)
    assert files() == ["/3", None, None, "/6", None]


def test_what_has_no_path_is_called_as_readlink_calls_it(trace: Trace, files: Files) -> None:
    """[?] stands for an inode number that is not known; both ends of a pipe come as data."""
    trace.call("epoll_create1", 0, ret=3)
    trace.call("pipe2", 0, 0, data=b"\4\0\0\0\5\1\0\0")
    trace.call("socket", 2, 1, 0, ret=6)
    trace.call("memfd_create", 0, 0, path="m", ret=7)
    trace.call("openat", AT_FDCWD, 0, 0o20200000, path="/tmp", ret=8)
    trace.call("socket", 2, 1, 0, ret=9, path2="socket:[4711]")
    trace.call("openat", AT_FDCWD, 0, 0o20200000, path="/tmp", ret=10, path2="/tmp/#12")
    trace.call("socketpair", 1, 1, 0, 0, data=b"\x0b\0\0\0\x0c\0\0\0", path2="socket:[1] socket:[2]")
    for fd in (3, 4, 261, 6, 7, 8, 9, 10, 11, 12):
        trace.use(fd)
    expected = ["anon_inode:[eventpoll]", "pipe:[?]", "pipe:[?]", "socket:[?]", "/memfd:m (deleted)", None]
    expected += ["socket:[4711]", "/tmp/#12 (deleted)", "socket:[1]", "socket:[2]"]
    assert files() == expected


def test_what_the_kernel_found_at_the_end_of_a_path_counts(trace: Trace, files: Files) -> None:
    """A link was followed: the collector tells so in path2. /dev/fd leads to what is no path."""
    trace.open("/lib/libc.so", 3, path2="/usr/lib/libc.so.6")
    trace.open("/dev/fd/9", 4, path2="pipe:[7]")
    trace.use(3), trace.use(4)
    assert files() == files("openat") == ["/usr/lib/libc.so.6", "pipe:[7]"]


def test_the_snapshot_holds_from_the_start_unless_something_changed_before(trace: Trace, files: Files) -> None:
    """It is taken while the capture runs; what was made or closed meanwhile is known better from the calls."""
    trace.use(0)
    trace.open("/new", 3)
    trace.call("close", 4)
    trace.open("inside", 5)
    trace.row("process", path="/bin/x", path2="/home", arg0=START - 5, arg1=1)
    for fd, path in ((0, "/dev/null"), (3, "/stale"), (6, "pipe:[1]")):
        trace.row("fd", fd=fd, path=path, arg0=0)
    for fd in (0, 3, 4, 5, 6):
        trace.use(fd)
    assert files() == ["/dev/null", "/dev/null", "/new", None, "/home/inside", "pipe:[1]"]


def test_a_pid_that_is_used_again_is_another_process(trace: Trace, files: Files) -> None:
    """Whether or not its end was seen."""
    trace.open("/a", 3, pid=5)
    trace.row("exit", 5, arg0=1, ret=0)
    trace.use(3, pid=5)
    trace.fork(1, 5)
    trace.use(3, pid=5)
    trace.open("/b", 4, pid=5)
    trace.fork(1, 5)
    trace.use(4, pid=5)
    assert files() == [None, None, None]


@pytest.mark.parametrize(("lost", "known"), [("close", False), ("openat", False), ("read", True), (None, False)])
def test_after_a_loss_nothing_is_known_until_it_is_made_again(
    trace: Trace, files: Files, lost: str | None, known: bool
) -> None:
    """A loss of calls that make or end descriptors, of ones without a name too; of others it does not matter."""
    trace.call("chdir", 0, path="/home")
    trace.open("/a", 3)
    trace.rows.append(loss_row(lost, 5, ts=trace.clock + 500, dur_ns=5000))
    trace.clock += 6000
    trace.use(3)
    trace.open("/b", 4)
    trace.open("c", 5)
    trace.use(4)
    trace.use(5)
    assert files() == ["/a" if known else None, "/b", None if lost is None else "/home/c"]


def test_peers_are_those_of_connect_and_accept(trace: Trace, files: Files) -> None:
    """For all who hold the socket, from then on; the call's own address comes first."""
    trace.call("socket", 2, 1, 0, ret=3)
    trace.call("dup", 3, ret=4)
    trace.use(4)
    trace.call("connect", 3, 0, 16, addr="10.0.0.7:443", ret=-115, errno="EINPROGRESS")
    trace.use(4)
    trace.call("sendto", 3, 0, 0, 0, addr="1.2.3.4:53")
    trace.call("bind", 9, 0, 0, addr="unix:/run/x.sock")
    trace.call("accept4", 9, 0, 0, 0, ret=10, addr="unix:")
    trace.use(10)
    trace.call("accept4", 9, 0, 0, 0, ret=11, addr="10.0.0.8:5000")
    trace.use(11)
    trace.use(9)
    assert files(column="peer") == [None, "10.0.0.7:443", "unix:/run/x.sock", "10.0.0.8:5000", None]
    assert files("sendto", "peer") == ["1.2.3.4:53"]
    assert files("bind", "peer") == [None]
    assert files("accept4", "peer") == ["unix:/run/x.sock", "10.0.0.8:5000"]


@pytest.mark.parametrize("many", [rows.MANY, 1])
def test_hosts_do_not_mix(many: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same pid on two hosts has two tables, also where so many hosts are taken for too many for 32 bits."""
    monkeypatch.setattr(rows, "MANY", many)
    paths = []
    for host in ("it's a", "b"):
        trace = Trace()
        trace.open(f"/{host}", 3)
        trace.use(3)
        paths.append(str(write_parquet(tmp_path / f"{len(paths)}.parquet", trace.rows, host=host)))
    with Session(paths) as session:
        assert session.fetch("SELECT host, file FROM calls WHERE syscall = 'fsync' ORDER BY host") == [
            ("b", "/b"),
            ("it's a", "/it's a"),
        ]
        assert session.fetch("SELECT host, pid, fd, file, until FROM fds ORDER BY host") == [
            ("b", 1, 3, "/b", None),
            ("it's a", 1, 3, "/it's a", None),
        ]


def test_a_wide_table_is_inherited_where_it_is_used(trace: Trace, files: Files) -> None:
    """A child of a process with thousands of descriptors knows those that it uses."""
    for fd in range(3, 500):
        trace.open(f"/{fd}", fd)
    trace.fork(1, 2)
    trace.use(3, pid=2)
    trace.use(499, pid=2)
    assert files() == ["/3", "/499"]


def test_the_times_of_a_descriptor(trace: Trace, tmp_path: Path) -> None:
    """View fds: from the return of the open to the entry of the close; no start for what was there before."""
    trace.row("fd", fd=0, path="/dev/null", arg0=0)
    trace.open("/a", 3)
    opened = trace.clock + 100
    trace.call("close", 3)
    with Session([str(write_parquet(tmp_path / "x.parquet", trace.rows))]) as session:
        rows = session.fetch("SELECT fd, epoch_ns(since), epoch_ns(until), file FROM fds ORDER BY fd")
        assert rows == [(0, None, None, "/dev/null"), (3, opened, trace.clock, "/a")]
        lives = session.replay.timeline.lives(["box"])
        assert isinstance(lives, pa.Table)
