"""Rows as lines: strace's, and nothing in them that a terminal obeys."""

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.arrow import EVENTS
from schemas.line import Printer, Style, safe
from schemas.line.columns import NAMES
from schemas.line.signals import delivered, ended
from schemas.line.states import STATES
from schemas.line.text import target, to_hexadecimal

START = 1_750_000_000_000_000_000
OPENAT, READ, WRITE, EXIT_GROUP, KILL, FCHOWN = 257, 0, 1, 231, 62, 93


def row(**values: Any) -> dict[str, Any]:
    """A row, of thread 7 `cat`, with these values; a call has its six arguments."""
    plain: dict[str, Any] = {field.name: None for field in EVENTS}
    plain.update(kind="syscall", ts=START, pid=7, tid=7, comm="cat", abi="x86_64", cpu=0, uid=0, weight=1, flags=0)
    return {**plain, **values}


def call(nr: int, *args: int, ret: int | None = 0, **values: Any) -> dict[str, Any]:
    """A call's row."""
    return row(nr=nr, ret=ret, **{f"arg{index}": value for index, value in enumerate(args)}, **values)


def lines(*rows: dict[str, Any], **style: Any) -> list[str]:
    """What is printed of the rows, without the line ends, and each line has one."""
    printed = Printer(Style(**style)).lines(pa.RecordBatch.from_pylist(list(rows), schema=EVENTS))
    assert all(line.endswith("\n") and line.count("\n") == 1 for line in printed)
    return [line[:-1] for line in printed]


def test_a_call_is_straces_line() -> None:
    """Thread, name, arguments, result from column 40 on, or later where the line is longer."""
    opened = call(OPENAT, -100, 5, 0o2000000, 0, ret=3, path="/etc/hosts")
    assert lines(opened, call(3, 3)) == [
        '7 cat openat(AT_FDCWD, "/etc/hosts", O_RDONLY|O_CLOEXEC) = 3',
        "7 cat close(3)                          = 0",
    ]


def test_errors_have_name_and_text() -> None:
    """As strace writes them."""
    failed = call(OPENAT, -100, 5, 0, 0, ret=-2, errno="ENOENT", path="/nowhere")
    assert lines(failed) == ['7 cat openat(AT_FDCWD, "/nowhere", O_RDONLY) = -1 ENOENT (No such file or directory)']


@pytest.mark.parametrize(
    ("style", "stamp"),
    [
        ({"clock": 1}, "15:06:40 "),
        ({"clock": 2}, "15:06:40.001234 "),
        ({"clock": 3}, "1750000000.001234 "),
        ({"relative": True}, "     0.000000 "),
        ({"clock": 2, "relative": True}, "15:06:40.001234 (+     0.000000) "),
    ],
)
def test_times_are_straces(style: dict[str, Any], stamp: str) -> None:
    """-t, -tt, -ttt, -r, and -r beside another."""
    assert lines(call(3, 3, ts=START + 1_234_999), **style)[0].startswith(f"7 cat {stamp}close(3)")


def test_relative_times_go_on_from_batch_to_batch() -> None:
    """The time since the line before, whichever batch that was in."""
    printer = Printer(Style(relative=True))
    batches = [
        pa.RecordBatch.from_pylist([call(3, 3, ts=START + offset)], schema=EVENTS) for offset in (0, 2_500_000_000)
    ]
    assert [printer.lines(batch)[0].split()[2] for batch in batches] == ["0.000000", "2.500000"]


def test_durations() -> None:
    """-T: seconds; `<?>` where the entry was not seen; nothing where there was no return."""
    ended = [line.rpartition(" ")[2] for line in lines(
        call(3, 3, dur_ns=1_000_012_999), call(3, 3, flags=1), call(EXIT_GROUP, 0, ret=None, flags=2), durations=True
    )]  # fmt: skip
    assert ended == ["<1.000012>", "<?>", "?"]


def test_calls_without_an_end() -> None:
    """What is known at entry and `<unfinished ...>`; exit's result is `?`."""
    reading = call(READ, 3, 9, 4096, ret=None, flags=2)
    writing = call(WRITE, 3, 9, 3, ret=None, data=b"abc", flags=2)
    assert lines(reading, writing, call(EXIT_GROUP, 0, ret=None, flags=2)) == [
        "7 cat read(3,  <unfinished ...>",
        '7 cat write(3, "abc", 3 <unfinished ...>',
        "7 cat exit_group(0)                     = ?",
    ]


def test_signals_and_exits() -> None:
    """As strace, as far as a capture knows."""
    child = row(kind="signal", ret=17, arg0=1, arg1=99, weight=0, flags=32)
    assert lines(child, {**child, "ret": 9}, row(kind="exit", ret=256), row(kind="exit", ret=9, ts=START), call(3, 3))[
        :-1
    ] == [
        "7 cat --- SIGCHLD {si_signo=SIGCHLD, si_code=CLD_EXITED, si_pid=99} ---",
        "7 cat +++ exited with 1 +++",
        "7 cat +++ killed by SIGKILL +++",
    ]
    assert delivered(11, 1, 0) == "SIGSEGV {si_signo=SIGSEGV, si_code=SEGV_MAPERR}"
    assert delivered(15, 0, 5) == "SIGTERM {si_signo=SIGTERM, si_code=SI_USER, si_pid=5}"
    assert delivered(34, -1, 5) == "SIGRT_2 {si_signo=SIGRT_2, si_code=SI_QUEUE, si_pid=5}"
    assert delivered(10, 77, 0) == "SIGUSR1 {si_signo=SIGUSR1, si_code=77}"
    assert ended(0x8B) == "killed by SIGSEGV (core dumped)"


def test_signals_and_exits_of_processes_without_calls_are_left_out() -> None:
    """A filtered capture has them of everybody; a call in an earlier batch counts."""
    printer = Printer(Style())
    end = pa.RecordBatch.from_pylist([row(kind="exit", ret=0, flags=32)], schema=EVENTS)
    assert printer.lines(end) == []
    printer.lines(pa.RecordBatch.from_pylist([call(3, 3)], schema=EVENTS))
    assert printer.lines(end) == ["7 cat +++ exited with 0 +++\n"]


def test_losses_are_lines() -> None:
    """How many, of what, where and why."""
    lost = row(kind="loss", pid=0, tid=0, comm="", syscall="read", weight=1234, cpu=1, arg0=0, dur_ns=5)
    assert lines(lost) == ["--- 1,234 calls of read lost on CPU 1 (ring full) ---"]
    assert lines({**lost, "syscall": None, "weight": 1, "arg0": 99}) == ["--- 1 call lost on CPU 1 (cause unknown) ---"]


def test_state_is_shown_on_demand_only() -> None:
    """fork, exec, process and fd rows with `everything`; calls that are there for the state alone never."""
    rows = [
        row(kind="fork", ppid=1, arg0=1, arg1=5),
        row(kind="exec", arg0=7, path="/bin/cat", cmdline="cat 'a b'"),
        row(kind="process", ppid=1, arg0=START, arg1=2, path="/bin/cat", path2="/", cmdline="cat"),
        row(kind="fd", fd=3, path="/etc/hosts", arg0=0o2000000),
        call(3, 3, flags=32),
    ]
    assert lines(*rows) == []
    assert lines(*rows, everything=True) == [
        "7 cat === process 7 begun by 1, shares files, memory ===",
        "7 cat === runs /bin/cat: cat 'a b' ===",
        "7 cat === child of 1 since 2025-06-15 15:06:40, user 0, as 2 in its namespace, runs /bin/cat in /: cat ===",
        "7 cat === has 3</etc/hosts> open, O_RDONLY|O_CLOEXEC ===",
    ]


def test_names_of_descriptors_and_users() -> None:
    """-y: behind each descriptor, in arguments and result; users and groups by theirs."""
    opened = call(OPENAT, -100, 5, 0, 0, ret=3, path="hosts", name0="/etc", name6="/etc/<hosts>1")
    copied = call(33, 3, 4, ret=4, name0="/new", name1="/old", name6="/new")
    schema = pa.schema([*EVENTS, *(pa.field(name, pa.string()) for name in NAMES)])
    owned = call(FCHOWN, 3, 33, 0xFFFF_FFFF)
    printer = Printer(Style(names=True), users={33: "www-data"}, groups={33: "wrong"})
    assert printer.lines(pa.RecordBatch.from_pylist([opened, copied, owned], schema=schema)) == [
        '7 cat openat(AT_FDCWD</etc>, "hosts", O_RDONLY) = 3</etc/\\74hosts\\0761>\n',
        "7 cat dup2(3</new>, 4</old>)            = 4</new>\n",
        "7 cat fchown(3, 33<www-data>, -1)       = 0\n",
    ]


def test_hexadecimal_strings() -> None:
    """-x turns what is not printable, -xx everything, as strace does."""
    accessed = [call(21, 5, 0, path=path) for path in ("/a\n", "/é", 'q"\\')]
    assert [line.partition("(")[2].partition(",")[0] for line in lines(*accessed, hexadecimal=1)] == [
        '"/a\\n"',
        '"\\x2f\\xc3\\xa9"',
        '"q\\"\\\\"',
    ]
    assert to_hexadecimal('"/a\\n"', every=True) == '"\\x2f\\x61\\x0a"'


def test_unknown_calls_are_printed() -> None:
    """A number that no table has: its raw arguments; x32's and i386's calls by their tables."""
    assert lines(call(-1, 1, -1, 0, 0, 0, 0, ret=-38))[0].startswith("7 cat syscall_-1(0x1, 0xffffffffffffffff, 0,")
    assert "close(3)" in lines(call(6, 3, abi="i386"))[0]


def test_colours_leave_the_text_as_it_is() -> None:
    """Without its colours a line is the one without colours, `=` at its place included."""
    rows = [call(3, 3), call(3, 3, ret=-9), row(kind="exit", ret=0), call(READ, 3, 9, 1, ret=None, flags=2)]
    painted = lines(*rows, colour=True)
    assert all("\x1b[" in line for line in painted)
    import re

    assert [re.sub(r"\x1b\[[\d;]*m", "", line) for line in painted] == lines(*rows)


HOSTILE = ["a\nb", "\x1b[31mred", "\x9b31m", "qu\"o'te", "back\\slash", "\u202eright", "é日本", "\x00", "x" * 4095]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_names_are_safe_everywhere(text: str) -> None:
    """Whatever a name, a path, an argument or an address holds, each row is one line of printable characters."""
    rows = [
        call(OPENAT, -100, 5, 0, 0, path=text, comm=text),
        call(59, 5, 6, 7, path=text, cmdline="a"),
        call(42, 3, 5, 16, addr=f"unix:{text}"),
        call(42, 3, 5, 16, addr=text),
        row(kind="exec", path=text, cmdline=text),
        row(kind="fd", fd=3, path=text),
        row(kind="loss", syscall=text, weight=1),
    ]
    assert all(line.isprintable() for line in lines(*rows, everything=True, names=True))


def test_bytes_that_are_not_utf8() -> None:
    """In rows with flag 16 `\\xHH` stands for a byte: octal in strings, as it is in names."""
    printed = lines(call(80, 5, path=r"/\xff\\", comm=r"c\xfe", flags=16))
    assert printed == [r'7 c\xfe chdir("/\377\\")                = 0']


@given(st.text(), st.booleans())
def test_safe_text_is_printable(text: str, escaped: bool) -> None:
    """No control character, whatever comes in; printable text without backslashes comes out as it is."""
    assert safe(text, escaped=escaped).isprintable()
    assert target(text).isprintable()
    if text.isprintable() and "\\" not in text:
        assert safe(text) == text


def test_slices_and_nothing_at_all_print_the_same() -> None:
    """A batch may begin anywhere in the memory of another, and have no row."""
    rows = [call(3, n, ret=None if n % 3 else 0, flags=0 if n % 3 == 0 else 2, dur_ns=n or None) for n in range(20)]
    whole = pa.RecordBatch.from_pylist(rows, schema=EVENTS)
    printed = Printer(Style(durations=True)).lines(whole)
    printer = Printer(Style(durations=True))
    assert [line for start in range(0, 20, 3) for line in printer.lines(whole.slice(start, 3))] == printed
    assert printer.lines(whole.slice(20)) == []
    assert printer.lines(pa.RecordBatch.from_pylist([], schema=EVENTS)) == []
    assert printer.texts(whole.slice(20)) == []


def test_what_is_remembered_is_bounded() -> None:
    """A printer forgets when it has remembered much, and prints the same."""
    from schemas.line import memo

    remembering = memo.Memo(str)
    assert [remembering[n] for n in range(memo.REMEMBERED + 1)][-1] == str(memo.REMEMBERED)
    assert len(remembering.trim()) == 0
    assert remembering[5] == "5"


@pytest.mark.parametrize("kind", STATES)
def test_rows_that_are_no_calls_may_lack_everything(kind: str) -> None:
    """Another program's file has NULL where it likes."""
    assert STATES[kind]({field.name: None for field in EVENTS} | {"kind": kind})
