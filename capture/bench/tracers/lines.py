"""Large text files, looked at in pieces."""

from pathlib import Path

_PIECE = 1 << 20


def line_count(path: Path) -> int:
    """Lines of a file. Raises OSError."""
    with path.open("rb") as file:
        return sum(piece.count(b"\n") for piece in iter(lambda: file.read(_PIECE), b""))
