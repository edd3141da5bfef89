"""Every answer ends with how complete it is, and the figures are those of the capture."""

from pathlib import Path

from analyze.completeness import Completeness, completeness
from analyze.render.text import timestamp
from analyze.session import Session
from capture.sink.parquet import ParquetSink
from schemas.counters import Cell, Counters
from tests.unit.analyze.captures import (
    START,
    counters_of,
    loss_row,
    make_rows,
    metadata_of,
    table_of,
    write_parquet,
)


def of(*paths: Path, **options: list[str]) -> Completeness:
    """The completeness of these captures together."""
    with Session(map(str, paths), **options) as session:
        return completeness(session)


def test_a_sound_capture_is_complete(tmp_path: Path) -> None:
    """All calls seen are rows."""
    found = of(write_parquet(tmp_path / "x.parquet", make_rows(1234)))
    assert found.complete
    assert found.sentence() == "complete: no call was lost (1,234 recorded)"


def test_losses_are_counted_over_all_captures(tmp_path: Path) -> None:
    """By cause, with their share of all calls."""
    lossy = write_parquet(tmp_path / "a.parquet", [*make_rows(90), loss_row("read", 6), loss_row(None, 4)])
    found = of(lossy, write_parquet(tmp_path / "b.parquet", make_rows(100)))
    assert found.lost == {"ring_full": 10}
    assert found.sentence() == (
        "INCOMPLETE: 10 of 200 calls lost (5.00%: ring full 10); counts can be so much too low, "
        "and percentiles are of what was recorded (marked ~ in a table)"
    )


def test_a_collector_that_lost_count_is_told(tmp_path: Path) -> None:
    """`seen = written + dropped` can fail, and then it is said."""
    wrong = Counters(cells=[Cell(0, "x86_64", 0, "read", seen=12, written=9, dropped={"writer": 1})]).to_json()
    sentence = of(write_parquet(tmp_path / "x.parquet", make_rows(9), counters=wrong)).sentence()
    assert "1 of 10 calls lost" in sentence
    assert "2 calls are neither recorded nor counted as lost" in sentence


def test_what_c_left_out_was_not_asked_for(tmp_path: Path) -> None:
    """A capture of N calls is complete with N calls; what was lost besides is a loss as ever."""

    def capture(name: str, **dropped: int) -> Completeness:
        cell = Cell(0, "x86_64", 0, "read", seen=20 + sum(dropped.values()), written=20, dropped=dropped)
        return of(write_parquet(tmp_path / name, make_rows(20), counters=Counters(cells=[cell]).to_json()))

    found = capture("x.parquet", limit=2563)
    assert found.complete
    left_out = "(20 recorded, 2,563 left out)"
    assert found.sentence() == f"complete up to the limit of -c: no call was lost before it {left_out}"
    assert not capture("y.parquet", limit=2563, ring_full=1).complete


def test_without_an_end_the_loss_rows_tell(tmp_path: Path) -> None:
    """A capture that was cut short has no counters; what it knew of losses is in its rows."""
    rows = [*make_rows(95), loss_row("read", 5, cause=3)]
    found = of(
        write_parquet(tmp_path / "x.parquet", rows, counters=None), write_parquet(tmp_path / "y.parquet", make_rows(1))
    )
    assert (found.written, found.lost) == (96, {"writer": 5})
    last = timestamp(max(row["ts"] for row in rows if row["kind"] == "syscall"))
    assert f"x.parquet ended abruptly: its last call is of {last} UTC, later ones are missing" in found.sentence()
    assert "y.parquet" not in found.sentence()


def test_what_has_no_end_is_written_still_or_was_cut_short(tmp_path: Path) -> None:
    """The two are told apart; one without a call has no last one; of many not all are named."""
    sink = ParquetSink(tmp_path / "live.parquet", metadata_of([], counters=None))
    sink.flush(table_of(make_rows(3)).combine_chunks().to_batches()[0])
    assert "live.parquet is still being written" in of(tmp_path / "live.parquet").sentence()
    sink.close({})
    empty = write_parquet(tmp_path / "empty.parquet", [], counters=None)
    assert of(empty).sentence().endswith("empty.parquet ended abruptly, before a call was secured")
    many = [write_parquet(tmp_path / f"{name}.parquet", make_rows(1), counters=None) for name in "abcde"]
    sentence = of(*many).sentence()
    assert sentence.count("ended abruptly") == 3
    assert sentence.endswith("so it is with 2 more")


def test_a_filter_rules_out_losses_by_what_is_known_of_them(tmp_path: Path) -> None:
    """By call and CPU for all that were counted, by time for those that have a row."""
    rows = [*make_rows(50), loss_row("read", 6, cpu=0, ts=START, dur_ns=10**6), loss_row("write", 4, cpu=1)]
    counters = counters_of(rows)
    counters.cells.append(Cell(1, "x86_64", 2, "openat", seen=3, dropped={"limit": 3}))
    path = write_parquet(tmp_path / "x.parquet", rows, counters=counters.to_json(), start="2026-09-21T14:13:20Z")
    for text, lost in {
        "evt.type = read": {"ring_full": 6},
        "evt.type = openat": {"limit": 3},
        "evt.type = openat and evt.time > 5": {"limit": 3},
        "evt.type = read and evt.time > 5": {},
        "proc.name = nginx": {"ring_full": 10, "limit": 3},
        "evt.cpu = 1": {"ring_full": 4, "limit": 3},
    }.items():
        found = of(path, filters=[text])
        assert found.lost == lost, text
        assert found.elsewhere == 13 - sum(lost.values())
    assert (
        of(path, filters=["evt.type = futex"]).sentence() == "complete: the 13 calls that were lost cannot have matched"
    )


def test_a_row_is_touched_by_what_may_belong_to_it(tmp_path: Path) -> None:
    """By the name of the call, or the count beside an interval; where neither tells, every row is."""
    known = [*make_rows(50), loss_row("read", 6, ts=START, dur_ns=10**6)]
    found = of(write_parquet(tmp_path / "known.parquet", known))
    rows: list[dict[str, object]] = [{"syscall": "read"}, {"syscall": "write"}, {"lost": 6}, {"lost": None}, {"pid": 1}]
    assert [found.touches(row) for row in rows] == [True, False, True, False, True]
    untimed = counters_of(known)
    untimed.cells.append(Cell(1, "x86_64", 2, "openat", seen=3, dropped={"limit": 3}))
    found = of(write_parquet(tmp_path / "untimed.parquet", known, counters=untimed.to_json()))
    assert [found.touches(row) for row in rows] == [True, False, True, True, True]
    nameless = of(write_parquet(tmp_path / "nameless.parquet", [*make_rows(50), loss_row(None, 4, ts=START)]))
    assert [nameless.touches(row) for row in rows] == [True, True, True, False, True]
    sound = of(write_parquet(tmp_path / "sound.parquet", make_rows(50)))
    assert not any(map(sound.touches, rows))
    assert not any(map(of(tmp_path / "known.parquet", filters=["evt.type = write"]).touches, rows))
