"""What a collector may do while it records: no more than what is still to be done, in each of its threads."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from capture.capabilities import bits
from capture.preflight import PROC
from tests.contract.harness import CAPTURE, Recording, Running, record, recording
from tests.contract.left_behind import status

pytestmark = [pytest.mark.root, pytest.mark.bpf]

NOBODY = 65534
SUDO = {"SUDO_UID": str(NOBODY), "SUDO_GID": str(NOBODY), "SUDO_USER": "nobody"}


@pytest.fixture
def shared(tmp_path: Path) -> Iterator[Path]:
    """A folder of nobody's, below folders that all can pass."""
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    folder = tmp_path / "shared"
    folder.mkdir()
    os.chown(folder, NOBODY, NOBODY)
    yield folder


def held(running: Running) -> set[str]:
    """Who the threads are and what each may do."""
    found = [status(int(entry.name)) for entry in Path(f"/proc/{running.pid}/task").iterdir()]
    return {f"{one['Uid'].split()[1]} {int(one['CapPrm'], 16):x} {one['NoNewPrivs']}" for one in found}


def comes_to(running: Running, uid: int, *each: tuple[str, ...]) -> bool:
    """Do its threads soon belong to this user, each with one of these sets of capabilities, never to gain others?"""
    wanted, end = {f"{uid} {bits(names):x} 1" for names in each}, time.monotonic() + 20
    while (found := held(running)) != wanted and time.monotonic() < end:
        time.sleep(0.02)
    assert found == wanted
    return True


def owners(folder: Path) -> set[tuple[str, int, int]]:
    """Name, owner and mode of each file."""
    return {(path.name, path.stat().st_uid, path.stat().st_mode & 0o7777) for path in folder.iterdir()}


@pytest.fixture
def reader() -> Iterator[int]:
    """A process that hangs in read(0, …) from before a recording to after it."""
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as process:
        call, end = Path(f"/proc/{process.pid}/syscall"), time.monotonic() + 20
        while not call.read_text().startswith("0 0x0 ") and time.monotonic() < end:
            time.sleep(0.02)
        yield process.pid


@pytest.mark.parametrize("options", [(), ("-Z", "root"), ("-e", "read")], ids=" ".join)
def test_root_keeps_nothing(tmp_path: Path, loader: str, reader: int, options: tuple[str, ...]) -> None:
    """Once /proc has been read no thread has any capability; calls that hang are known at the end all the same."""
    with recording(tmp_path / "t.parquet", "--loader", loader, *options) as running:
        assert comes_to(running, 0, ())
        result = running.stop().audit()
    assert result.status == 0
    assert [row["nr"] for row in result.rows(kind="syscall", pid=reader, dur_ns=None)] == [0]
    assert len({row["pid"] for row in result.rows(kind="fd")}) > 1
    assert "privileges" not in result.metadata["systape.notes"]


@pytest.mark.parametrize("options", [("-G", "3600"), ("-C", "1g"), ("-Z", "root", "-G", "3600")], ids=" ".join)
def test_what_proc_takes_is_kept_where_it_is_read_again(tmp_path: Path, options: tuple[str, ...]) -> None:
    """With rotation the draining thread keeps the two for what each file begins with; the writer has none."""
    with recording(tmp_path / "t.parquet", *options) as running:
        time.sleep(1)
        assert comes_to(running, 0, PROC, ())
        assert running.stop().status == 0


def test_a_file_that_nobody_announced(tmp_path: Path) -> None:
    """After HUP without an option of rotation the rights are gone, and the file that follows says what it lacks."""
    with recording(tmp_path / "t.parquet") as running:
        assert comes_to(running, 0, ())
        for number in (1, 2):
            os.kill(running.pid, signal.SIGHUP)
            running.wait_for(f"recording to {tmp_path}/t{number}.parquet")
        assert comes_to(running, 0, ())
        assert running.stop().status == 0
    said = "other users' processes had open at the start of this file is not known"
    notes = [
        Recording(tmp_path / name, 0, "", "").metadata["systape.notes"]
        for name in ("t.parquet", "t1.parquet", "t2.parquet")
    ]
    assert [one.count(said) for one in notes] == [0, 1, 1]


def test_with_a_command_its_signals_are_kept(tmp_path: Path) -> None:
    """A signal that ends the capture is passed on, whoever the command has become."""
    with recording(tmp_path / "t.parquet", command=["sleep", "60"]) as running:
        assert comes_to(running, 0, ("CAP_KILL",))
        assert running.stop(signal.SIGTERM).audit().status == 128 + signal.SIGTERM


def test_under_sudo_it_becomes_the_caller(shared: Path) -> None:
    """Under sudo all threads become the caller, and so the files are; the command stays root, and gets its signal."""
    path = shared / "t.parquet"
    env = {**os.environ, **SUDO}
    with recording(
        path, "--flush", "0.1", command=["sh", "-c", "trap 'exit 9' TERM; while :; do sleep 0.05; done"], env=env
    ) as run:
        assert comes_to(run, NOBODY, ("CAP_KILL",))
        assert owners(shared) == {(name, NOBODY, 0o600) for name in ("t.parquet", "t.parquet.journal")}
        result = run.stop(signal.SIGTERM).audit()
    assert result.status == 9
    assert set(result.calls()["uid"].to_pylist()) == {0}
    assert owners(shared) == {("t.parquet", NOBODY, 0o600)}


def test_where_the_caller_cannot_write_root_does(tmp_path: Path) -> None:
    """Into a folder of root's: root writes, keeps the right to give files away, and gives them to the caller."""
    with recording(tmp_path / "t.parquet", env={**os.environ, **SUDO}) as running:
        assert comes_to(running, 0, ("CAP_CHOWN",))
        assert running.stop().audit().status == 0
    assert owners(tmp_path) == {("t.parquet", NOBODY, 0o600)}


def test_root_in_the_folder_of_another(shared: Path) -> None:
    """Without sudo, root can still finish a file in a folder in which only its owner may write."""
    with recording(shared / "t.parquet") as running:
        assert comes_to(running, 0, ("CAP_DAC_OVERRIDE",))
        assert running.stop().audit().status == 0
    assert owners(shared) == {("t.parquet", 0, 0o600)}


def test_another_user_by_name(shared: Path) -> None:
    """-Z USER: that user in all threads, and other users' calls and descriptors are recorded all the same."""
    with recording(shared / "t.parquet", "-Z", "nobody") as running:
        assert comes_to(running, NOBODY, ())
        subprocess.run(["true"], check=True)
        result = running.stop().audit()
    assert result.calls(uid=0).num_rows > 0
    assert any(row["path"] for row in result.rows(kind="fd", pid=os.getpid()))
    assert owners(shared) == {("t.parquet", NOBODY, 0o600)}


@pytest.mark.parametrize(
    ("prefix", "user", "status", "word"),
    [
        ((), "nobody", 6, "nobody cannot write"),
        ((), "no-such-user", 2, "no such user"),
        (("setpriv", "--reuid=1", "--clear-groups", "--inh-caps=-all"), "nobody", 3, "only root may become"),
    ],
)
def test_a_user_that_will_not_do(tmp_path: Path, prefix: tuple[str, ...], user: str, status: int, word: str) -> None:
    """One line and a status before anything is loaded, made or run."""
    words = [*prefix, CAPTURE, "-Z", user, "-w", str(tmp_path / "t.parquet"), "--", "touch", str(tmp_path / "ran")]
    if prefix:
        words[words.index("-w") + 1] = "-"
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (status, "", 1), done.stderr
    assert word in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_command_is_not_affected(shared: Path) -> None:
    """What the collector gives up, its command keeps: user, capabilities, limits, environment, niceness."""
    script = "grep -E '^(Uid|Gid|Groups|Cap|NoNew|Sec|Sig[BIC]|Shd)' /proc/self/status; env; ulimit -a; nice; umask"
    plain = subprocess.run(
        ["bash", "-c", script], capture_output=True, text=True, check=True, env={**os.environ, **SUDO}
    )
    traced = record(shared / "t.parquet", "-Z", "nobody", command=["bash", "-c", script], env={**os.environ, **SUDO})
    assert traced.status == 0
    assert sorted(line for line in traced.out.splitlines() if "_=" not in line) == sorted(
        line for line in plain.stdout.splitlines() if "_=" not in line
    )


def test_a_folder_that_is_swapped(shared: Path) -> None:
    """The folder is opened once: a link put in its place while recording leads nowhere."""
    inner, elsewhere, moved = (shared / name for name in ("inner", "elsewhere", "moved"))
    inner.mkdir()
    elsewhere.mkdir()
    with recording(inner / "t.parquet", "--flush", "0.1") as running:
        inner.rename(moved)
        inner.symlink_to(elsewhere)
        result = running.stop()
    assert result.status == 0
    assert list(elsewhere.iterdir()) == []
    result.path = moved / "t.parquet"
    assert result.audit().path.stat().st_size > 0
    assert [path.name for path in moved.iterdir()] == ["t.parquet"]


@pytest.mark.parametrize("force", [(), ("--force",)], ids=["", "force"])
def test_links_are_not_followed(tmp_path: Path, force: tuple[str, ...]) -> None:
    """A link of the file's name is refused, one of its journal's name is replaced; what they name is not touched."""
    victim, path, journal = (tmp_path / name for name in ("victim", "t.parquet", "t.parquet.journal"))
    victim.write_text("precious")
    path.symlink_to(victim)
    done = record(path, *force, command=["true"])
    assert (done.status, done.said.count("\n")) == (6, 1), done.said
    path.unlink()
    journal.symlink_to(victim)
    assert record(path, *force, command=["true"]).audit().status == 0
    assert victim.read_text() == "precious"
    assert not journal.is_symlink()
