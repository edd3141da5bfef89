"""`analyze import`: strace's lines in every form, as rows of a capture."""

import json
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from analyze.importer import Imported, import_logs
from analyze.importer.address import address_of
from analyze.importer.arguments import end_of, split
from analyze.importer.calls import Parsed, Parser
from analyze.importer.constants import number_of
from schemas.arrow import EVENTS, Key
from schemas.counters import Counters
from schemas.decode.result import ADDRESSES
from schemas.flags import constant_set, format_enum, format_flags
from schemas.record import Abi
from tests.contract import strace_log
from tests.unit.analyze.inside import run

Rows = list[dict[str, Any]]
HEXADECIMAL = (*ADDRESSES, "fcntl", "umask")
"""Calls whose results the contract tests' parser does not read."""
FLAGS = Path(__file__).resolve().parents[3] / "schemas" / "flags"


def imported(tmp_path: Path, text: str, name: str = "log") -> Rows:
    """The rows of one log, times as ns."""
    (tmp_path / name).write_text(text)
    rows, done = bring(tmp_path, name)
    assert done.strange == 0, done.examples
    return rows


def bring(tmp_path: Path, *names: str) -> tuple[Rows, Imported]:
    """The rows of logs in a folder, and what was said of them."""
    target = tmp_path / "out.parquet"
    with target.open("wb") as out:
        done = import_logs([str(tmp_path / name) for name in names], out)
    table = pq.read_table(target)
    assert table.schema.equals(EVENTS)
    table = table.set_column(1, "ts", table.column("ts").cast("int64"))
    return table.to_pylist(), done


def call(text: str) -> Parsed:
    """One call, parsed."""
    (parsed,) = Parser().parse([text])
    assert parsed is not None, text
    return parsed


def test_a_line_of_strace_f_ttt_T_is_a_row(tmp_path: Path) -> None:
    """Who, when, how long, which call, arguments, result."""
    (row,) = imported(tmp_path, '77 1700000000.000001 openat(AT_FDCWD, "/x", O_RDWR|O_CREAT, 0644) = 3 <0.000250>\n')
    expected = {
        "kind": "syscall",
        "ts": 1_700_000_000_000_001_000,
        "dur_ns": 250_000,
        "pid": 77,
        "tid": 77,
        "syscall": "openat",
        "nr": 257,
        "abi": "x86_64",
        "ret": 3,
        "errno": None,
        "fd": 3,
        "path": "/x",
        "arg0": -100,
        "arg1": None,
        "arg2": 0o102,
        "arg3": 0o644,
        "weight": 1,
        "flags": 0,
        "cpu": -1,
        "uid": -1,
    }
    assert {name: row[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("line", "ns"),
    [
        ("1700000000.123456 getpid() = 1", 1_700_000_000_123_456_000),
        ("1700000000.123456789 getpid() = 1", 1_700_000_000_123_456_789),
        ("[pid  9] 1700000000.5 getpid() = 1", 1_700_000_000_500_000_000),
        ("9 1700000000.000001 (+     0.000123) getpid() = 1", 1_700_000_000_000_001_000),
        ("9<a name> 1700000000.000001 [00007f00deadbeef] getpid() = 1", 1_700_000_000_000_001_000),
    ],
)
def test_times_since_the_epoch(tmp_path: Path, line: str, ns: int) -> None:
    """-ttt with any number of digits, with -r, -i, -Y beside it."""
    assert imported(tmp_path, line + "\n")[0]["ts"] == ns


def test_times_of_day_are_local_and_pass_midnight(tmp_path: Path) -> None:
    """-tt and -t say no day: the last is that on which the log was written."""
    lines = "9 23:59:59.500000 getpid() = 9\n9 00:00:01 getpid() = 9\n9 00:00:02.25 getpid() = 9\n"
    first, second, third = (row["ts"] for row in imported(tmp_path, lines))
    assert (second - first, third - second) == (1_500_000_000, 1_250_000_000)
    assert time.localtime(first / 1e9)[3:6] == (23, 59, 59)


def test_relative_times_and_none_keep_the_order(tmp_path: Path) -> None:
    """-r adds up; without times each line is a little later."""
    ticks = [row["ts"] for row in imported(tmp_path, "     0.000000 getpid() = 9\n     0.000250 getppid() = 1\n")]
    assert ticks[1] - ticks[0] == 250_000
    ticks = [row["ts"] for row in imported(tmp_path, "getpid() = 9\ngetppid() = 1\n")]
    assert ticks[1] > ticks[0]


def test_cut_calls_are_joined(tmp_path: Path) -> None:
    """Unfinished and resumed are one call, at the time at which it began; what never returned says so."""
    rows = imported(
        tmp_path,
        "1 1700000000.000001 read(3,  <unfinished ...>\n2 1700000000.000002 getpid() = 2 <0.000001>\n"
        '1 1700000000.000009 <... read resumed>"ab", 10) = 2 <0.000008>\n'
        "2 1700000000.000010 wait4(-1,  <unfinished ...>\n"
        "1 1700000000.000011 exit_group(0) = ?\n1 1700000000.000012 +++ exited with 0 +++\n"
        "5 1700000000.000013 <... poll resumed>) = 1 <0.5>\n",
    )
    assert [row["syscall"] for row in rows] == ["getpid", "read", "exit_group", None, "poll", "wait4"]
    read, leave, wait = rows[1], rows[2], rows[5]
    assert (read["ts"] % 10**6, read["dur_ns"], read["data"], read["arg2"]) == (1000, 8000, b"ab", 10)
    assert (leave["ret"], leave["flags"], wait["ret"], wait["flags"]) == (None, 2, None, 2)


def test_a_log_on_the_terminal_is_joined_too(tmp_path: Path) -> None:
    """strace writes that it attached to a child into the middle of the line of the clone."""
    rows = imported(
        tmp_path,
        'execve("/bin/sh", ["sh"], 0x7ffd /* 3 vars */) = 0\n'
        "clone(child_stack=NULL, flags=CLONE_CHILD_SETTID|SIGCHLDstrace: Process 8 attached\n <unfinished ...>\n"
        "[pid     8] getpid() = 8\n[pid     7] <... clone resumed>, child_tidptr=0x7f00) = 8\n"
        "[pid     7] wait4(-1strace: Process 9 attached\n <unfinished ...>\n[pid 8] +++ exited with 3 +++\n",
    )
    child = next(row for row in rows if row["syscall"] == "getpid")
    assert (child["pid"], child["comm"]) == (8, "sh")


def test_who_is_who_follows_from_clone_execve_and_prctl(tmp_path: Path) -> None:
    """A thread belongs to the process of the one that made it, even if it is heard of before the clone returns."""
    rows = imported(
        tmp_path,
        '10 execve("/usr/bin/python3", ["python3", "-c", "it\'s"], 0x7ffd /* 3 vars */) = 0\n'
        "10 clone3({flags=CLONE_VM|CLONE_FS|CLONE_FILES|CLONE_THREAD, exit_signal=0} <unfinished ...>\n"
        '11 prctl(PR_SET_NAME, "worker")  = 0\n10 <... clone3 resumed> => {parent_tid=[11]}, 88) = 11\n'
        "11 getpid() = 10\n10 vfork( <unfinished ...>\n"
        '12 execve("/bin/true", ["true"], 0x7ffd /* 3 vars */) = 0\n10 <... vfork resumed>) = 12\n'
        "12 +++ exited with 0 +++\n11 +++ exited with 0 +++\n10 +++ killed by SIGSEGV (core dumped) +++\n",
    )
    named = {(row["tid"], row["pid"], row["comm"]) for row in rows if row["syscall"] in ("getpid", "execve")}
    assert named == {(10, 10, "python3"), (11, 10, "worker"), (12, 12, "true")}
    forks = [row for row in rows if row["kind"] == "fork"]
    assert [(row["tid"], row["pid"], row["ppid"], row["arg1"]) for row in forks] == [(11, 10, 10, 15), (12, 12, 10, 4)]
    execs = [(row["path"], row["cmdline"]) for row in rows if row["kind"] == "exec"]
    assert execs == [("/usr/bin/python3", "python3 -c 'it'\"'\"'s'"), ("/bin/true", "true")]
    assert [(row["tid"], row["ret"], row["arg0"]) for row in rows if row["kind"] == "exit"] == [
        (12, 0, 1),
        (11, 0, 0),
        (10, 11 | 0x80, 1),
    ]


def test_signals_are_rows(tmp_path: Path) -> None:
    """Number, code and sender; a stop is none."""
    (row,) = imported(
        tmp_path,
        "9 --- SIGCHLD {si_signo=SIGCHLD, si_code=CLD_EXITED, si_pid=12, si_uid=0} ---\n9 --- stopped by SIGSTOP ---\n",
    )
    assert (row["kind"], row["ret"], row["arg0"], row["arg1"]) == ("signal", 17, 1, 12)


def test_descriptors_with_names_are_known_to_the_replay(tmp_path: Path) -> None:
    """-y: what was open before the log becomes a row of kind fd, what a call opened does not."""
    rows = imported(tmp_path, '9 openat(AT_FDCWD</r>, "a", O_RDONLY) = 4</r/a>\n9 read(3</etc/hosts>, "", 9) = 0\n')
    assert [(row["fd"], row["path"]) for row in rows if row["kind"] == "fd"] == [(3, "/etc/hosts")]


def test_ff_writes_a_log_a_thread(tmp_path: Path) -> None:
    """The number of the thread is in the name, and the rows of all logs are in order of time."""
    (tmp_path / "log.20").write_text("1700000000.000003 getpid() = 20\n1700000000.000009 +++ exited with 0 +++\n")
    (tmp_path / "log.19").write_text(
        '1700000000.000001 execve("/bin/sh", ["sh"], 0x1) = 0\n1700000000.000002 fork() = 20\n'
    )
    rows, _ = bring(tmp_path, "log.20", "log.19")
    assert [(row["kind"], row["tid"], row["comm"]) for row in rows if row["kind"] != "exec"] == [
        ("syscall", 19, "sh"),
        ("fork", 20, "sh"),
        ("syscall", 19, "sh"),
        ("syscall", 20, "sh"),
        ("exit", 20, "sh"),
    ]


def test_32_bit_calls_have_their_own_table(tmp_path: Path) -> None:
    """strace says when a process runs in 32 bit mode."""
    rows = imported(
        tmp_path,
        "9 strace: [ Process PID=9 runs in 32 bit mode. ]\n9 [ Process PID=9 runs in 32 bit mode. ]\n9 getpid() = 9\n",
    )
    assert (rows[0]["abi"], rows[0]["nr"]) == ("i386", 20)


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("close(3) = -1 EBADF (Bad file descriptor)", {"ret": -9, "errno": "EBADF", "fd": 3}),
        ("read(0, 0x7ffe, 9) = ? ERESTARTSYS (To be restarted)", {"ret": -512, "errno": "ERESTARTSYS"}),
        ("mmap(NULL, 9, PROT_READ, MAP_PRIVATE, -1, 0) = 0x7f0000000000", {"ret": 0x7F0000000000, "fd": -1}),
        ("umask(022) = 022", {"ret": 18, "args": (18, None, None, None, None, None)}),
        ('write(1, "a\\0\\n\\"\\377"..., 99) = 99', {"data": b'a\0\n"\xff'}),
        ('rename("a", "b, (c) = 1") = 0', {"path": "a", "path2": "b, (c) = 1"}),
        ('open("\\377\\\\", O_RDONLY) = 3', {"path": "\\xff\\\\", "flags": 16}),
        ('open("\\303\\251\\\\", O_RDONLY) = 3', {"path": "é\\", "flags": 0}),
        ('open("abc"..., O_RDONLY) = 3', {"path": "abc", "flags": 8}),
        ('writev(1, [{iov_base="ab", iov_len=2}, {iov_base="c", iov_len=1}], 2) = 3', {"data": b"abc"}),
        ("pipe2([3, 4], O_CLOEXEC) = 0", {"data": b"\3\0\0\0\4\0\0\0"}),
        (
            'connect(3, {sa_family=AF_INET, sin_port=htons(443), sin_addr=inet_addr("10.0.0.7")}, 16) = 0',
            {"addr": "10.0.0.7:443", "fd": 3},
        ),
        ("futex(0x7f00, FUTEX_WAIT_BITSET_PRIVATE|FUTEX_CLOCK_REALTIME, 0, NULL, FUTEX_BITSET_MATCH_ANY) = 0",
         {"args": (0x7F00, 393, 0, 0, None, 0xFFFFFFFF)}),
        ("fcntl(3</a, b(c>, F_DUPFD_CLOEXEC, 10) = 10</a, b(c>", {"ret": 10, "args": (3, 1030, 10, None, None, None)}),
        ("poll([{fd=3, events=POLLIN}], 1, 10) = 1 ([{fd=3, revents=POLLIN}])", {"ret": 1}),
        ("syscall_0x1f4(0x1, 0x2, 0x3, 0x4, 0x5, 0x6) = 0", {"syscall": "syscall_500", "nr": 500}),
        ("ioctl(1, TCGETS, {c_iflag=ICRNL}) = 0", {"args": (1, 0x5401, None, None, None, None)}),
        ("restart_syscall(<... resuming interrupted poll ...>) = 0", {"ret": 0, "syscall": "restart_syscall"}),
        ("mknod(\"x\", S_IFCHR|0644, makedev(0x1, 0x3)) = 0", {"args": (None, 0o20644, 0x103, None, None, None)}),
        ("socket(AF_INET, SOCK_STREAM|SOCK_CLOEXEC, IPPROTO_TCP) = 3", {"args": (2, 0o2000001, 6, None, None, None)}),
        ("kill(5, SIGTERM) = 0", {"args": (5, 15, None, None, None, None)}),
    ],
)  # fmt: skip
def test_a_call_in_columns(text: str, columns: dict[str, object]) -> None:
    """Results, flags, strings, addresses and buffers are what a capture would hold."""
    assert {name: getattr(call(text), name) for name in columns} == columns


@pytest.mark.parametrize("text", ["hello", "hello world(", "open(3", "9 lives", "% time     seconds", "Open(3) = 1"])
def test_what_is_no_line_of_straces_is_counted_and_shown(tmp_path: Path, text: str) -> None:
    """It is never dropped in silence: it counts as a call that was lost, and the metadata says so."""
    (tmp_path / "log").write_text(f"7 getpid() = 7\n7 {text}\n")
    rows, done = bring(tmp_path, "log")
    assert (len(rows), done.strange, done.lines) == (1, 1, 2) and text in done.examples[0]
    metadata = {
        key.decode(): value.decode() for key, value in pq.read_metadata(tmp_path / "out.parquet").metadata.items()
    }
    assert Counters.from_json(metadata[Key.COUNTERS]).dropped == {"not_understood": 1}
    assert any("1 lines were not understood" in note for note in json.loads(metadata[Key.NOTES]))


@pytest.mark.parametrize("name", sorted(file.stem for file in FLAGS.glob("*.txt")))
def test_every_constant_is_read_back(name: str) -> None:
    """What the tables print of a number, this reads back as the number: names, masks, shifts, what has no name."""
    chosen = random.Random(name)
    constants = constant_set(name)
    print_set = format_flags if constants.flags or constants.octal else format_enum
    values = [*(constants.enum or {}), *constants.field, *constants.flags, 0, 1, 0x7FFF_FFFF, 0x123]
    for value in [*values, *(chosen.choice(values) | chosen.choice(values) for _ in range(20))]:
        text = print_set(name, value, 64)
        assert number_of(text) == value if "<<" not in text else number_of(text) is not None, (text, value)


def test_arguments_are_taken_apart_at_the_top_alone() -> None:
    """Commas in strings, structures, names and comments separate nothing."""
    assert split('1, "a, b", {x=1, y=[2, 3]}, 4</p, q>, 0x5 /* 6, 7 */') == [
        "1", '"a, b"', "{x=1, y=[2, 3]}", "4</p, q>", "0x5 /* 6, 7 */",
    ]  # fmt: skip
    assert split("") == [] and split("1<<2|X") == ["1<<2|X"]
    assert end_of('3, ")"), x') == 6 and end_of("3, (") == -1


@pytest.mark.parametrize(
    ("text", "address"),
    [
        (
            "{sa_family=AF_INET6, sin6_port=htons(53), sin6_flowinfo=htonl(0), "
            'inet_pton(AF_INET6, "::1", &sin6_addr), sin6_scope_id=0}',
            b"[::1]:53",
        ),
        ('{sa_family=AF_UNIX, sun_path="/run/x"}', b"unix:/run/x"),
        ('{sa_family=AF_UNIX, sun_path=@"\\0a"}', b"unix:@\0a"),
        ("{sa_family=AF_UNIX}", b"unix:"),
        ("{sa_family=AF_NETLINK, nl_pid=7, nl_groups=0x000001}", b"netlink:7:0x1"),
        ("{sa_family=AF_PACKET, sll_protocol=htons(ETH_P_ALL)}", b"family 17"),
        ("0x7ffe", None),
    ],
)  # fmt: skip
def test_socket_addresses(text: str, address: bytes | None) -> None:
    """As the column addr has them."""
    assert address_of(text) == address


def test_the_abi_decides_the_number() -> None:
    """The same name has another number in another table."""
    (parsed,) = Parser(Abi.I386).parse(["close(3) = 0"])
    assert parsed is not None and parsed.nr == 6


def test_the_command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Says what it did; 7 with --strict for lines not understood, 3 without a log, 6 for a file that exists."""
    log, target = tmp_path / "log", str(tmp_path / "x.parquet")
    log.write_text("7 1700000000.000001 getpid() = 7 <0.000001>\nwhat?\n")
    assert run(monkeypatch, "import", str(log), "-o", target) == 0
    out, err = capsys.readouterr()
    assert out.startswith("2 lines: 1 calls, 0 other rows in ")
    assert err == "not understood: what?\n1 of 2 lines not understood (50.000%)\n"
    assert run(monkeypatch, "summary", target) == 0
    assert "INCOMPLETE: 1 of 2 calls lost" in " ".join(capsys.readouterr().out.split())
    assert run(monkeypatch, "import", str(log), "-o", target) == 6
    assert run(monkeypatch, "import", str(log), "-o", target, "--force", "--strict") == 7
    assert run(monkeypatch, "import", str(tmp_path / "none"), "-o", target, "--force") == 3
    assert "no such file" in capsys.readouterr().err
    assert run(monkeypatch, "import", str(log), "-o", str(log), "--force") == 2


def test_an_empty_log_is_an_empty_capture(tmp_path: Path) -> None:
    """Nothing was called, and the file says so."""
    assert imported(tmp_path, "") == []


OPTIONS = ["-f -ttt -T", "-f -tt -y", "-f -r -yy -s 200", "-f -ttt -T -xx", "-f", "-f -ttt -T -v -Y", "-ff -ttt"]


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
@pytest.mark.parametrize("options", OPTIONS)
def test_every_line_of_real_logs_is_understood(tmp_path: Path, options: str) -> None:
    """Of a shell with pipes, children, a failure and threads, in every form that strace writes."""
    program = "import threading,time; [threading.Thread(target=time.sleep, args=(.01,)).start() for _ in range(3)]"
    script = "ls / | sort | head -2; mkdir x && rmdir x; cat /nonexistent; sh -c 'kill -9 $$'; "
    script += f"{sys.executable} -c '{program}'"
    log = tmp_path / "log"
    command = ["strace", *options.split(), "-o", str(log), "sh", "-c", script]
    subprocess.run(command, cwd=tmp_path, check=False, capture_output=True, timeout=60)
    rows, done = bring(tmp_path, *(file.name for file in tmp_path.glob("log*")))
    assert done.strange == 0, done.examples
    assert done.calls > 300 and {row["kind"] for row in rows} >= {"syscall", "fork", "exec", "exit", "signal"}
    threads = {row["tid"]: row["pid"] for row in rows if row["kind"] == "fork" and row["arg1"] & 8}
    assert len(threads) == 3 and all(pid != tid for tid, pid in threads.items())


def _decimal(name: str, result: str, errno: str | None) -> str:
    """A result, but for what is printed in another base."""
    return "0" if name in HEXADECIMAL and errno is None else result


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_calls_are_those_that_another_parser_finds(tmp_path: Path) -> None:
    """Thread by thread, in order: name, result and error of each call, as the contract tests' own parser reads them."""
    log = tmp_path / "log"
    script = "find /etc -name 'c*' | sort | head -3; cat /nonexistent; sleep 0.01 & wait; (exit 3)"
    command = ["strace", "-f", "-ttt", "-T", "-o", str(log), "sh", "-c", script]
    subprocess.run(command, cwd=tmp_path, check=False, capture_output=True, timeout=60)
    found: dict[int, list[tuple[str, str, str | None]]] = {}
    for row in bring(tmp_path, "log")[0]:
        if row["kind"] == "syscall":
            result = "?" if row["ret"] is None else str(-1 if row["errno"] else row["ret"])
            result = "?" if (row["errno"] or "").startswith("ERESTART") else result
            result = (
                "0" if row["syscall"] in (*ADDRESSES, "fcntl") and row["errno"] is None else result
            )  # the other reads 0x.. so
            found.setdefault(row["tid"], []).append((row["syscall"], result, row["errno"]))
    expected = {
        tid: [(one.name, _decimal(one.name, one.result, one.errno), one.errno) for one in thread.calls]
        for tid, thread in strace_log.read(log).items()
    }
    assert sum(map(len, expected.values())) > 1000
    differing = [
        (tid, *pair) for tid in expected for pair in zip(found[tid], expected[tid], strict=True) if len(set(pair)) > 1
    ]
    assert differing == []
