"""A journal whose sums are right but whose records no writer wrote: one line from either command, little memory."""

import zlib
from collections.abc import Sequence
from pathlib import Path

import pytest

from analyze.errors import CaptureFileError
from analyze.session import Session
from capture.errors import SinkError
from capture.repair import repair
from schemas import journal as journals
from schemas.arrow import EVENTS
from tests.unit.analyze.captures import metadata_of

HEAD = bytes(EVENTS.with_metadata(metadata_of([], counters=None)).serialize())
BOMB = zlib.compress(bytes(64 << 20), 9)
CASES: dict[str, Sequence[tuple[bytes, bytes]]] = {
    "no schema": [(b"HEAD", b"x")],
    "no rows": [(b"HEAD", HEAD), (b"TAIL", b"nonsense")],
    "a short group": [(b"HEAD", HEAD), (b"GRUP", b"x")],
    "no footer": [(b"HEAD", HEAD), (b"GRUP", journals.Group(4, 50, 5, 0, 9, b"zzz").pack())],
    "a footer that is a bomb": [(b"HEAD", HEAD), (b"GRUP", journals.Group(4, 50, 5, 0, 9, BOMB).pack())],
    "a footer of nothing": [(b"HEAD", HEAD), (b"GRUP", journals.Group.of(50, 4, 5, 0, b"\0" * 9).pack())],
    "a list": [(b"HEAD", HEAD), (b"META", b"[1]")],
    "a number": [(b"HEAD", HEAD), (b"META", b'{"systape.end": 1}')],
    "a deep list": [(b"HEAD", HEAD), (b"META", b"[" * 200_000)],
    "no UTF-8": [(b"HEAD", HEAD), (b"META", b"\xff")],
}


@pytest.mark.parametrize("case", CASES)
def test_one_line_says_that_it_is_damaged(tmp_path: Path, case: str) -> None:
    """To read it and to repair it; neither changes a byte."""
    path = tmp_path / "x.parquet"
    path.write_bytes(b"PAR1" + bytes(200))
    text = journals.MAGIC + b"".join(journals.pack(kind, payload) for kind, payload in CASES[case])
    journals.journal_path(path).write_bytes(text)
    for refused, do in ((CaptureFileError, lambda: Session([str(path)])), (SinkError, lambda: repair(path))):
        with pytest.raises(refused) as caught:
            do()
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)
    assert journals.journal_path(path).read_bytes() == text
    assert path.read_bytes()[:204] == b"PAR1" + bytes(200)


def test_a_bomb_is_not_blown_up() -> None:
    """No more is inflated than the record says that there is."""
    with pytest.raises(ValueError, match="length"):
        _ = journals.Group(4, 50, 5, 0, 9, BOMB).footer
