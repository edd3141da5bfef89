"""The journal's format: what is whole counts, what is torn does not."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from capture.errors import SinkError
from capture.repair import repair
from schemas.arrow import EVENTS
from schemas.capture_file import is_live, open_capture_file
from schemas.journal import (
    GROUP,
    HEAD,
    MAGIC,
    META,
    TAIL,
    Group,
    Journal,
    journal_path,
    pack,
    pack_tail,
    unpack_tail,
    with_text,
)
from schemas.journal import read as journal_of
from tests.rows import plain_rows

HEAD_RECORD = pack(HEAD, with_text(EVENTS, {"systape.host": "here"}).serialize().to_pybytes())
FIRST, SECOND = Group.of(4, 100, 7, 0xFFFFFFFF, b"footer" * 50), Group.of(100, 2**40, 2**33, 0, b"")
PARTS = [
    MAGIC,
    HEAD_RECORD,
    pack(TAIL, b"rows of the first group"),
    pack(GROUP, FIRST.pack()),
    pack(TAIL, b"waiting"),
    pack(TAIL, b"waiting too"),
    pack(GROUP, SECOND.pack()),
    pack(TAIL, b"last"),
    pack(META, b'{"systape.end": "now"}'),
]


def read(text: bytes, data_size: int = SECOND.end) -> Journal:
    """The journal of a capture that has begun."""
    return journal_of(text, data_size)


def payloads(text: bytes) -> list[bytes]:
    """The TAIL payloads that count."""
    return [text[start : start + length] for start, length in read(text).tail]


def test_all_of_it() -> None:
    """Schema, metadata, row groups, and only the tail after the last of them come back."""
    text = b"".join(PARTS)
    journal = read(text)
    assert journal.schema.equals(EVENTS)
    assert journal.file_schema().metadata == {b"systape.host": b"here", b"systape.end": b"now"}
    assert journal.groups == [FIRST, SECOND]
    assert [group.footer for group in journal.groups] == [b"footer" * 50, b""]
    assert payloads(text) == [b"last"]
    assert journal.end == len(text)
    assert journal.data_end == SECOND.end


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, sum(map(len, PARTS))), st.binary(max_size=40))
def test_torn_anywhere(size: int, rubbish: bytes) -> None:
    """Cut at any byte, with anything after it, the journal says what its whole records say, and no more."""
    text = b"".join(PARTS)
    whole = text[:size]
    assume(not rubbish or not text.startswith(whole + rubbish[:1]))  # else it may be the rest of the record
    ends = [sum(map(len, PARTS[: n + 1])) for n in range(len(PARTS))]
    kept = [part for part, end in zip(PARTS, ends, strict=True) if end <= size]
    wanted = read(b"".join(kept))
    found = read(whole + rubbish)
    assert (found.groups, found.tail, found.metadata) == (wanted.groups, wanted.tail, wanted.metadata)
    assert found.end == (sum(map(len, kept)) if kept else 0)


def test_damaged_record_ends_it() -> None:
    """A record that does not match its CRC, and what follows, does not count."""
    parts = list(PARTS)
    parts[6] = parts[6][:-1] + bytes([parts[6][-1] ^ 1])
    text = b"".join(parts)
    assert read(text).groups == [FIRST]
    assert payloads(text) == [b"waiting", b"waiting too"]


def test_tail_rows_come_back() -> None:
    """Rows packed batch by batch are one table again, with dictionaries in common."""
    batches = [plain_rows(10), plain_rows(1, 10), plain_rows(5, 11)]
    table = unpack_tail([pack_tail(batch) for batch in batches], EVENTS)
    assert table.schema.equals(EVENTS)
    assert table["dur_ns"].to_pylist() == list(range(16))
    assert table["errno"].to_pylist() == [word for batch in batches for word in batch["errno"].to_pylist()]


def test_capture_is_empty() -> None:
    """It has no journal yet: this one is an older capture's."""
    text = b"".join(PARTS)
    for size in (0, 3):
        assert (read(text, size).groups, read(text, size).tail, read(text, size).end) == ([], [], 0)


def test_not_a_journal() -> None:
    """Bytes that are no journal are an empty one; so is an empty file."""
    for text in (b"", b"SYS", b"PAR1" * 100):
        journal = read(text)
        assert (journal.groups, journal.tail, journal.end, journal.data_end) == ([], [], 0, 4)


def test_nobody_writes(tmp_path: Path) -> None:
    """A file that nobody has locked has no live writer; its journal's name is known."""
    with (tmp_path / "x.parquet").open("wb") as file:
        assert not is_live(file.fileno())
    assert journal_path(tmp_path / "x.parquet") == tmp_path / "x.parquet.journal"


@pytest.mark.parametrize(("read_it", "refused"), [(open_capture_file, ValueError), (repair, SinkError)])
def test_a_refused_capture_is_closed(
    tmp_path: Path, read_it: Callable[[Path], object], refused: type[Exception]
) -> None:
    """Row groups that overlap are no writer's; who tries many such files does not run out of descriptors."""
    path = tmp_path / "x.parquet"
    path.write_bytes(bytes(200))
    journal_path(path).write_bytes(MAGIC + HEAD_RECORD + 2 * pack(GROUP, Group.of(4, 100, 7, 0, b"footer").pack()))
    before = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(refused, match="overlap"):
        read_it(path)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
