"""The tables, held against this machine's headers and kernel."""

import platform
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.record import CELL_OTHER, CELLS, CELLS_PER_ABI, Abi
from schemas.syscalls import (
    CLASSES,
    FD_NONE,
    FD_RETURNED,
    OTHER,
    X32_BIT,
    name_of,
    names_by_cell,
    native_abi,
    table,
)

MAKE_TABLES = runpy.run_path(str(Path(__file__).parents[3] / "scripts" / "make_tables.py"))

NEWEST_KERNEL = (7, 0)
"""The last kernel whose calls are in scripts/syscalls.toml."""

TABLES = [Abi.X86_64, Abi.I386, Abi.X32, Abi.AARCH64]


@pytest.mark.parametrize("abi", TABLES)
def test_numbers_equal_the_headers(abi: Abi) -> None:
    """Every call that the machine's headers define has the same number in the table."""
    numbers = MAKE_TABLES["header_numbers"](abi.name.lower())
    if not numbers:
        pytest.skip(f"no headers with the numbers of {abi.name.lower()} are installed")
    assert len(numbers) > 30
    assert {number: table(abi).name(number) for number in numbers} == numbers


def test_every_call_of_the_running_kernel_is_known() -> None:
    """Each entry point in tracefs is a call of the native table, with as many arguments as tracefs shows."""
    release = tuple(int(number) for number in platform.release().split(".")[:2])
    if release > NEWEST_KERNEL:
        pytest.skip(f"the tables end with kernel {NEWEST_KERNEL}: run scripts/make_tables.py")
    entries = MAKE_TABLES["tracefs_arguments"]()
    if not entries:
        pytest.skip("tracefs is not readable: mount it, and be root")
    calls = table(native_abi()).by_name
    names = {entry: name for name, entry in MAKE_TABLES["Facts"]().toml["entry"].items() if name in calls}
    known = {entry: calls.get(names.get(entry, entry)) for entry in entries}
    assert [entry for entry, call in known.items() if call is None] == []
    counts = {entry: len(arguments.split()) for entry, arguments in entries.items()}
    differing = {entry: call.args for entry, call in known.items() if call and len(call.args) != counts[entry]}
    assert differing == {}


def test_tables_are_what_the_script_makes(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A rerun of scripts/make_tables.py on this machine changes nothing."""
    monkeypatch.setattr(sys, "argv", ["make_tables.py", "--check"])
    assert MAKE_TABLES["main"]() == 0, capsys.readouterr().out


def test_a_poorer_machine_loses_nothing(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Without tracefs and headers the script makes the same tables from the committed ones."""
    nowhere = Path("/nonexistent")
    monkeypatch.setattr(sys, "argv", ["make_tables.py", "--check"])
    names = MAKE_TABLES["main"].__globals__
    monkeypatch.setitem(names, "TRACEFS", nowhere)
    monkeypatch.setitem(names, "X86_HEADERS", [nowhere])
    monkeypatch.setitem(names, "GENERIC_HEADER", nowhere)
    assert MAKE_TABLES["main"]() == 0, capsys.readouterr().out


@pytest.mark.parametrize("abi", TABLES)
def test_rows_are_sound(abi: Abi) -> None:
    """Names are unique, classes are known, there are six arguments at most, and the descriptor is one of them."""
    calls = table(abi).by_number.values()
    assert len({call.name for call in calls}) == len(calls)
    for call in calls:
        assert call.classes <= set(CLASSES)
        assert len(call.args) <= 6
        assert call.fd in (FD_NONE, FD_RETURNED) or call.fd < len(call.args)
        assert call.nr < (548 if abi is Abi.X32 else CELLS_PER_ABI)


@pytest.mark.parametrize(
    ("nr", "name", "source"),
    [
        *[(0, "read", 0), (2, "open", FD_RETURNED), (9, "mmap", 4), (13, "rt_sigaction", FD_NONE), (16, "ioctl", 0)],
        *[(22, "pipe", FD_NONE), (32, "dup", FD_RETURNED), (40, "sendfile", 0), (72, "fcntl", 0), (257, "openat", 6)],
        *[(262, "newfstatat", 0), (266, "symlinkat", 1), (321, "bpf", FD_NONE), (436, "close_range", 0)],
        *[(434, "pidfd_open", FD_RETURNED), (463, "setxattrat", 0)],
    ],
)
def test_source_of_the_descriptor(nr: int, name: str, source: int) -> None:
    """The column `fd` is the descriptor returned, else the first descriptor argument, else nothing."""
    native = table(Abi.X86_64)
    assert native.name(nr) == name
    assert native.fd_source[nr] == source
    assert native.fd_source.dtype == np.int8 and native.fd_source.shape == (CELLS_PER_ABI,)


def test_table_answers_by_number_name_and_class() -> None:
    """A table knows its calls from all sides, and a number without a call has six nameless arguments."""
    native = table(Abi.X86_64)
    assert native.number("openat") == 257
    assert native.names[:3] == ("read", "write", "open")
    assert native.args(257) == ("dfd", "filename", "flags", "mode") and native.nargs(257) == 4
    assert native.name(511) == "syscall_511" and native.nargs(511) == 6
    assert {native.number(name) for name in ("socket", "connect", "sendto")} <= native.by_class("net")
    with pytest.raises(KeyError):
        native.number("waitpid")
    with pytest.raises(KeyError):
        native.by_class("nothing")


def test_names_by_cell() -> None:
    """One name per accounting cell, native calls first, i386's behind, one name for the rest."""
    names = names_by_cell(Abi.X86_64)
    assert len(names) == CELLS
    assert names[257] == "openat" and names[400] == "syscall_400"
    assert names[CELLS_PER_ABI + 5] == "open" and names[CELLS_PER_ABI + 222] == "syscall_222"
    assert set(names[CELL_OTHER:]) == {OTHER}
    assert names_by_cell(Abi.AARCH64)[56] == "openat"


def test_numbers_beyond_the_table_keep_their_value() -> None:
    """A strange number is named as the program gave it, signed; x32's bit goes only where the call is known."""
    assert name_of(-1, Abi.X86_64) == name_of(0xFFFF_FFFF, Abi.X86_64) == "syscall_-1"
    assert name_of(100_000, Abi.I386) == "syscall_100000"
    assert name_of(X32_BIT + 520, Abi.X32) == "execve"
    assert name_of(X32_BIT, Abi.X32) == "read"
    assert name_of(X32_BIT + 59, Abi.X32) == f"syscall_{X32_BIT + 59}"
    assert name_of(1, Abi.ARM) == "syscall_1"


@given(st.integers(-(2**31), 2**32 - 1), st.sampled_from(Abi))
def test_every_number_has_a_name(nr: int, abi: Abi) -> None:
    """No number is without a name."""
    assert name_of(nr, abi)


def test_unknown_machine_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a machine without a table the error says which machine."""
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    with pytest.raises(ValueError, match="riscv64"):
        native_abi()
