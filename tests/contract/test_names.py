"""What a capture says of descriptors and paths that are hard to know, held against what the program itself saw."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from analyze import open_capture
from schemas.record import Flag
from tests.contract.harness import record

pytestmark = [pytest.mark.root, pytest.mark.bpf]

DESCRIPTORS = """
import json, os, socket
def behind(fd): return os.readlink(f"/proc/self/fd/{fd}")
left, right = socket.socketpair(); ends = os.pipe()
os.write(left.fileno(), b"to the right"); os.write(right.fileno(), b"to the left"); os.write(ends[1], b"through")
names = [behind(left.fileno()), behind(right.fileno()), behind(ends[1])]
socket.send_fds(left, [b"x"], [os.open("/etc/passwd", os.O_RDONLY)])
before = os.open("/etc/group", os.O_RDONLY); os.close(before)
message, (passed,), _, _ = socket.recv_fds(right, 100, 1)
os.lseek(passed, 7, os.SEEK_SET)
print(json.dumps({"names": names, "passed": passed, "before": before, "truth": behind(passed)}))
"""

FAULTS = """
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
def absent(text):
    fd = os.open(f"page {len(os.listdir())}", os.O_RDWR | os.O_CREAT)
    os.write(fd, text + bytes(1)); os.fsync(fd); os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    return libc.mmap(None, 4096, 1, 2, fd, 0)
libc.open(ctypes.c_void_p(absent(b"/nowhere/not resident")), 0)
libc.rename(ctypes.c_void_p(absent(b"/nowhere/from")), ctypes.c_void_p(absent(b"/nowhere/to")))
libc.open(ctypes.c_void_p(8), 0)
null = (ctypes.c_void_p * 1)()
libc.execve(ctypes.c_void_p(absent(b"/nowhere/program")), null, null)
words = (ctypes.c_void_p * 3)(absent(b"true"), absent(b"an argument"), None)
libc.execve(ctypes.c_void_p(absent(sys.argv[1].encode())), words, null)
"""


def test_pairs_have_the_names_that_they_have_in_proc_and_what_came_over_a_socket_has_none(tmp_path: Path) -> None:
    """Each end of a socketpair by its inode; what SCM_RIGHTS brings is unknown, not what its number was."""
    recording = record(tmp_path / "t.parquet", command=[sys.executable, "-c", DESCRIPTORS])
    seen: dict[str, Any] = json.loads(recording.out)
    assert (seen["passed"], seen["truth"]) == (seen["before"], "/etc/passwd")
    with open_capture(str(recording.path)) as capture:
        written = capture.sql(
            "SELECT file FROM calls WHERE syscall = 'write' AND fd > 2 AND ret IN (7, 11, 12) ORDER BY ts"
        )
        assert [row[0] for row in written.rows()] == seen["names"]
        moved = capture.sql("SELECT file FROM calls WHERE syscall = 'lseek' AND arg1 = 7 AND ret = 7")
        assert list(moved.rows()) == [(None,)]


def test_paths_on_pages_that_are_not_there_are_read(tmp_path: Path) -> None:
    """The call brings the page in, so the path is there at its return; execve is read at entry, and then once more."""
    true = "/usr/bin/true"
    recording = record(tmp_path / "t.parquet", command=[sys.executable, "-c", FAULTS, true], cwd=tmp_path)
    rows = recording.calls(syscall=("open", "openat", "rename", "execve")).to_pylist()
    nowhere = [(row["syscall"], row["path"], row["path2"]) for row in rows if "nowhere" in (row["path"] or "")]
    assert [(path, path2) for _, path, path2 in nowhere] == [
        ("/nowhere/not resident", None),
        ("/nowhere/from", "/nowhere/to"),
        ("/nowhere/program", None),
    ]
    assert [(row["path"], row["cmdline"]) for row in rows if row["syscall"] == "execve"][-1] == (
        true,
        "true 'an argument'",
    )
    unreadable = [row for row in rows if row["flags"] & Flag.PATH_UNREADABLE]
    assert [(row["path"], row["errno"]) for row in unreadable] == [(None, "EFAULT")]
