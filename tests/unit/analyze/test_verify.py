"""A flipped bit is found by `analyze verify` and --verify, wherever it is, and what is sound is called so."""

import random
import subprocess
import sys
from pathlib import Path

import pytest

from analyze.errors import CaptureFileError
from analyze.session import Session
from analyze.verify import verify
from capture.repair import repair
from capture.sink.parquet import ParquetSink
from schemas.capture_file import open_capture_file
from schemas.journal import journal_path
from tests.unit.analyze.captures import make_rows, metadata_of, table_of, write_parquet, write_stream

FLIPS = 60
COMMAND = [sys.executable, "-c", "import sys; sys.argv[0] = 'analyze'; from analyze.cli import main; main()"]


def remark(path: Path) -> str:
    """What is said of a sound capture."""
    with Session([str(path)]) as session:
        return verify(session.sources[0]).remark


def unfinished(path: Path) -> Path:
    """A capture with a journal: a row group, and rows after it; its collector is no more."""
    rows = make_rows(600)
    table = table_of(rows).combine_chunks().to_batches()[0]
    sink = ParquetSink(path.with_name("live"), metadata_of(rows, counters=None))
    sink.write(table.slice(0, 500))
    sink.flush(table.slice(500))
    for source, target in ((path.with_name("live"), path), (journal_path(path.with_name("live")), journal_path(path))):
        target.write_bytes(source.read_bytes())
    sink.close({})
    return path


def answer(session: Session) -> list[tuple[object, ...]]:
    """A sum over every value of a capture."""
    return session.fetch("SELECT count(*), sum(hash(COLUMNS(* EXCLUDE (file)))) FROM events")


def test_every_flipped_bit_of_the_data_is_found_or_harmless(tmp_path: Path) -> None:
    """In the pages of a finished capture, where DuckDB alone would answer from them; a page's header has spare bits."""
    path = write_parquet(tmp_path / "x.parquet", make_rows(3000))
    with Session([str(path)]) as session:
        right = answer(session)
    text = path.read_bytes()
    end = len(text) - 8 - int.from_bytes(text[-8:-4], "little")
    draw, found = random.Random(7), 0
    for _ in range(FLIPS):
        changed = bytearray(text)
        changed[draw.randrange(4, end)] ^= 1 << draw.randrange(8)
        path.write_bytes(changed)
        try:
            with Session([str(path)], verified=True) as session:
                assert answer(session) == right
        except CaptureFileError as error:
            assert str(path) in str(error)
            found += 1
    assert found > FLIPS * 3 // 4


def test_a_flipped_bit_of_an_unfinished_capture_is_found(tmp_path: Path) -> None:
    """By the sum of the row group that stands in the journal."""
    path = unfinished(tmp_path / "x.parquet")
    with open_capture_file(path) as capture:
        assert capture.journal
        group = capture.journal.groups[0]
    text = bytearray(path.read_bytes())
    text[(group.start + group.end) // 2] ^= 1
    path.write_bytes(text)
    with pytest.raises(CaptureFileError, match="500 rows, are not what the journal says"):
        Session([str(path)], verified=True)


def test_what_is_sound_is_called_so(tmp_path: Path) -> None:
    """A finished one, one without an end, a stream, an empty one."""
    assert remark(write_parquet(tmp_path / "a.parquet", make_rows(100))) == ""
    cut = unfinished(tmp_path / "b.parquet")
    assert "capture repair" in remark(cut)
    repair(cut)
    assert remark(cut) == "cut short, and repaired"
    assert "no checksums" in remark(write_stream(tmp_path / "c.arrows", make_rows(10)))
    (tmp_path / "d.parquet").touch()
    journal_path(tmp_path / "d.parquet").touch()
    assert remark(tmp_path / "d.parquet").startswith("cut short")


def test_the_command_says_one_line_a_capture(tmp_path: Path) -> None:
    """All are looked at, the damaged ones on standard error; status 3. --verify on another command refuses them."""
    good = write_parquet(tmp_path / "a.parquet", make_rows(50))
    bad = write_parquet(tmp_path / "b\x1b[31m.parquet", make_rows(50))
    text = bytearray(bad.read_bytes())
    text[200] ^= 4
    bad.write_bytes(text)
    done = subprocess.run([*COMMAND, "verify", str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.stdout == f"{good}: sound, 50 rows\n"
    assert done.returncode == 3
    assert done.stderr.count("\n") == 1
    assert r"b\x1b[31m.parquet: " in done.stderr
    top = subprocess.run([*COMMAND, "top", "--verify", str(bad)], capture_output=True, text=True, check=False)
    assert (top.returncode, top.stdout) == (3, "")
