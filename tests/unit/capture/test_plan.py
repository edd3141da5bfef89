"""What is read of each call, against what the calls are."""

import pytest

from capture.plan import plans, state_cells
from schemas.record import (
    CELL_OTHER,
    CELLS,
    CELLS_PER_ABI,
    PLAN_EXEC,
    PLAN_FD_RETURNED,
    PLAN_FOUND_MASK,
    PLAN_FOUND_SHIFT,
    Abi,
    Addr,
    Data,
    Found,
)
from schemas.state import STATE_CALLS
from schemas.syscalls import FD_RETURNED, native_abi, table

NATIVE = table(native_abi())


def plan(name: str, abi: Abi | None = None) -> int:
    """The plan of a call."""
    native = abi is None or abi is native_abi()
    number = NATIVE.number(name) if native else table(abi).number(name)
    return int(plans()[number if native else CELLS_PER_ABI + number])


def parts(value: int) -> tuple[int, int, int, int, bool, int]:
    """Path, second path, address, data, exec, descriptor: as the macros of schemas/record.h take a plan apart."""
    return value & 7, value >> 3 & 7, value >> 6 & 7, value >> 9 & 15, bool(value & PLAN_EXEC), value >> 16 & 7


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("openat", (2, 0, 0, 0, False, PLAN_FD_RETURNED)),
        ("renameat2", (2, 4, 0, 0, False, 1)),
        ("symlinkat", (1, 3, 0, 0, False, 2)),
        ("execve", (1, 0, 0, 0, True, 0)),
        ("execveat", (2, 0, 0, 0, True, 1)),
        ("connect", (0, 0, Addr.GIVEN, 0, False, 1)),
        ("sendto", (0, 0, Addr.GIVEN_LAST, Data.GIVEN, False, 1)),
        ("recvfrom", (0, 0, Addr.BACK_LAST, Data.BACK, False, 1)),
        ("accept4", (0, 0, Addr.BACK, 0, False, PLAN_FD_RETURNED)),
        ("recvmsg", (0, 0, Addr.MESSAGE, Data.BACK_MESSAGE, False, 1)),
        ("writev", (0, 0, 0, Data.GIVEN_VECTOR, False, 1)),
        ("read", (0, 0, 0, Data.BACK, False, 1)),
        ("pipe2", (0, 0, 0, Data.PAIR, False, 0)),
        ("socketpair", (0, 0, 0, Data.PAIR_LAST, False, 0)),
        ("mmap", (0, 0, 0, 0, False, 5)),
        ("getpid", (0, 0, 0, 0, False, 0)),
    ],
)
def test_what_a_call_points_to(name: str, wanted: tuple[int, ...]) -> None:
    """1 + the argument that is a path or a descriptor, and how the rest is found."""
    assert parts(plan(name)) == wanted


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("openat", Found.BY_FD),
        ("accept4", Found.BY_FD),
        ("fchdir", Found.BY_CWD),
        ("pipe2", Found.BY_PAIR),
        ("socketpair", Found.BY_SOCKETS),
        ("renameat2", Found.NOTHING),
        ("read", Found.NOTHING),
    ],
)
def test_what_finds_a_file(name: str, found: Found) -> None:
    """The second path is what the kernel found: only of calls that are given no second path themselves."""
    assert plan(name) >> PLAN_FOUND_SHIFT & PLAN_FOUND_MASK == found
    finding = [int(value) for value in plans() if value >> PLAN_FOUND_SHIFT & PLAN_FOUND_MASK]
    assert all(parts(value)[1] == 0 for value in finding)


def test_only_what_points_somewhere_asks_for_a_payload() -> None:
    """The lower half of a plan is 0 where there is nothing to read: descriptors alone do not make bytes."""
    assert plan("close") & 0xFFFF == 0 != plan("close")
    assert all(int(value) & 0xFFFF == 0 for value in plans()[CELL_OTHER:])


def test_32_bit_calls_have_paths_and_nothing_else() -> None:
    """Their sockaddr pointers and iovecs are laid out differently: paths and descriptors alone are read."""
    assert parts(plan("openat", Abi.I386)) == (2, 0, 0, 0, False, PLAN_FD_RETURNED)
    assert parts(plan("execve", Abi.I386))[4]
    compat = plans()[CELLS_PER_ABI:CELL_OTHER]
    assert all(parts(int(value))[2:4] == (0, 0) for value in compat)


def test_every_part_fits_its_bits() -> None:
    """Nothing of one part runs into the next; an argument that is named exists."""
    assert plans().shape == (CELLS,)
    for call in NATIVE.by_number.values():
        if call.nr < CELLS_PER_ABI:
            path, path2, addr, data, _, fd = parts(int(plans()[call.nr]))
            assert max(path, path2) <= len(call.args) and (fd == PLAN_FD_RETURNED or fd <= len(call.args))
            assert addr in list(Addr) and data in list(Data)
            assert not (path2 and not path)


def test_what_makes_or_ends_a_descriptor_is_kept_as_state() -> None:
    """Every call that returns a descriptor is a state call, native and 32-bit, under each of its numbers."""
    cells = state_cells()
    for base, calls in ((0, NATIVE), (CELLS_PER_ABI, table(Abi.I386))):
        kept = {call.name for call in calls.by_number.values() if call.nr < CELLS_PER_ABI and cells[base + call.nr]}
        assert kept == {name for name in calls.names if name in STATE_CALLS and calls.number(name) < CELLS_PER_ABI}
        assert {call.name for call in calls.by_number.values() if call.fd == FD_RETURNED} <= STATE_CALLS
    assert not cells[CELL_OTHER:].any()


def test_state_calls_exist() -> None:
    """A misspelt name would keep nothing."""
    known = {name for abi in Abi for name in table(abi).names}
    assert STATE_CALLS - known == set()


def test_without_buffers_their_calls_have_no_payload() -> None:
    """`-s 0`: a read or a write must not cost room in the byte ring; what is read always stays."""
    bare, full = plans(buffers=False), plans()
    assert full[NATIVE.number("read")] & 0xFFFF != 0 == bare[NATIVE.number("read")] & 0xFFFF
    for name in ("pipe2", "socketpair", "connect", "openat", "execve", "recvfrom"):
        assert bare[NATIVE.number(name)] & 0xFFFF != 0
