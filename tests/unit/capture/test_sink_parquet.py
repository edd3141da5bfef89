"""The Parquet sink as a file: how it is made, what it refuses, and what it looks like inside."""

import os
import stat
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from capture.errors import SinkError
from capture.repair import repair
from capture.sink.parquet import ParquetSink
from schemas.arrow import EVENTS, Key
from schemas.capture_file import open_capture_file
from schemas.journal import journal_path
from tests.rows import dd_rows, plain_rows


def test_new_files_are_private(tmp_path: Path) -> None:
    """The capture and its journal can be read by nobody else: payloads may be secret."""
    path = tmp_path / "trace.parquet"
    sink = ParquetSink(path, {})
    assert {stat.S_IMODE(p.stat().st_mode) for p in (path, journal_path(path))} == {0o600}
    sink.close({})
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.root
def test_files_belong_to_who_called_sudo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under sudo the user, not root, owns the capture."""
    monkeypatch.setenv("SUDO_UID", "1234")
    monkeypatch.setenv("SUDO_GID", "5678")
    path = tmp_path / "trace.parquet"
    sink = ParquetSink(path, {})
    assert [(p.stat().st_uid, p.stat().st_gid) for p in (path, journal_path(path))] == [(1234, 5678)] * 2
    sink.close({})


def test_existing_file_is_kept(tmp_path: Path) -> None:
    """Without --force nothing is overwritten, and no journal appears beside it."""
    path = tmp_path / "trace.parquet"
    path.write_text("precious")
    with pytest.raises(SinkError, match="exists; choose another name, or --force"):
        ParquetSink(path, {})
    assert path.read_text() == "precious"
    assert list(tmp_path.iterdir()) == [path]


def test_force_replaces(tmp_path: Path) -> None:
    """With --force a new file takes the old one's name; whoever has the old one open keeps it."""
    path = tmp_path / "trace.parquet"
    path.write_text("precious")
    with path.open() as old:
        sink = ParquetSink(path, {}, force=True)
        sink.write(plain_rows(3))
        sink.close({})
        assert old.read() == "precious"
    assert pq.read_table(path).num_rows == 3


def test_stale_journal_is_replaced(tmp_path: Path) -> None:
    """A journal whose capture is gone does not leak into a new one; a link in its place is not followed."""
    path = tmp_path / "trace.parquet"
    victim = tmp_path / "victim"
    victim.write_text("precious")
    journal_path(path).symlink_to(victim)
    sink = ParquetSink(path, {})
    sink.close({})
    assert victim.read_text() == "precious"
    assert pq.read_table(path).num_rows == 0


@pytest.mark.parametrize("force", [False, True])
def test_what_is_no_regular_file(tmp_path: Path, force: bool) -> None:
    """Links, folders and pipes are refused, with what to do, and stay as they are."""
    (tmp_path / "target").write_text("precious")
    link, folder, pipe = tmp_path / "link", tmp_path / "folder", tmp_path / "pipe"
    link.symlink_to("target")
    folder.mkdir()
    os.mkfifo(pipe)
    for path, says in (
        (link, "symbolic link"),
        (folder, "is a folder"),
        (pipe, r"-w - or a name that ends in \.arrows"),
    ):
        with pytest.raises(SinkError, match=says):
            ParquetSink(path, {}, force=force)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["folder", "link", "pipe", "target"]
    assert (tmp_path / "target").read_text() == "precious"


def test_no_such_folder(tmp_path: Path) -> None:
    """The line says what is missing and what to do."""
    with pytest.raises(SinkError, match=r"nowhere/x.parquet: No such file or directory; make the folder first"):
        ParquetSink(tmp_path / "nowhere" / "x.parquet", {})


def test_one_row_group_a_batch(tmp_path: Path) -> None:
    """Each write is a row group, with statistics that are true, a checksum a page, and offsets one after the other."""
    path = tmp_path / "trace.parquet"
    sink = ParquetSink(path, {Key.HOST: "here"}, durable=True)
    for first in range(0, 30, 10):
        sink.write(plain_rows(10, first))
    sink.close({})
    file = pq.ParquetFile(path, page_checksum_verification=True)
    assert file.metadata.num_row_groups == 3
    end = 4
    for index in range(3):
        group = file.metadata.row_group(index)
        column = {group.column(n).path_in_schema: group.column(n) for n in range(group.num_columns)}
        assert column["dur_ns"].statistics.min == index * 10
        assert column["dur_ns"].statistics.max == index * 10 + 9
        assert (column["comm"].statistics.min, column["comm"].statistics.max) == ("\x1b[31m", "ü")
        assert column["ppid"].statistics.null_count == 10
        assert column["errno"].statistics.null_count == 5
        for name in EVENTS.names:
            chunk = column[name]
            assert (chunk.dictionary_page_offset or chunk.data_page_offset) == end
            end += chunk.total_compressed_size
    assert file.read()["dur_ns"].to_pylist() == list(range(30))


def test_wrong_bits_are_noticed(tmp_path: Path) -> None:
    """Any byte of the body that is not as it was written fails a page's checksum: those of constants too."""
    path = tmp_path / "trace.parquet"
    sink = ParquetSink(path, {})
    sink.write(dd_rows(1000))
    sink.close({})
    whole = path.read_bytes()
    group = pq.read_metadata(path).row_group(0)
    for index in range(group.num_columns):
        column = group.column(index)
        last = (column.dictionary_page_offset or column.data_page_offset) + column.total_compressed_size - 1
        path.write_bytes(whole[:last] + bytes([whole[last] ^ 1]) + whole[last + 1 :])
        with pytest.raises(OSError, match="CRC"):
            pq.read_table(path, page_checksum_verification=True)


def test_repair_of_what_needs_none(tmp_path: Path) -> None:
    """A whole capture is left as it is; what is no capture is refused in one line."""
    path = tmp_path / "trace.parquet"
    sink = ParquetSink(path, {})
    sink.write(plain_rows(3))
    sink.close({})
    before = path.read_bytes()
    assert repair(path).was_whole
    assert path.read_bytes() == before
    (tmp_path / "text").write_text("hello, world")
    with pytest.raises(SinkError, match=r"text.journal is not beside it"):
        repair(tmp_path / "text")
    with pytest.raises(SinkError, match="No such file"):
        repair(tmp_path / "nothing")


def test_large_and_odd_dictionaries(tmp_path: Path) -> None:
    """A dictionary of the whole run is cut down to the words in use; a word of any length is kept."""
    path = tmp_path / "trace.parquet"
    words = [f"comm {n}" for n in range(5000)] + ["x" * 10_000]
    codes = pa.array([7, 4999, 5000, 7], pa.int32())
    batch = plain_rows(4)
    batch = batch.set_column(6, EVENTS.field("comm"), pa.DictionaryArray.from_arrays(codes, pa.array(words)))
    sink = ParquetSink(path, {})
    sink.write(batch)
    sink.close({})
    assert pq.read_table(path)["comm"].to_pylist() == [words[code] for code in codes.to_pylist()]
    assert path.stat().st_size < 40_000


def test_metadata_of_the_end_wins(tmp_path: Path) -> None:
    """What close adds comes beside what was known at the start, and replaces it where both say something."""
    path = tmp_path / "trace.parquet"
    ParquetSink(path, {Key.HOST: "here", Key.END: "?"}).close({Key.END: "now"})
    with open_capture_file(path) as capture:
        assert capture.read().schema.metadata == {b"systape.host": b"here", b"systape.end": b"now"}
