"""Sets of constants, and values printed with them."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import schemas
from schemas.flags import constant_set, format_enum, format_flags, octal

SETS = sorted(path.stem for path in (Path(schemas.__file__).parent / "flags").glob("*.txt"))


@pytest.mark.parametrize("name", SETS)
def test_set_can_be_read(name: str) -> None:
    """Each file is a set with values; a bit's name is not hidden behind another of the same value."""
    found = constant_set(name)
    assert found.enum or found.flags or found.field


def test_unknown_set() -> None:
    """A set that does not exist is a KeyError, a line that is neither value nor heading a ValueError with its place."""
    with pytest.raises(KeyError):
        constant_set("no_such_set")


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("open", 0o2000000, "O_RDONLY|O_CLOEXEC"),
        ("open", 0o101 | 0o2000, "O_WRONLY|O_CREAT|O_APPEND"),
        ("open", 1 | 8, "O_WRONLY|0x8"),
        ("open", 0o4010000, "O_RDONLY|O_SYNC"),
        ("open", 0o10000, "O_RDONLY|O_DSYNC"),
        ("at", 0, "0"),
        ("at", 1, "0x1 /* AT_??? */"),
        ("at", 0x101, "AT_SYMLINK_NOFOLLOW|0x1"),
        ("access", 0, "F_OK"),
        ("map", 0x22, "MAP_PRIVATE|MAP_ANONYMOUS"),
        ("map", 0x40022 | 21 << 26, "MAP_PRIVATE|MAP_ANONYMOUS|MAP_HUGETLB|21<<MAP_HUGE_SHIFT"),
        ("shmget", 0o1600, "IPC_CREAT|0600"),
        ("shmget", 0, "000"),
        ("sock_type", 0o2000001, "SOCK_STREAM|SOCK_CLOEXEC"),
        ("prot", 3, "PROT_READ|PROT_WRITE"),
    ],
)
def test_flags(name: str, value: int, text: str) -> None:
    """Bits by name in strace's order, what is left in hexadecimal."""
    assert format_flags(name, value) == text


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("whence", 2, "SEEK_END"),
        ("whence", 9, "0x9 /* SEEK_??? */"),
        ("prctl", 0, "0 /* PR_??? */"),
        ("rusage", -1, "RUSAGE_CHILDREN"),
        ("shmctl", 0x102, "IPC_64|IPC_STAT"),
        ("signal", 34, "SIGRT_2"),
    ],
)
def test_enums(name: str, value: int, text: str) -> None:
    """The value's name, or the number with the family of the name that it lacks."""
    assert format_enum(name, value) == text


@given(st.sampled_from(SETS), st.integers(-(2**63), 2**64 - 1), st.sampled_from([32, 64]))
def test_any_value_is_printed(name: str, value: int, bits: int) -> None:
    """Whatever the value, there is a text."""
    found = constant_set(name)
    assert format_enum(name, value, bits) if found.enum is not None else format_flags(name, value, bits)


@pytest.mark.parametrize(("mode", "text"), [(0, "000"), (1, "001"), (0o10, "010"), (0o644, "0644"), (0o4755, "04755")])
def test_octal(mode: int, text: str) -> None:
    """Modes look as C's %#03o makes them."""
    assert octal(mode) == text
