"""What schemas.decode prints, held against the real strace: any call, any arguments.

refused_calls.c makes calls that the kernel refuses, so strace prints them and nothing happens.
"""

import random
import re
import shutil
import socket
import struct
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

import schemas
from schemas.decode import Row, format_args, format_result
from schemas.record import Abi
from schemas.syscalls import Call, table
from tests.often import often

SOURCE = Path(__file__).parent / "refused_calls.c"
BASE = 0x10000000
DATA = 0x100000
"""Where the data begins in the file, and so behind BASE."""
WORD = 2**64 - 1
ENOSYS = -38

NEWEST = 450
"""The last call that strace 6.1 knows."""

BYPASSES_THE_FILTER = {"rt_sigreturn", "uretprobe", "uprobe", "exit_group"}
"""The probes are not seccomp's, rt_sigreturn's argument is the stack, and one exit_group ends the test."""

NOT_DECODED = {
    "quotactl": "its command has parts, and each has arguments of its own",
    "quotactl_fd": "as quotactl",
    "keyctl": "each operation has arguments of its own",
    "ptrace": "offsets of registers and kinds of register sets have names",
    "mbind": "strace puts the flags of its mode before the mode",
    "set_mempolicy": "as mbind",
    "semget": "strace leaves out the bar between unknown flags and the mode",
    "msgget": "as semget",
    "restart_syscall": "strace names the call that is restarted",
}

Calls = list[tuple[Call, list[int], Row]]


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """refused_calls, compiled."""
    if shutil.which("cc") is None or shutil.which("strace") is None:
        pytest.skip("needs cc and strace")
    target = tmp_path_factory.mktemp("decode") / "refused_calls"
    subprocess.run(["cc", "-Wall", "-O1", "-o", str(target), str(SOURCE)], check=True)
    return target


def traced(program: Path, calls: Calls, data: bytes = b"") -> list[str]:
    """What strace prints of each call."""
    records = b"".join(
        struct.pack("<7Q", call.nr, *(word & WORD for word in (*args, *[0] * (6 - len(args)))))
        for call, args, _ in calls
    )
    listed = program.with_suffix(".calls")
    listed.write_bytes((records + struct.pack("<Q", WORD)).ljust(DATA, b"\0") + data)
    out = program.with_suffix(".strace")
    run = subprocess.run(
        ["strace", "-q", "-s", "4096", "-o", str(out), str(program), str(listed)], capture_output=True, text=True
    )
    if "ptrace" in run.stderr:
        pytest.skip(f"strace cannot trace here: {run.stderr.splitlines()[0]}")
    lines = out.read_text().splitlines()
    first = next(index for index, line in enumerate(lines) if "SECCOMP_MODE_FILTER" in line) + 1
    return [re.sub(r"\)\s+= ", ") = ", line) for line in lines[first : first + len(calls)]]


def printed(call: Call, args: list[int], row: Row) -> str:
    """What schemas.decode prints of a call."""
    row.args, row.ret = [*args, *[0] * (6 - len(args))], ENOSYS
    return f"{call.name}({format_args(call, row)}) = {format_result(call, row)}"


def newer_names() -> re.Pattern[str]:
    """The names in schemas/flags that strace 6.1 does not know: the lines that say so, or stand under one that does."""
    names = []
    for path in (Path(schemas.__file__).parent / "flags").glob("*.txt"):
        before, _, after = path.read_text().partition("\n# newer than strace 6.1\n")
        lines = [*(line for line in before.splitlines() if "# newer" in line), *after.splitlines()]
        names += [line.split()[1] for line in lines if line[0].isdigit()]
    return re.compile(r"\b(" + "|".join(names) + r")\b")


def value_of(kind: str, dice: random.Random) -> int:
    """An argument of this kind that brings out what is particular about it; signed, as a capture holds it."""
    bits = 64 if "64" in kind else 32
    if kind.startswith("flags"):
        value = sum({1 << dice.randrange(bits) for _ in range(dice.randint(0, 4))})
    elif kind.startswith("enum"):
        value = dice.choice([dice.randrange(48), dice.randrange(12), 0x100 + dice.randrange(20), 2**32 - 1])
    elif kind in ("size", "uint"):
        value = dice.choice([1, 2, 33, 4096, dice.getrandbits(31) + 1, WORD])
    elif kind in ("fd", "dirfd", "int", "pid", "id", "signal", "serial", "mode", "off", "hex", "hex32", "dev"):
        small = [0, 1, 2, 9, 15, 17, 34, 64, 65, 0o644, 0o1777, 2**32 - 100, 2**32 - 1, WORD]
        value = dice.choice([*small, dice.getrandbits(31), dice.getrandbits(64)])
    else:
        value = dice.choice([0, WORD, 0xFFFF_FFFF_FFFF_0000 | dice.getrandbits(16)])
    return value - 2**64 if value >> 63 else value


@pytest.mark.parametrize("seed", range(often(3, 100)))
def test_any_arguments_print_as_strace_prints_them(program: Path, seed: int) -> None:
    """Random arguments of the right kinds: the same line as strace's for every call but those listed with a reason."""
    dice = random.Random(seed)
    left_out = BYPASSES_THE_FILTER | NOT_DECODED.keys()
    known = [call for call in table(Abi.X86_64).by_number.values() if call.nr <= NEWEST and call.name not in left_out]
    described = [call for call in known if call.kinds]
    calls: Calls = [
        (call, [value_of(kind, dice) for kind in call.kinds], Row([])) for call in described for _ in range(8)
    ]
    lines = traced(program, calls)
    newer = newer_names()
    pairs = [(line, printed(*call)) for call, line in zip(calls, lines, strict=True)]
    differing = [(line, ours) for line, ours in pairs if line != ours and not newer.search(ours)]
    by_name = Counter(line.partition("(")[0] for line, _ in differing)
    assert len(differing) <= len(calls) // 200, f"{by_name}\n" + "\n".join(map("\n   ".join, differing[:20]))


def test_calls_with_few_arguments_have_kinds() -> None:
    """Every call of x86_64 that takes arguments says what they are, but for those that no kernel has any more."""
    gone = {"uselib", "_sysctl", "create_module", "get_kernel_syms", "query_module", "nfsservctl"}
    silent = {call.name for call in table(Abi.X86_64).by_number.values() if call.args and not call.kinds}
    assert silent <= gone


def literal(data: bytearray, value: bytes) -> int:
    """Put bytes into the data; returns their address."""
    at = BASE + DATA + len(data)
    data += value + b"\0" * (8 - len(value) % 8)
    return at


STRINGS = ["/etc/hosts", "", "a b", 'qu"ote\\', "tab\tnew\nline", "\x01y\x019", "é", "\x7f", "x" * 4095, "\x1b[31m"]


@pytest.mark.parametrize("text", STRINGS)
def test_paths_print_as_strace_prints_them(program: Path, text: str) -> None:
    """Quotes, control characters and what is not ASCII are escaped alike; long paths are whole."""
    native = table(Abi.X86_64).by_name
    data = bytearray()
    address = literal(data, text.encode())
    other = literal(data, b"/other")
    calls: Calls = [
        (native["openat"], [-100, address, 0x80000, 0], Row([], path=text)),
        (native["rename"], [address, other], Row([], path=text, path2="/other")),
        (native["symlinkat"], [address, 7, other], Row([], path=text, path2="/other")),
        (native["execve"], [address, 0, 0], Row([], path=text)),
    ]
    assert traced(program, calls, bytes(data)) == [printed(*call) for call in calls]


def test_bytes_that_are_not_utf8(program: Path) -> None:
    """A row with flag 16 prints the bytes that the program gave."""
    data = bytearray()
    calls: Calls = [
        (
            table(Abi.X86_64).by_name["chdir"],
            [literal(data, b"/\xff\\\xc3x")],
            Row([], path=r"/\xff\\\xc3x", escaped=True),
        )
    ]
    assert traced(program, calls, bytes(data)) == [printed(*call) for call in calls]


def test_arguments_of_a_program(program: Path) -> None:
    """argv is the command line, split as the shell does."""
    data = bytearray()
    words = ["true", "a b", 'c"d', "it's", ""]
    vector = struct.pack(f"<{len(words) + 1}Q", *[literal(data, word.encode()) for word in words], 0)
    argv, path = literal(data, vector), literal(data, b"/bin/true")
    row = Row([], path="/bin/true", cmdline="""true 'a b' 'c"d' 'it'"'"'s' ''""")
    calls: Calls = [(table(Abi.X86_64).by_name["execve"], [path, argv, 0], row)]
    assert traced(program, calls, bytes(data)) == [printed(*call) for call in calls]


def inet(host: str, port: int) -> bytes:
    """A struct sockaddr_in."""
    return struct.pack("<H", socket.AF_INET) + struct.pack(">H", port) + socket.inet_aton(host) + bytes(8)


def inet6(host: str, port: int) -> bytes:
    """A struct sockaddr_in6."""
    address = socket.inet_pton(socket.AF_INET6, host)
    return struct.pack("<H", socket.AF_INET6) + struct.pack(">HI", port, 0) + address + bytes(4)


def unix(path: bytes) -> bytes:
    """A struct sockaddr_un, as short as its path allows."""
    return struct.pack("<H", socket.AF_UNIX) + path


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("10.0.0.7:443", lambda: inet("10.0.0.7", 443)),
        ("[::1]:53", lambda: inet6("::1", 53)),
        ("[fe80::1:2]:65535", lambda: inet6("fe80::1:2", 65535)),
        ("unix:/run/x.sock", lambda: unix(b"/run/x.sock\0")),
        ('unix:@abs"t', lambda: unix(b'\0abs"t')),
        ("unix:", lambda: unix(b"")),
        ("netlink:77", lambda: struct.pack("<HHII", socket.AF_NETLINK, 0, 77, 0)),
    ],
)
def test_socket_addresses_print_as_strace_prints_them(program: Path, text: str, address: Callable[[], bytes]) -> None:
    """The column `addr` holds enough for strace's structure."""
    native = table(Abi.X86_64).by_name
    data = bytearray()
    raw = address()
    at = literal(data, raw)
    calls: Calls = [
        (native["connect"], [3, at, len(raw)], Row([], addr=text)),
        (native["sendto"], [3, 0, 0, 0x4000, at, len(raw)], Row([], addr=text)),
    ]
    assert traced(program, calls, bytes(data)) == [printed(*call) for call in calls]


def test_buffers_print_as_strace_prints_them(program: Path) -> None:
    """Bytes that the program gives are printed whether the call succeeds or not."""
    data = bytearray()
    content = b"line\n\0\x01" + bytes(range(256))
    row = Row([], data=content, shown=4096)
    calls: Calls = [(table(Abi.X86_64).by_name["write"], [1, literal(data, content), len(content)], row)]
    assert traced(program, calls, bytes(data)) == [printed(*call) for call in calls]
