"""Calls on memory whose arguments depend on each other."""

from schemas.decode.fields import MASK64, Row, pointer
from schemas.decode.registry import decodes
from schemas.flags import format_flags
from schemas.syscalls import Call

TO_AN_ADDRESS = 3  # MREMAP_MAYMOVE and MREMAP_FIXED


@decodes("mremap")
def remap(_: Call, row: Row) -> list[str]:
    """The new address counts only where one is asked for."""
    old, old_size, new_size, flags, new = (value & MASK64 for value in row.args[:5])
    shown = [pointer(old), str(old_size), str(new_size), format_flags("mremap", flags, 64)]
    return [*shown, pointer(new)] if flags & TO_AN_ADDRESS == TO_AN_ADDRESS else shown
