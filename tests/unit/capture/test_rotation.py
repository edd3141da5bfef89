"""When a capture goes on in another file: by size, time, signal, or because Parquet has no more numbers."""

from pathlib import Path
from typing import Any, cast

import pytest

from capture import rotation
from capture.rotation import Timetable
from capture.sink.names import Rotation
from capture.sink.rotating import RotatingSink
from schemas.journal import MOST_GROUPS
from tests.rows import plain_rows


class Files:
    """What a rotating sink says of itself."""

    parts = 1
    bytes_written = rows_written = part_bytes = part_groups = 0


def timetable(files: Files, **rotation: Any) -> Timetable:
    """For such options, with the state of the host already in the file."""
    table = Timetable(Rotation(**rotation), cast(RotatingSink, files))
    table.state_is_written(0)
    return table


def test_by_size_what_is_on_its_way_counts() -> None:
    """By the bytes a row took so far."""
    files = Files()
    table = timetable(files, size=1000)
    assert table.due(10**6) is None  # nothing is known of their size
    files.bytes_written = files.part_bytes = 800
    files.rows_written = 100
    assert table.due(120) is None
    assert table.due(125) == "size"


def test_a_file_is_not_all_state() -> None:
    """A host whose state alone is larger than the size gets files of which half is calls."""
    files = Files()
    files.bytes_written = files.part_bytes = files.rows_written = 5000
    table = timetable(files, size=1000)
    table.state_is_written(5000)
    assert table.due(9999) is None
    assert table.due(10_000) == "size"
    table.rotated("size", 10_000)
    files.parts = 2
    assert table.due(40_000) is None  # the state is not there yet


def test_by_time_keeps_its_beat(monkeypatch: pytest.MonkeyPatch) -> None:
    """A late rotation does not delay the next; one that was missed altogether is left out."""
    now = [100.0]
    monkeypatch.setattr(rotation.time, "monotonic", lambda: now[0])
    files = Files()
    table = timetable(files, seconds=10)
    due = []
    for second in (109, 110.4, 119, 120, 145, 149, 150):
        now[0] = second
        if table.due(0) == "time":
            due.append(second)
            table.rotated("time", 0)
            files.parts += 1
    assert due == [110.4, 120, 145, 150]


def test_one_at_a_time() -> None:
    """While the writer has not come to the last seam there is no next one; a signal waits for it."""
    files = Files()
    table = timetable(files)
    table.ask()
    assert table.due(0) == "signal"
    table.rotated("signal", 0)
    table.ask()
    assert table.due(0) is None
    files.parts = 2
    assert table.due(0) == "signal"


def test_the_last_number_of_a_row_group_is_never_reached() -> None:
    """However slowly they come: the groups on their way fit too."""
    files = Files()
    table = timetable(files)
    files.part_groups = MOST_GROUPS - 50
    assert table.due(0) is None
    files.part_groups = MOST_GROUPS - 8
    assert table.due(0) == "groups"


def test_only_g_with_w_ends() -> None:
    """With -C it is a ring."""
    for asked, last in ((Rotation(seconds=1, files=1), True), (Rotation(size=1, files=1), False)):
        assert Timetable(asked, cast(RotatingSink, Files())).is_last() is last


def test_a_next_file_that_cannot_be_made_leaves_the_old_one(tmp_path: Path) -> None:
    """The seam fails as a whole: the rows go on into the old file, which is finished as ever."""
    folder = tmp_path / "d"
    folder.mkdir()
    sink = RotatingSink(folder / "t.parquet", lambda number: {"number": str(number)})
    sink.write(plain_rows(10))
    (folder / "t.parquet").rename(tmp_path / "t.parquet")
    (folder / "t.parquet.journal").rename(tmp_path / "t.parquet.journal")
    folder.rmdir()
    with pytest.raises(Exception, match=r"cannot write .*t1\.parquet"):
        sink.rotate(dict, "signal")
    sink.write(plain_rows(10))
    assert (sink.parts, sink.rows_written) == (1, 20)
