"""What a power cut leaves: a journal that knows a row group whose bytes never came to the disk."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from analyze.completeness import completeness
from analyze.session import Session
from capture.repair import repair
from capture.sink.parquet import ParquetSink
from schemas.capture_file import open_capture_file
from schemas.journal import Group, journal_path
from tests.rows import START, plain_rows
from tests.unit.analyze.captures import metadata_of

SIZES = (101, 211, 307)
"""Rows of the row groups; 13 more are in the journal alone."""
TAIL = 13
WHOLE = sum(SIZES) + TAIL


def zeroes(text: bytes, group: Group) -> bytes:
    """Blocks that were never written."""
    return text[: group.start] + bytes(group.end - group.start) + text[group.end :]


def one_block_of_zeroes(text: bytes, group: Group) -> bytes:
    """The last of them was not."""
    return text[: group.end - 64] + bytes(64) + text[group.end :]


def old_bytes(text: bytes, group: Group) -> bytes:
    """What another file had there."""
    return text[: group.start] + bytes(255 - byte for byte in text[group.start : group.end]) + text[group.end :]


def cut(text: bytes, group: Group) -> bytes:
    """The file never grew so far."""
    return text[: group.end - 1]


DAMAGES = [zeroes, one_block_of_zeroes, old_bytes, cut]


def dead(path: Path) -> list[Group]:
    """A capture whose writer died, with a row group for each of SIZES and rows after them; its row groups."""
    sink = ParquetSink(path, metadata_of([], counters=None))
    first = 0
    for rows in SIZES:
        sink.write(plain_rows(rows, first))
        first += rows
    sink.flush(plain_rows(TAIL, first))
    groups = list(sink._store.journal.groups)
    sink._store.release()
    return groups


def without(damaged: int) -> list[int]:
    """The numbers of the rows that are not in this row group."""
    begins = sum(SIZES[:damaged])
    return [n for n in range(WHOLE) if not begins <= n < begins + SIZES[damaged]]


def numbers(path: Path) -> list[int]:
    """Those of a repaired capture's rows that are no losses."""
    table = pq.read_table(path, page_checksum_verification=True)
    rows = zip(table["kind"].to_pylist(), table["dur_ns"].to_pylist(), strict=True)
    return [number for kind, number in rows if kind != "loss"]


def run(package: str, *words: str) -> "subprocess.CompletedProcess[str]":
    """One of our two commands, done."""
    program = f"import sys; sys.argv[0] = '{package}'; from {package}.cli import main; main()"
    return subprocess.run([sys.executable, "-c", program, *words], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("number", range(len(SIZES)))
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_row_group_is_left_out_and_told(
    tmp_path: Path, damage: Callable[[bytes, Group], bytes], number: int
) -> None:
    """By reading it as it is and by repair alike: all other rows are there, a loss row says how many are not."""
    path = tmp_path / "trace.parquet"
    groups = dead(path)
    path.write_bytes(damage(path.read_bytes(), groups[number]))
    gone = [n for n in range(len(SIZES)) if n == number or (damage is cut and n > number)]
    kept = [n for n in range(WHOLE) if all(n in without(one) for one in gone)]
    ask = "SELECT epoch_ns(ts), dur_ns, calls, cause, syscall FROM losses ORDER BY ts"
    told = [(START + sum(SIZES[:n]), SIZES[n] - 1, SIZES[n], "damaged", None) for n in gone]
    with Session([str(path)]) as session:
        assert session.fetch("SELECT dur_ns FROM events WHERE kind <> 'loss'") == [(n,) for n in kept]
        assert session.fetch(ask) == told
        assert completeness(session).lost == {"damaged": sum(SIZES[n] for n in gone)}
    done = repair(path)
    assert (done.rows, done.damaged) == (len(kept) + len(gone), tuple(SIZES[n] for n in gone))
    assert numbers(path) == kept
    with Session([str(path)], verified=True) as session:
        assert session.fetch(ask) == told


def test_repair_of_a_damaged_capture_can_be_cut_short(tmp_path: Path) -> None:
    """Whatever it has written when it dies, the second time gives the same file."""
    path = tmp_path / "trace.parquet"
    groups = dead(path)
    path.write_bytes(zeroes(path.read_bytes(), groups[-1]))
    before, journal = path.read_bytes(), journal_path(path).read_bytes()
    repair(path)
    whole = path.read_bytes()
    for written in range(groups[-1].start, len(whole), 97):
        path.write_bytes(whole[:written] + before[written:])
        journal_path(path).write_bytes(journal)
        repair(path)
        assert path.read_bytes() == whole


def test_all_of_them(tmp_path: Path) -> None:
    """What the journal holds of itself is left, and the losses."""
    path = tmp_path / "trace.parquet"
    dead(path)
    path.write_bytes(b"PAR1" + bytes(path.stat().st_size - 4))
    assert repair(path).damaged == SIZES
    assert numbers(path) == list(range(sum(SIZES), WHOLE))


def test_the_commands_say_it(tmp_path: Path) -> None:
    """In one line each: analyze verify before the repair, capture repair, a report after it."""
    path = tmp_path / "trace.parquet"
    groups = dead(path)
    path.write_bytes(zeroes(path.read_bytes(), groups[1]))
    said = {word: run(package, word, str(path)) for package, word in (("analyze", "verify"), ("capture", "repair"))}
    said["top"] = run("analyze", "top", str(path))
    assert [done.returncode for done in said.values()] == [3, 0, 0]
    assert "211 rows, are not what the journal says was written" in said["verify"].stderr
    assert said["repair"].stderr.startswith(f"capture: {path}: 1 row group is not what was written")
    assert "211 rows are left out" in said["repair"].stderr
    assert said["repair"].stderr.count("\n") == 1
    assert "damaged 211" in said["top"].stdout + said["top"].stderr


def test_a_live_capture_is_not_read_through(tmp_path: Path) -> None:
    """What the kernel still has in memory is there; only what a writer left is compared."""
    path = tmp_path / "trace.parquet"
    sink = ParquetSink(path, metadata_of([], counters=None))
    sink.write(plain_rows(10))
    with open_capture_file(path) as capture:
        assert capture.live
        assert capture.damaged == []
    sink.close({})
