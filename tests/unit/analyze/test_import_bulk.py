"""Calls that are read all at once: they are what calls.py reads of each, whatever they look like."""

import random
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from analyze.importer import log
from analyze.importer.block import Reader
from analyze.importer.bulk import Bulk
from analyze.importer.calls import Parsed, Parser
from analyze.importer.clock import Times
from analyze.importer.marks import marks
from analyze.importer.resumed import Joiner
from schemas.record import Abi
from tests.unit.analyze.test_import import bring, imported

ARGUMENTS = [
    *("3", "-1", "0x7ffe", "NULL", "AT_FDCWD", "O_RDONLY|O_CLOEXEC", "0644", "1<<3", "[]", "~[INT]", "{x=0, y=[1]}"),
    *('"/etc/hosts"', '"a, b) = 3"', '"x\\"y"', '"\\\\"', '"\\177ELF\\2"...', '"/* no */"', '"3</no>"', '""', '"{["'),
    *("3</etc/a, b>", "4<pipe:[77]>", "AT_FDCWD</r(s>", "5<TCP:[1.2.3.4:5->6.7.8.9:80]>", '6</a"b>', "7</tmp/*>"),
    *("0x7ffd /* 3 vars */", "0x1 /* a, (b */", '[{iov_base="a", iov_len=1}]', "{sa_family=AF_UNIX, sun_path=\"/x\"}"),
    *("FUTEX_WAIT_PRIVATE", "99999999999999999999", "08", "makedev(0x1, 0x3)", "x y", "F_DUPFD or F_X", "é", '"\xff"'),
    *("9" * 5000, "makedev(0xffffffff, 0x1)", "77777777777</x>", "4294967296</x>", "-9223372036854775809"),
    "0x" + 20 * "f",
]  # fmt: skip
"""Arguments of every kind, some of which nobody prints."""
RESULTS = [
    *("0", "3", "-1 ENOENT (No such file or directory)", "0x7f0000000000", "?", "? ERESTARTSYS (To be restarted)"),
    "022",
    *("3</etc/hosts>", "4<socket:[5]>", "1 ([{fd=3, revents=POLLIN}])", "0 (Timeout)", "", "x", "09", "-012", "5 = 6"),
    *("9" * 30, "9" * 5000, "77777777777</x>", "-1 ENOENT"),
]  # fmt: skip
NAMES = (
    *("read", "write", "openat", "close", "rename", "mmap", "connect", "sendto", "futex", "clone", "execve", "pipe2"),
    *("readlink", "symlinkat", "syscall_0x1f4", "unheard_of", "Open", "9", "writev", "poll", "recvfrom", "mount"),
    *("syscall_0xffffffff", "syscall_99999999999", "mknod"),
)


def made_up(count: int, seed: int) -> list[str]:
    """Texts that look like calls, more or less."""
    chosen = random.Random(seed)
    texts = []
    for _ in range(count):
        arguments = ", ".join(chosen.choice(ARGUMENTS) for _ in range(chosen.randint(0, 6)))
        space = " " * chosen.choice((1, 1, 1, 7, 80))
        text = f"{chosen.choice(NAMES)}({arguments}){space}= {chosen.choice(RESULTS)}"
        if chosen.random() < 0.1:  # cut, or with something wrong in it
            place = chosen.randrange(len(text))
            text = text[:place] + chosen.choice(("", ",", ")", "<", '"', "\\", "(", " ")) + text[place + 1 :]
        texts.append(text)
    return list(dict.fromkeys(texts))


def differing(texts: list[str], abi: Abi = Abi.X86_64) -> list[tuple[str, str, object, object]]:
    """Where what is read at once is not what is read one by one: text, column, both values."""
    calls, places = Reader(abi).read(pa.array([text.encode("latin-1") for text in texts], pa.binary()))
    rows = calls.rows.to_pylist()
    found = []
    for text, place, expected in zip(texts, places.tolist(), Parser(abi).parse(texts), strict=True):
        if place < 0 or expected is None:
            found += (
                [(text, "is a call", place >= 0, expected is not None)]
                if (place >= 0) != (expected is not None)
                else []
            )
            continue
        told = calls.names.calls == place
        names = zip(calls.names.fds[told].tolist(), calls.names.texts.filter(pa.array(told)).to_pylist(), strict=True)
        row = {name: rows[place][name] for name in Parsed._fields if name not in ("args", "names")}
        row["args"] = tuple(rows[place][f"arg{index}"] for index in range(6))
        row["names"] = {(fd, name.decode("latin-1")) for fd, name in names if fd >= 0}
        wanted = {**expected._asdict(), "names": {(fd, name) for fd, name in expected.names if fd >= 0}}
        found += [(text, name, row[name], wanted[name]) for name in wanted if row[name] != wanted[name]]
    return found


@pytest.mark.parametrize("seed", range(3))
def test_whatever_a_call_looks_like_both_ways_read_the_same(seed: int) -> None:
    """Made-up calls, right and wrong: the same are understood, and every column is the same."""
    assert differing(made_up(2500, seed)) == []


def test_the_other_abi_has_its_own_numbers() -> None:
    """Of i386 too both ways read the same."""
    assert differing(made_up(500, 9), Abi.I386) == []


def test_nothing_is_no_call() -> None:
    """No text, empty texts, and texts without any bracket."""
    assert differing(["", "x", '"']) == [] and differing([]) == []


def test_common_calls_are_read_at_once() -> None:
    """What makes import quick: plain arguments, strings, structures to skip, names of descriptors."""
    texts = [
        'openat(AT_FDCWD, "/etc/hosts", O_RDONLY|O_CLOEXEC) = 3',
        'read(3</etc/hosts>, "127.0.0.1\\tlocalhost\\n"..., 4096) = 77',
        'newfstatat(AT_FDCWD</r>, "a", {st_mode=S_IFREG|0644, st_size=3, ...}, 0) = 0',
        "close(3)                        = 0",
        'access("/etc/x", R_OK) = -1 ENOENT (No such file or directory)',
    ]
    read_at_once = Bulk(Abi.X86_64).read(pa.array([text.encode() for text in texts], pa.binary()))
    assert read_at_once.calls.tolist() == list(range(len(texts)))


def test_marks_are_where_calls_have_their_parts() -> None:
    """Parentheses and arguments by place; a text that cannot be certain is not common."""
    texts = [b'f(1, "a,b", [2, 3])', b'f("a)', b"f()"]
    ends = np.cumsum([len(text) for text in texts])
    found = marks(np.frombuffer(b"".join(texts), np.uint8), np.concatenate([[0], ends[:-1]]), ends)
    assert found.common.tolist() == [True, False, True]
    whole = b"".join(texts)
    parts = [whole[start:end] for start, end in zip(found.starts.tolist(), found.ends.tolist(), strict=True)]
    assert parts == [b"1", b'"a,b"', b"[2, 3]"] and found.text.tolist() == [0, 0, 0]


def test_lines_without_a_time_have_that_of_the_line_before() -> None:
    """Also at the start of the next block."""
    times, second = Times(0), 10**9
    assert times.absolute(np.array([-1, 5 * 10**8 * second, -1]), {}).tolist() == [0, 5 * 10**17, 5 * 10**17]
    assert times.absolute(np.array([-1, 5 * 10**8 * second + 1]), {}).tolist() == [5 * 10**17, 5 * 10**17 + 1]


def test_ends_of_lines_may_be_those_of_windows(tmp_path: Path) -> None:
    """A log that was copied through an editor or a mail loses nothing."""
    (row, _) = imported(
        tmp_path, "7 1700000000.000001 getpid() = 7 <0.000002>\r\n7 1700000000.5 +++ exited with 0 +++\r\n"
    )
    assert (row["ret"], row["dur_ns"]) == (7, 2000)


def test_a_line_without_an_end_is_cut(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What is no log at all is read in memory that does not grow, and counted."""
    monkeypatch.setattr(log, "CHUNK", 1000)
    monkeypatch.setattr(log, "LONGEST", 3000)
    (tmp_path / "log").write_bytes(bytes(10_000))
    rows, done = bring(tmp_path, "log")
    assert (rows, done.lines, done.strange) == ([], 3, 3)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
@pytest.mark.parametrize("options", ["-f -ttt -T", "-f -ttt -T -yy -s 300 -v"])
def test_real_calls_are_read_the_same_both_ways(tmp_path: Path, options: str) -> None:
    """Of a shell, of Python with threads and of a search; most of them at once."""
    program = "import threading,time; [threading.Thread(target=time.sleep, args=(.01,)).start() for _ in range(3)]"
    script = f"ls / | sort | head -2; cat /nonexistent; find /etc -name 'c*'; {sys.executable} -c '{program}'"
    path = tmp_path / "log"
    command = ["strace", *options.split(), "-o", str(path), "sh", "-c", script]
    subprocess.run(command, cwd=tmp_path, check=False, capture_output=True, timeout=60)
    joiner, texts = Joiner(), dict[str, None]()
    with path.open("rb") as stream:
        for lines in log.read(path, stream):
            joined = joiner.join(lines).texts
            texts.update(dict.fromkeys(joined.some(np.arange(len(joined)))))
    assert len(texts) > 800 and differing(list(texts)) == []
    at_once = Bulk(Abi.X86_64).read(pa.array([text.encode("latin-1") for text in texts], pa.binary()))
    assert len(at_once.calls) > 0.8 * len(texts)
