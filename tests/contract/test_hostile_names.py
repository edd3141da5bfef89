"""Names that anybody can choose, from a real program through every output: none reaches a terminal, all come back."""

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from schemas.record import Flag
from schemas.text import to_bytes
from tests.contract.harness import CAPTURE, Recording, record

pytestmark = [pytest.mark.root, pytest.mark.bpf]

ANALYZE = str(Path(CAPTURE).with_name("analyze"))
PATHS = [
    b"/new\nline",
    b"/\x1b[2J\x1b]0;owned\x07",
    b"/invalid \xff\xfe\xc3",
    b"/back\\slash \\x41",
    b"/\xc2\x9b31m\xe2\x80\xae",
    b"/quo\"te's, and comma",
    b"/" + b"x" * 4094,
]
COMM = b'q"uo\x1bte\xff\n'
PROGRAM = """
import ctypes, os, sys
for path in map(bytes.fromhex, sys.argv[2:]):
    try: os.open(path, os.O_RDONLY)
    except OSError: pass
ctypes.CDLL(None).prctl(15, ctypes.c_char_p(bytes.fromhex(sys.argv[1])))
os.fstat(0)
os.execv("/bin/true", [bytes.fromhex(word) for word in sys.argv[2:]])
"""
COMMAND = [sys.executable, "-c", PROGRAM, COMM.hex(), *(path.hex() for path in PATHS)]


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    """A capture of the program."""
    return record(tmp_path_factory.mktemp("hostile") / "t.parquet", command=COMMAND)


def analyze(*words: str) -> str:
    """What `analyze` prints. Raises UnicodeDecodeError where that is no UTF-8."""
    return subprocess.run([ANALYZE, *words], capture_output=True, check=True, timeout=60).stdout.decode()


def is_plain(text: str) -> bool:
    """Whether a terminal only prints the text."""
    return all(character.isprintable() or character == "\n" for character in text)


def test_the_file_holds_them_reversibly(recording: Recording) -> None:
    """Paths, thread names and arguments come back byte for byte; flag 16 says where they are escaped."""
    rows = recording.calls().to_pylist()
    opened = [to_bytes(row["path"], escaped=bool(row["flags"] & Flag.ESCAPED)) for row in rows if row["path"]]
    assert [path for path in opened if path in PATHS] == PATHS
    names = {to_bytes(row["comm"], escaped=bool(row["flags"] & Flag.ESCAPED)) for row in rows}
    assert COMM in names
    ran = next(row for row in rows if row["path"] == "/bin/true")
    words = to_bytes(ran["cmdline"], escaped=bool(ran["flags"] & Flag.ESCAPED))
    split = subprocess.run([b"sh", b"-c", b"printf '%s\\0' " + words], capture_output=True, check=True).stdout
    assert split.split(b"\0")[:-1] == PATHS


@pytest.mark.parametrize(
    "words",
    [
        "show",
        "show -y -v",
        "show --resumed",
        "tree",
        "top --by comm",
        "top --by path",
        "files",
        "processes",
        "slowest -n 0",
        "errors",
        "export --to strace",
    ],
)
def test_no_output_for_people_lets_them_through(recording: Recording, words: str) -> None:
    """Every character is printable, whatever the names hold."""
    command, *options = words.split()
    said = analyze(command, str(recording.path), *options)
    assert said.strip()
    assert is_plain(said), [character for character in said if not character.isprintable()][:5]


def test_outputs_for_programs_hold_them_whole(recording: Recording) -> None:
    """JSON and CSV give the paths as the file has them, and so byte for byte."""
    wanted = sorted(PATHS)
    rows = json.loads(analyze("show", str(recording.path), "--format", "json"))
    table = list(csv.DictReader(io.StringIO(analyze("show", str(recording.path), "--format", "csv"), newline="")))
    for found in (rows, table):
        paths = [to_bytes(row["path"], escaped=bool(int(row["flags"]) & Flag.ESCAPED)) for row in found if row["path"]]
        assert sorted(path for path in paths if path in PATHS) == wanted


def test_live_lines_let_nothing_through() -> None:
    """`capture` without -w prints to a terminal too."""
    done = subprocess.run([CAPTURE, "-e", "openat,execve", "--", *COMMAND], capture_output=True, timeout=60)
    said = done.stdout.decode()
    assert is_plain(said)
    assert r"/new\nline" in said and r"\33[2J" in said and r"\377\376\303" in said and "x" * 4094 in said
