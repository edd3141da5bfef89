"""Offsets of members from a kernel's BTF: in types made by hand, and in the running kernel's."""

import ctypes
import struct

import pytest

from capture.loaders import _libbpf, btf
from capture.loaders.btf import MEMBERS, Btf, offsets

INT, STRUCT, UNION, TYPEDEF, CONST = 1, 4, 5, 8, 10


class Types:
    """BTF made by hand, behind the two functions of libbpf that are asked for it."""

    def __init__(self) -> None:
        self._names = b"\0"
        self._records = [ctypes.create_string_buffer(12)]  # type 0 is void
        self._ids: dict[bytes, int] = {}

    def _name(self, name: str) -> int:
        at = len(self._names)
        self._names += name.encode() + b"\0"
        return at if name else 0

    def add(
        self, name: str, kind: int, of: int = 0, members: tuple[tuple[str, int, int], ...] = (), *, packed: int = 0
    ) -> int:
        """A type; `of` is its size or what it is a name for, members are (name, type, offset as it stands)."""
        info = packed << 31 | kind << 24 | len(members)
        body = b"".join(struct.pack("=III", self._name(member), number, at) for member, number, at in members)
        content = struct.pack("=III", self._name(name), info, of) + body
        self._records.append(ctypes.create_string_buffer(content, len(content)))
        self._ids[name.encode()] = len(self._records) - 1
        return len(self._records) - 1

    def btf__type_by_id(self, _: int, number: int) -> int:
        """Where a type is in memory."""
        return ctypes.addressof(self._records[number])

    def btf__name_by_offset(self, _: int, at: int) -> bytes:
        """A name."""
        return self._names[at : self._names.index(b"\0", at)]

    def btf__find_by_name_kind(self, _: int, name: bytes, kind: int) -> int:
        """The number of a type; -2 if there is none."""
        return self._ids.get(name, -2)


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Btf:
    """task { int pid; const inner_t in; union { int a; struct { int x, b; }; }; } and a packed structure."""
    types = Types()
    number = types.add("int", INT, 4)
    inner = types.add("inner", STRUCT, 8, (("first", number, 0), ("second", number, 32)))
    alias = types.add("", CONST, types.add("inner_t", TYPEDEF, inner))
    pair = types.add("", STRUCT, 8, (("x", number, 0), ("b", number, 32)))
    choice = types.add("", UNION, 8, (("a", number, 0), ("", pair, 0)))
    types.add("task", STRUCT, 32, (("pid", number, 0), ("in", alias, 64), ("", choice, 192), ("last", number, 224)))
    types.add("bits", STRUCT, 8, (("flag", number, 3 << 24 | 32), ("pid", number, 64)), packed=1)
    monkeypatch.setattr(_libbpf, "library", lambda: types)
    return Btf(1)


@pytest.mark.parametrize(
    ("structure", "path", "offset"),
    [
        ("task", "pid", 0),
        ("task", "in", 8),
        ("task", "in.second", 12),
        ("task", "a", 24),
        ("task", "b", 28),
        ("task", "last", 28),
        ("bits", "flag", 4),
        ("bits", "pid", 8),
        ("task", "no", None),
        ("task", "in.no", None),
        ("task", "pid.no", None),
        ("no", "pid", None),
    ],
)
def test_offsets(kernel: Btf, structure: str, path: str, offset: int | None) -> None:
    """Through names, qualifiers, members of members and nameless ones; what is not there has none."""
    assert kernel.offset(structure, path) == offset


def test_the_running_kernel() -> None:
    """Members that every kernel has are found, apart from each other; one that it lacks is -1."""
    try:
        found = offsets()
    except OSError as error:
        pytest.skip(f"no BTF here: {error}")
    assert found.keys() == MEMBERS.keys()
    task = {name: found[name] for name, (structure, _) in MEMBERS.items() if structure == "task_struct"}
    assert all(offset >= 0 for offset in task.values())
    assert len(set(task.values())) == len(task)
    assert found["tgid"] - found["pid"] == 4
    assert 0 <= found["arg_start"] == found["arg_end"] - 8


def test_a_member_that_the_kernel_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Is -1, for the program to leave its column NULL."""
    monkeypatch.setattr(btf, "MEMBERS", {"pid": ("task_struct", "pid"), "no": ("task_struct", "no_such_member")})
    try:
        assert offsets()["no"] == -1
    except OSError as error:
        pytest.skip(f"no BTF here: {error}")
