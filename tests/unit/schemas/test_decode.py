"""Arguments and results as strace prints them, without strace (tests/contract/test_decode_strace.py has it)."""

import pytest

from schemas.decode import Row, call_of, format_args, format_result
from schemas.decode.text import quote_part
from schemas.record import Abi
from schemas.syscalls import X32_BIT, Call, table
from schemas.text import to_bytes


def native(name: str) -> Call:
    """A call of x86_64."""
    return table(Abi.X86_64).by_name[name]


def test_call_of_finds_the_table() -> None:
    """By number and ABI; x32's bit is no part of the number."""
    read, execve = call_of(0, Abi.X86_64), call_of(X32_BIT | 520, Abi.X32)
    assert read and read.name == "read"
    assert execve and execve.name == "execve"
    assert call_of(-1, Abi.X86_64) is None


def test_unknown_call_has_raw_arguments() -> None:
    """Six words, as the registers hold them."""
    assert format_args(None, Row([0, 1, -1, 2, 3, 4])).split(", ")[:2] == ["0", "0x1"]


def test_other_machines_share_the_decoders() -> None:
    """i386's and aarch64's calls with the same arguments print alike; clone's order is taken from its table."""
    for abi in (Abi.I386, Abi.AARCH64):
        openat, clone = table(abi).by_name["openat"], table(abi).by_name["clone"]
        assert format_args(openat, Row([0xFFFF_FF9C, 5, 0, 0, 0, 0], path="/x")) == 'AT_FDCWD, "/x", O_RDONLY'
        assert (
            format_args(clone, Row([0x80011, 0, 0, 7, 0, 0])) == "child_stack=NULL, flags=CLONE_SETTLS|SIGCHLD, tls=0x7"
        )


def test_descriptors_have_names_if_somebody_knows_them() -> None:
    """As strace -y: `3</etc/hosts>`, for the directory and the result too."""
    names = {3: "/etc/hosts", -100: "/root"}
    row = Row([-100, 5, 0, 0], ret=3, path="hosts", name_of_fd=names.get)
    assert format_args(native("openat"), row) == 'AT_FDCWD</root>, "hosts", O_RDONLY'
    assert format_result(native("openat"), row) == "3</etc/hosts>"
    assert format_args(native("close"), Row([4], name_of_fd=names.get)) == "4"


def test_the_kernels_buffers_are_shown_when_filled() -> None:
    """What read returned, 32 bytes of it and dots; an address if it failed."""
    data = b"0123456789" * 4
    assert (
        format_args(native("read"), Row([3, 9, 100], ret=40, data=data))
        == '3, "01234567890123456789012345678901"..., 100'
    )
    assert format_args(native("read"), Row([3, 9, 100], ret=3, data=data)) == '3, "012", 100'
    assert format_args(native("read"), Row([3, 9, 100], ret=-9, data=data)) == "3, 0x9, 100"
    assert format_args(native("write"), Row([1, 9, 3], ret=-9, data=b"abc")) == '1, "abc", 3'


@pytest.mark.parametrize(
    ("name", "args", "ret", "text"),
    [
        ("getpid", [], 42, "42"),
        ("getpid", [], None, "?"),
        ("openat", [0, 0, 0, 0], -2, "-1 ENOENT (No such file or directory)"),
        ("read", [0, 0, 0], -512, "? ERESTARTSYS (To be restarted if SA_RESTART is set)"),
        ("mmap", [0] * 6, 0x7F00_0000_0000, "0x7f0000000000"),
        ("brk", [0], 0x5555_0000, "0x55550000"),
        ("poll", [0, 0, 1], 0, "0 (Timeout)"),
        ("umask", [0o77], 0o22, "022"),
        ("fcntl", [0, 3, 0], 0x8002, "0x8002 (flags O_RDWR|O_LARGEFILE)"),
        ("fcntl", [0, 1, 0], 1, "0x1 (flags FD_CLOEXEC)"),
        ("fcntl", [0, 1, 0], 0, "0"),
        ("lseek", [0, 0, 0], 2**40, "1099511627776"),
    ],
)
def test_results(name: str, args: list[int], ret: int | None, text: str) -> None:
    """A number, an address, flags, an error, or nothing yet."""
    assert format_result(native(name), Row(args, ret=ret)) == text


def test_accepted_addresses_are_shown_on_success_only() -> None:
    """The kernel fills them; a failed call leaves an address."""
    accepted = Row([3, 0x7FFD, 0x7FFE, 0], ret=4, addr="10.0.0.7:443")
    assert format_args(native("accept4"), accepted).startswith("3, {sa_family=AF_INET, sin_port=htons(443)")
    accepted.ret = -11
    assert format_args(native("accept4"), accepted) == "3, 0x7ffd, 0x7ffe, 0"


def test_text_comes_back_as_bytes() -> None:
    """Only rows with flag 16 are escaped; a part of a buffer ends in dots."""
    assert to_bytes(r"\xff\\", escaped=True) == b"\xff\\"
    assert to_bytes(r"\xff\\", escaped=False) == rb"\xff\\"
    assert quote_part(b"abcdef", 6, 3) == '"abc"...'
    assert quote_part(b"abc", 3, 3) == '"abc"'


def test_two_descriptors_that_the_kernel_made() -> None:
    """pipe and socketpair print both, from the captured bytes, with the name of each where names are shown."""
    call, socketpair = (table(Abi.X86_64).by_name[name] for name in ("pipe2", "socketpair"))
    data = b"\3\0\0\0\4\0\0\0"
    assert format_args(call, Row([16, 0o2000000], 0, data=data)) == "[3, 4], O_CLOEXEC"
    named = Row([16, 0], 0, path2="pipe:[7]", data=data, name_of_fd={}.get)
    assert format_args(call, named) == "[3<pipe:[7]>, 4<pipe:[7]>], 0"
    pair = Row([1, 1, 0, 16], 0, path2="socket:[1] socket:[2]", data=data, name_of_fd={}.get)
    assert format_args(socketpair, pair) == "AF_UNIX, SOCK_STREAM, 0, [3<socket:[1]>, 4<socket:[2]>]"
    assert format_args(call, Row([16, 0], -14)) == "0x10, 0"


def test_deleted_files_and_families_without_a_form() -> None:
    """What strace prints behind the bracket; a family of which only the number was kept has a name."""
    close, connect, socket = (table(Abi.X86_64).by_name[name] for name in ("close", "connect", "socket"))
    assert format_args(close, Row([3], 0, name_of_fd={3: "/tmp/x (deleted)"}.get)) == "3</tmp/x>(deleted)"
    assert format_args(connect, Row([3, 16, 16], 0, addr="family 0")) == "3, {sa_family=AF_UNSPEC, ...}, 16"
    assert format_args(socket, Row([17, 3, 0x300])) == "AF_PACKET, SOCK_RAW, htons(ETH_P_ALL)"
