"""Paths, addresses, arguments and names in the rows: whole, apart, and as they can be turned back."""

import shlex
import struct

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capture.arrays import binaries
from capture.found import found_names
from capture.ring import as_words
from capture.texts import command_line
from schemas.record import Flag, Kind
from schemas.text import to_bytes
from tests.unit.capture.records import columns, padded, pieces, record, row_of, rows_of

UNIX = struct.pack("=H", 1)


def path_of(path: bytes | None, path2: bytes | None = None, flags: int = 0) -> tuple[str | None, str | None, int]:
    """Both paths and the flags of a rename's row."""
    row = row_of(record("renameat2", flags=flags), pieces(path, path2))
    return row["path"], row["path2"], row["flags"]


def test_empty_is_not_absent() -> None:
    """An empty string is a path; NULL is none; one that was not readable is NULL and says so by its flag."""
    assert path_of(b"", b"") == ("", "", 0)
    assert path_of(None, b"/b") == (None, "/b", 0)
    assert path_of(b"/a", None) == ("/a", None, 0)
    assert path_of(None, None) == (None, None, 0)
    assert path_of(None, b"/b", Flag.PATH_UNREADABLE) == (None, "/b", Flag.PATH_UNREADABLE)


def test_paths_are_whole() -> None:
    """Two paths of the greatest length, byte by byte."""
    first, second = b"/" + b"a" * 4094, b"/" + b"b" * 4094
    assert path_of(first, second) == (first.decode(), second.decode(), 0)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(*[st.none() | st.binary(max_size=20)] * 3), min_size=1, max_size=10))
def test_each_piece_is_in_its_row_and_column(given_pieces: list[tuple[bytes | None, ...]]) -> None:
    """Whatever is absent, empty or no text: paths and bytes of each row are its own, and can be turned back."""
    payloads = [pieces(path, path2, None, data) for path, path2, data in given_pieces]
    rows = rows_of([record("read")] * len(payloads), payloads)
    for row, (path, path2, data) in zip(rows, given_pieces, strict=True):
        assert row["data"] == data
        for name, piece in (("path", path), ("path2", path2)):
            text = row[name]
            back = (
                to_bytes(text, escaped=True)
                if text is not None and row["flags"] & Flag.ESCAPED
                else text and text.encode()
            )
            assert (back or b"") == (piece or b"") and (text is None) == (piece is None)
    assert {row["flags"] for row in rows} <= {0, Flag.ESCAPED}


def test_only_the_row_that_is_no_text_is_escaped() -> None:
    r"""One bad byte in one text: all texts of that row are escaped, backslashes too; rows beside it are verbatim."""
    bad, good = rows_of(
        [record("renameat2", comm=b"c\\t"), record("renameat2", comm=b"c\\t")],
        [pieces(b"/a\xff", b"/b\\c"), pieces(b"/a\\xff", b"/b\\c")],
    )
    assert (bad["path"], bad["path2"], bad["comm"], bad["flags"]) == ("/a\\xff", "/b\\\\c", "c\\\\t", Flag.ESCAPED)
    assert (good["path"], good["path2"], good["comm"], good["flags"]) == ("/a\\xff", "/b\\c", "c\\t", 0)


@pytest.mark.parametrize("bad", ["comm", "path", "path2", "addr", "cmdline", "cgroup"])
def test_any_text_column_may_be_what_is_escaped(bad: str) -> None:
    """Whichever column it is: flag 16, and a backslash in every other one of the row is doubled."""
    tail = {bad: b"\xe9"}.get
    one = record(
        kind=Kind.PROCESS, comm=b"m\\" + tail("comm", b""), flags=Flag.TRUNCATED, cgroup=8 if bad == "cgroup" else 7
    )
    payload = pieces(
        b"p\\" + tail("path", b""),
        b"q\\" + tail("path2", b""),
        UNIX + b"u\\" + tail("addr", b""),
        b"'\\\0" + tail("cmdline", b"x") + b"\0",
    )
    row = rows_of([record("read"), one], [None, payload])[1]
    assert row["flags"] == Flag.ESCAPED | Flag.TRUNCATED
    assert to_bytes(row["comm"], escaped=True) == b"m\\" + tail("comm", b"")
    assert to_bytes(row["path"], escaped=True) == b"p\\" + tail("path", b"")
    assert to_bytes(row["path2"], escaped=True) == b"q\\" + tail("path2", b"")
    assert to_bytes(row["addr"], escaped=True) == b"unix:u\\" + tail("addr", b"")
    assert to_bytes(row["cmdline"], escaped=True) == command_line(b"'\\\0" + tail("cmdline", b"x") + b"\0")
    assert row["cgroup"] == ("/caf\\xe9" if bad == "cgroup" else "/system.slice/db.service")


def test_bytes_of_a_buffer_are_no_text() -> None:
    """They need no escape, and make none."""
    row = row_of(record("write"), pieces(data=b"\xff\\\0"))
    assert (row["data"], row["flags"], row["cmdline"]) == (b"\xff\\\0", 0, None)


def test_names_end_at_their_nul() -> None:
    """What stands behind the end of a name in the kernel's 16 bytes is no part of it; 15 bytes fit."""
    rows = rows_of([record("read", comm=b"sh\0old name"), record("read", comm=b"a" * 15), record("read", comm=b"")])
    assert [row["comm"] for row in rows] == ["sh", "a" * 15, ""]


def test_groups_without_a_name_are_null() -> None:
    """Group 0 is none at all, and a number that has no path any more is NULL."""
    rows = rows_of([record("read", cgroup=group) for group in (7, 0, 99, 7)])
    assert [row["cgroup"] for row in rows] == ["/system.slice/db.service", None, None, "/system.slice/db.service"]


def test_an_address_that_is_none_is_null() -> None:
    """Too short to have a family; the row beside it has its own."""
    rows = rows_of([record("connect")] * 3, [pieces(addr=b"\1"), pieces(addr=UNIX + b"/run/x\0"), pieces(addr=b"")])
    assert [row["addr"] for row in rows] == [None, "unix:/run/x", None]


def test_arguments_are_of_programs_alone() -> None:
    """The last piece is cmdline on exec and process rows and on execve calls, failed ones too; else data."""
    rows = rows_of(
        [record("execve", ret=-2), record("read"), record(kind=Kind.EXEC), record("execveat")],
        [pieces(b"/x", data=b"x\0")] * 4,
    )
    assert [(row["cmdline"], row["data"]) for row in rows] == [("x", None), (None, b"x\0"), ("x", None), ("x", None)]


WORD = st.binary(max_size=8).map(lambda word: word.replace(b"\0", b""))


@settings(deadline=None)
@given(st.lists(WORD, min_size=1))
def test_command_lines_are_quoted_as_shlex_does(arguments: list[bytes]) -> None:
    """A shell would read the same arguments from it, whatever bytes they are of."""
    line = command_line(b"".join(word + b"\0" for word in arguments)).decode(errors="surrogateescape")
    words = [word.decode(errors="surrogateescape") for word in arguments]
    assert line == shlex.join(words)
    assert shlex.split(line) == words


def test_command_lines_without_an_end() -> None:
    """No arguments is an empty line; a program that wrote over its arguments may have left the last NUL out."""
    assert command_line(b"") == b""
    assert command_line(b"nginx: worker") == b"'nginx: worker'"
    assert command_line(b"\0") == b"''"
    assert command_line(b"a\0\0") == b"a ''"


@pytest.mark.parametrize(
    ("piece", "name"),
    [
        (b"fpasswd\0etc\0", b"/etc/passwd"),
        (b"f", b"/"),
        (b"s" + struct.pack("=Q", 4242), b"socket:[4242]"),
        (b"s" + struct.pack("=QQ", 4242, 7), b"socket:[4242] socket:[7]"),
        (b"p" + struct.pack("=Q", 2**64 - 1), b"pipe:[18446744073709551615]"),
    ],
)
def test_what_the_kernel_found(piece: bytes, name: bytes) -> None:
    """As /proc/PID/fd shows it; a call's second path where it makes a descriptor, whatever path it was given."""
    assert found_names(binaries([piece])).to_pylist() == [name]
    rows = rows_of([record("openat", ret=3), record("renameat2")], [pieces(b"x", piece), pieces(b"y", b"fz")])
    assert [(row["path"], row["path2"]) for row in rows] == [("x", name.decode()), ("y", "fz")]


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from([b"f", b"s", b"p", b""]), st.binary(max_size=20)).map(b"".join)))
def test_whatever_was_found_has_a_name(found: list[bytes]) -> None:
    """Nothing that stands in a ring makes it raise; what is a file is named as by its names one by one."""
    names = found_names(binaries(found)).to_pylist()
    for piece, name in zip(found, names, strict=True):
        assert name if piece[:1] != b"f" else name == b"/" + b"/".join(reversed(piece[1:].split(b"\0")[:-1]))


def test_few_long_pieces_among_many_rows_take_no_more_memory_than_they_have() -> None:
    """A command line of 32 KB in one row of many: the rows without one must not be given room for as much each."""
    rows = 100_000
    words = as_words(np.concatenate([record("execve"), record("read")])).repeat([1, rows], axis=0)
    payload = padded(pieces(b"/bin/x", None, None, b"x" * 32_000 + b"\0"))
    content = np.zeros(16 << 20, np.uint8)
    far = len(content) - len(payload) - len(payload) % 8
    content[: len(payload)] = content[far : far + len(payload)] = np.frombuffer(payload, np.uint8)
    words[0, -1] = words[0, -1] & ~np.uint64(0xFFFF_FFFF)
    words[-1] = words[0]
    words[-1, -1] += np.uint64(far)
    before = pa.default_memory_pool().max_memory()
    batch = columns().batch(np.ascontiguousarray(words.T), np.zeros(len(words), np.int16), content)
    assert batch.column("cmdline").null_count == rows - 1
    assert pa.default_memory_pool().max_memory() - before < 256 << 20
