"""Rows of a capture as lines, as `strace -f` prints them.

`analyze show` and a live `capture` print through here, so both print the same.
"""

from schemas.line.columns import NEEDED, in_order, returned
from schemas.line.printer import Printer
from schemas.line.style import Style
from schemas.line.text import safe

__all__ = ["NEEDED", "Printer", "Style", "in_order", "returned", "safe"]
