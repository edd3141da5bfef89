"""Calls that were running at the start, that run on at the end, or both: each is one row, with what is known."""

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pytest

from capture import bpfsys, procfs
from capture.loaders.running import InCall, RunningProgram
from schemas.record import Abi, Flag
from schemas.syscalls import name_of
from tests.contract.conftest import Build
from tests.contract.harness import Recording, recording

pytestmark = [pytest.mark.root, pytest.mark.bpf]

HUNG = Flag.ENTRY_UNSEEN | Flag.UNFINISHED


class Hanging:
    """workloads/hang.c while it hangs."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self.process, self._input = process, process.stdin
        self.printed: dict[str, Any] = json.loads(process.stdout.readline())
        self.pid = int(self.printed["pid"])

    def feed(self) -> None:
        """Let the leader's read return; it then reads again."""
        self._input.write(b"x")
        self._input.flush()
        time.sleep(0.1)

    def end(self) -> None:
        """Let the program end."""
        self._input.close()
        self.process.wait()


@contextmanager
def hanging(program: Path) -> Iterator[Hanging]:
    """The program, started, and ended afterwards."""
    with subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        yield Hanging(process)


def rows_of(result: Recording, hung: Hanging, **equal: Any) -> list[dict[str, Any]]:
    """Rows of calls of the program, in order of time."""
    return list(result.calls(pid=hung.pid, **equal).sort_by("ts").to_pylist())


def test_hanging_from_before_to_after(tmp_path: Path, workload: Build, loader: str) -> None:
    """A thread that hangs all along shows its call and arguments once, flagged both ways, from the start on."""
    with hanging(workload("hang")) as hung:
        with recording(tmp_path / "t.parquet", "--loader", loader, "-p", str(hung.pid)) as running:
            time.sleep(0.3)
            result = running.stop().audit()
        hung.end()
    rows = {row["tid"]: row for row in rows_of(result, hung)}
    assert len(rows) == len(rows_of(result, hung)) == 1 + len(hung.printed["threads"])
    for thread in hung.printed["threads"]:
        row = rows[thread["tid"]]
        assert row["syscall"] == thread["syscall"]
        assert [row[f"arg{index}"] for index in range(len(thread["args"]))] == thread["args"]
    assert {(row["flags"], row["ret"], row["dur_ns"], row["comm"]) for row in rows.values()} == {
        (HUNG, None, None, "hang")
    }
    assert len({row["ts"] for row in rows.values()}) == 1
    assert result.counters.unfinished == len(rows)


def test_running_at_the_start_and_at_the_end(tmp_path: Path, workload: Build, loader: str) -> None:
    """A call begun before is a row at its return, its entry unseen; the next, which runs on, lacks its end."""
    with hanging(workload("hang")) as hung:
        with recording(tmp_path / "t.parquet", "--loader", loader, "-p", str(hung.pid)) as running:
            hung.feed()
            result = running.stop().audit()
        hung.end()
    first, second = rows_of(result, hung, tid=hung.pid)
    assert (first["syscall"], first["arg0"], first["arg2"], first["ret"]) == ("read", 0, 1, 1)
    assert (first["dur_ns"], first["flags"]) == (None, Flag.ENTRY_UNSEEN)
    assert (second["syscall"], second["arg0"], second["arg2"], second["ret"]) == ("read", 0, 1, None)
    assert (second["dur_ns"], second["flags"]) == (None, Flag.UNFINISHED)
    assert second["ts"] > first["ts"]


def test_a_kill_ends_the_calls_that_hang(tmp_path: Path, workload: Build, loader: str) -> None:
    """SIGKILL: each call returns with the kernel's own error; the end of the process ends the capture."""
    with (
        hanging(workload("hang")) as hung,
        recording(tmp_path / "t.parquet", "--loader", loader, "-p", str(hung.pid)) as running,
    ):
        hung.process.kill()
        result = running.stop(None).audit()
    assert result.status == 0
    calls = rows_of(result, hung)
    assert len(calls) == 1 + len(hung.printed["threads"])
    assert {row["flags"] for row in calls} == {Flag.ENTRY_UNSEEN}
    assert {row["errno"] for row in calls} <= {"ERESTARTSYS", "ERESTARTNOHAND", "EINTR", "ERESTART_RESTARTBLOCK"}
    ends = result.rows(kind="exit", pid=hung.pid)
    assert {row["ret"] for row in ends} == {9}
    assert sorted(row["arg0"] for row in ends) == [0] * len(hung.printed["threads"]) + [1]


def test_every_hanging_process_shows_system_wide(tmp_path: Path, workload: Build) -> None:
    """Without -p too, and no thread shows two calls at once."""
    with hanging(workload("hang")) as hung:
        with recording(tmp_path / "t.parquet") as running:
            result = running.stop().audit()
        hung.end()
    assert len(rows_of(result, hung, flags=HUNG)) == 1 + len(hung.printed["threads"])
    calls = result.calls()
    runs_on = calls.filter(pc.not_equal(pc.bit_wise_and(calls["flags"], int(Flag.UNFINISHED)), 0)).to_pylist()
    tids = [row["tid"] for row in runs_on if row["syscall"] not in ("exit", "exit_group")]
    assert len(tids) == len(set(tids))


@pytest.mark.parametrize(
    ("options", "shown"),
    [
        (["-e", "epoll_wait"], {"epoll_wait"}),
        (["-e", "!read,futex"], {"pause", "epoll_wait"}),
        (["--comm", "hang"], {"pause", "epoll_wait", "read", "futex"}),
        (["--comm", "other"], set()),
        (["--uid", "0"], {"pause", "epoll_wait", "read", "futex"}),
        (["--uid", "nobody"], set()),
        (["--failed-only"], set()),
        (["--min-latency", "1ms"], {"pause", "epoll_wait", "read", "futex"}),
        (["--min-latency", "1h"], set()),
        (["-e", "pause", "-c", "1"], {"pause"}),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_filters_judge_unfinished_calls(tmp_path: Path, workload: Build, options: list[str], shown: set[str]) -> None:
    """What a filter leaves out is left out of the calls that hang, too."""
    with hanging(workload("hang")) as hung:
        with recording(tmp_path / "t.parquet", "-p", str(hung.pid), *options) as running:
            time.sleep(0.1)
            result = running.stop().audit()
        hung.end()
    assert {row["syscall"] for row in rows_of(result, hung)} == shown


def test_a_call_kept_for_names_alone_is_no_row(tmp_path: Path) -> None:
    """An open that hangs is watched whatever the filter, since it may make a descriptor; asked for it is not."""
    fifo = tmp_path / "fifo"
    subprocess.run(["mkfifo", fifo], check=True)
    with subprocess.Popen(["sh", "-c", f"read go; : < {fifo}"], stdin=subprocess.PIPE, text=True) as process:
        with recording(tmp_path / "t.parquet", "-p", str(process.pid), "-e", "getppid") as running:
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()
            time.sleep(0.2)
            result = running.stop().audit()
        process.kill()
    assert result.calls().num_rows == 0
    assert result.counters.unfinished == 0


def test_a_busy_end_is_clean(tmp_path: Path, workload: Build) -> None:
    """Stopped in the middle of calls that follow each other closely, no call looks as if its entry had been missed."""
    with subprocess.Popen([workload("calls"), "2", "1000000"], process_group=0) as process:
        with recording(tmp_path / "t.parquet", "-p", str(process.pid)) as running:
            time.sleep(0.1)
            result = running.stop().audit()
        os.killpg(process.pid, signal.SIGKILL)
    calls = result.calls().sort_by("ts")
    unseen = calls.filter(pc.not_equal(pc.bit_wise_and(calls["flags"], int(Flag.ENTRY_UNSEEN)), 0))
    middle = (calls["ts"][0].as_py() + calls["ts"][-1].as_py()) // 2
    assert [row for row in unseen.to_pylist() if row["ts"] > middle] == []


def test_a_32_bit_program_from_start_to_end(tmp_path: Path, workload: Build, loader: str) -> None:
    """Its calls are i386's by name, the child's return is no row, exit never returns, and at the end read hangs."""
    silence, kept_open = os.pipe()
    command = [workload("i386")]
    with recording(tmp_path / "t.parquet", "--loader", loader, command=command, stdin=silence) as running:
        time.sleep(1)
        result = running.stop().audit()
    os.close(silence)
    os.close(kept_open)
    calls = result.calls(comm="i386").sort_by("ts").to_pylist()
    names = [row["syscall"] for row in calls if row["abi"] == "i386"]
    assert [row["syscall"] for row in calls if row["abi"] != "i386"] == ["execve"]
    assert names.count("getppid") == 101 + 7
    assert sorted(name for name in names if name != "getppid") == ["exit", "fork", "read", "waitpid", "write"]
    (ended,) = [row for row in calls if row["syscall"] == "exit"]
    assert (ended["arg0"], ended["ret"], ended["flags"]) == (5, None, Flag.UNFINISHED)
    assert (calls[-1]["syscall"], calls[-1]["arg0"], calls[-1]["flags"]) == ("read", 0, Flag.UNFINISHED)
    assert result.counters.child_returns == 1


def test_a_32_bit_program_that_hangs_all_along(tmp_path: Path, workload: Build) -> None:
    """That its call is i386's shows the thread."""
    with subprocess.Popen([workload("i386")], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(0.1)
        with recording(tmp_path / "t.parquet", "-p", str(process.pid)) as running:
            result = running.stop().audit()
        process.communicate(b"")
    assert process.returncode == 3
    (row,) = result.calls(pid=process.pid).to_pylist()
    assert (row["syscall"], row["abi"], row["nr"], row["arg0"], row["flags"]) == ("read", "i386", 3, 0, HUNG)


def test_a_32_bit_call_that_hangs_all_along(tmp_path: Path, workload: Build, loader: str) -> None:
    """Of a 64-bit program: the call is i386's, and so are its arguments and its path."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    with subprocess.Popen([workload("compat_open"), fifo], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(0.2)
        with recording(tmp_path / "t.parquet", "--loader", loader, "-p", str(process.pid)) as running:
            result = running.stop().audit()
        process.kill()
    (row,) = result.calls(pid=process.pid).to_pylist()
    assert (row["syscall"], row["abi"], row["nr"], row["path"], row["flags"]) == ("open", "i386", 5, str(fifo), HUNG)


WAITERS = """
import ctypes, mmap, os, socket, sys, threading
sys.stdin.readline(); os.mkfifo("fifo"); os.mkfifo("other"); os.mkfifo("third")
socket_ = socket.socket(socket.AF_UNIX); socket_.bind("full.sock"); socket_.listen(0)
clients = [socket.socket(socket.AF_UNIX) for _ in range(2)]
libc, memory = ctypes.CDLL(None), mmap.mmap(-1, 4 * mmap.PAGESIZE)
start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
libc.mprotect(ctypes.c_void_p(start + 3 * mmap.PAGESIZE), mmap.PAGESIZE, 0)
across, at_the_end = b"./" * 100 + b"other", b"./" * 1500 + b"third"
begin = mmap.PAGESIZE - 50; memory[begin:begin + len(across)] = across
end = 3 * mmap.PAGESIZE - len(at_the_end) - 1
memory[end:end + len(at_the_end)] = at_the_end
threading.Thread(target=lambda: [one.connect("full.sock") for one in clients], daemon=True).start()
threading.Thread(target=lambda: open("fifo"), daemon=True).start()
threading.Thread(target=lambda: libc.open(ctypes.c_void_p(start + begin), 0), daemon=True).start()
threading.Thread(target=lambda: libc.open(ctypes.c_void_p(start + end), 0), daemon=True).start()
print("ready", flush=True); sys.stdin.read(); os._exit(0)
"""
PATHS = {"fifo", "./" * 100 + "other", "./" * 1500 + "third"}
"""What WAITERS open: a short path, one that lies across two pages, and one before a page that cannot be read."""


WAITED_IN = ["connect", "openat", "openat", "openat", "read"]


def hung_in(pid: int) -> list[str]:
    """The calls in which its threads are blocked."""
    calls = [path.read_text().split()[0] for path in Path(f"/proc/{pid}/task").glob("*/syscall")]
    return sorted(name_of(int(nr), Abi.X86_64) for nr in calls if nr.isdecimal())


def of_waiters(folder: Path, *options: str, earlier: bool, **how: Any) -> Recording:
    """A capture of WAITERS, who begin to wait in the folder before it, or during it. `how` is as for `recording`."""
    with subprocess.Popen([sys.executable, "-c", WAITERS], stdin=-1, stdout=-1, cwd=folder) as process:
        assert process.stdout is not None and process.stdin is not None

        def go_on() -> None:
            process.stdin.write(b"on\n")
            process.stdin.flush()
            process.stdout.readline()
            end = time.monotonic() + 20
            while hung_in(process.pid) != WAITED_IN and time.monotonic() < end:
                time.sleep(0.02)

        if earlier:
            go_on()
        with recording(folder / "t.parquet", "-p", str(process.pid), *options, **how) as running:
            if not earlier:
                go_on()
            result = running.stop().audit()
        process.stdin.close()
    return result


def running_on(result: Recording) -> list[dict[str, Any]]:
    """The rows of calls that had not returned at the stop."""
    return [row for row in result.calls().to_pylist() if row["flags"] & Flag.UNFINISHED]


@pytest.mark.parametrize("options", [(), ("-Z", "root"), ("-e", "openat,connect")], ids=" ".join)
@pytest.mark.parametrize("earlier", [True, False])
def test_what_a_call_that_runs_on_points_to(tmp_path: Path, earlier: bool, options: tuple[str, ...]) -> None:
    """Opens and a connect that hang at the stop have path and address, begun before the start or after it."""
    rows = running_on(of_waiters(tmp_path, *options, earlier=earlier))
    opens = [row for row in rows if row["syscall"] == "openat"]
    assert {row["path"] for row in opens} == PATHS
    assert {row["flags"] for row in opens} == {HUNG if earlier else Flag.UNFINISHED}
    assert [row["addr"] for row in rows if row["syscall"] == "connect"] == ["unix:full.sock"]


@pytest.mark.parametrize("earlier", [True, False])
def test_the_path_of_a_call_that_runs_on_is_filtered_by(tmp_path: Path, earlier: bool) -> None:
    """-P finds the open that hangs on that path."""
    result = of_waiters(tmp_path, "-P", "fifo", earlier=earlier)
    assert [row["path"] for row in running_on(result)] == ["fifo"]


def test_a_program_that_is_not_begun_yet(tmp_path: Path) -> None:
    """An execve that hangs since before the start shows path and arguments."""
    if shutil.which("strace") is None:
        pytest.skip("no strace is installed to hold a call up")
    words = ["/bin/echo", "a", "b c", "", "d" * 5000]
    shell = ["sh", "-c", '"$@"; :', "sh", *words]
    held_up = ["strace", "-f", "-o", "/dev/null", "-e", "inject=execve:delay_enter=100s", *shell]
    with subprocess.Popen(held_up, stdout=subprocess.DEVNULL) as process:
        time.sleep(0.5)
        with recording(tmp_path / "t.parquet", "-e", "execve") as running:
            result = running.stop().audit()
        process.kill()
    (row,) = [row for row in result.calls(flags=HUNG | Flag.TRUNCATED).to_pylist() if row["path"] == "/bin/echo"]
    assert row["cmdline"] == shlex.join([*words[:-1], "d" * 4095])


def test_without_the_program_that_looks(tmp_path: Path) -> None:
    """Where it cannot be loaded the calls of the table are there all the same; notes and flags say what is lacking."""
    code = (
        "from capture.loaders import running; running.OBJECT = running.OBJECT.with_name('none'); "
        "from capture.cli import main; main()"
    )
    program = ("sh", "-c", '"$@"; exit $?', "sh", sys.executable, "-c", code)
    result = of_waiters(tmp_path, earlier=False, program=program)
    opens = [row for row in running_on(result) if row["syscall"] == "openat"]
    assert [(row["path"], row["flags"]) for row in opens] == [(None, Flag.UNFINISHED | Flag.PATH_UNREADABLE)] * 3
    lacking = (
        "calls that hang since before the start, and paths and addresses in those that run on at the end, are not known"
    )
    assert lacking in result.metadata["systape.notes"]


def in_proc() -> dict[int, tuple[procfs.Call, list[str]]]:
    """Every thread that hangs in a call, by /proc, and how often it has run. One that is stopped may have returned."""
    found = {}
    for pid in procfs.processes():
        for tid in procfs.threads(pid):
            call = procfs.call(pid, tid)
            if call is not None and procfs._state(pid, tid) in (b"S", b"D"):
                with suppress(FileNotFoundError, ProcessLookupError):  # it has ended
                    lines = Path(f"/proc/{pid}/task/{tid}/status").read_text(errors="replace").splitlines()
                    found[tid] = call, [line for line in lines if "ctxt_switches" in line]
    return found


def test_the_program_sees_what_proc_shows(workload: Build) -> None:
    """In whichever call a thread is all the time, it is seen in, with its arguments; and no kernel thread is."""
    program, found = RunningProgram(), list[InCall]()
    kernel_threads = {int(path.name) for path in Path("/proc").glob("[0-9]*")} - set(procfs.processes())
    with hanging(workload("hang")) as hung:
        time.sleep(0.1)  # until its leader reads, too
        before = in_proc()
        program.ask(found)
        after = in_proc()
        hung.end()
    program.close()
    seen = {
        int(one.thread["tid"]): procfs.Call(int(one.thread["nr"]), tuple(one.thread["args"].tolist())) for one in found
    }
    still = {tid: call for tid, (call, ran) in before.items() if after.get(tid) == (call, ran)}
    assert still.items() <= seen.items()
    assert {hung.pid, *(thread["tid"] for thread in hung.printed["threads"])} <= still.keys()
    assert 2 in kernel_threads
    assert kernel_threads.isdisjoint(seen)


def test_nobody_tells_the_program_what_to_read() -> None:
    """Its memory, in which the arguments of a thread lie while it follows them, is not to be written."""
    program = RunningProgram()
    with pytest.raises(PermissionError):
        bpfsys.update(program._object.maps["scratch"], bytes(4), bytes(37_000))
    found: list[InCall] = []
    program.ask(found)
    assert found
    program.close()
