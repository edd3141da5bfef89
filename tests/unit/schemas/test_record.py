"""The accounting cells."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from schemas.record import CELL_OTHER, CELLS, CELLS_PER_ABI, RECORD, Abi, cell_of


def cells(nr: int, abi: Abi) -> int:
    """The cell of one call."""
    return int(cell_of(np.array([nr], np.uint32), np.array([abi], np.uint8))[0])


def test_native_and_compat_calls_have_cells_of_their_own() -> None:
    """Native numbers come first, i386's behind them."""
    assert cells(0, Abi.X86_64) == 0
    assert cells(511, Abi.AARCH64) == 511
    assert cells(0, Abi.I386) == CELLS_PER_ABI
    assert cells(511, Abi.I386) == CELL_OTHER - 1


def test_other_calls_share_one_cell() -> None:
    """x32's and ARM's calls, and numbers beyond the table, -1 among them, never fall into another call's cell."""
    assert cells(512, Abi.X86_64) == cells(512, Abi.I386) == CELL_OTHER
    assert cells(0xFFFF_FFFF, Abi.X86_64) == cells(100_000, Abi.I386) == CELL_OTHER
    assert cells(0x4000_0000, Abi.X32) == cells(1, Abi.ARM) == CELL_OTHER


@given(st.integers(0, 2**32 - 1), st.sampled_from(Abi))
def test_every_call_has_a_cell(nr: int, abi: Abi) -> None:
    """Whatever the number, the cell exists; it is the same for a signed and an unsigned array."""
    cell = cells(nr, abi)
    assert 0 <= cell < CELLS
    signed = np.array([nr], np.uint32).astype(np.int32)
    assert cell_of(signed, np.array([abi], np.uint8))[0] == cell


def test_record_is_two_cache_lines() -> None:
    """A record never straddles a third cache line."""
    assert RECORD.itemsize == 128
