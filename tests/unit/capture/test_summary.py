"""The table at the end of a capture."""

from capture.summary import Summary
from schemas.record import Flag, Kind
from tests.unit.capture.records import batch_of, record


def test_it_adds_up_batches() -> None:
    """Time, calls and errors of each call over all batches; no row that is no call, nor one for the state alone."""
    summary = Summary()
    summary.add(batch_of([record("read", dur=3000, ret=5), record("openat", dur=9_000_000, ret=-2)]))
    summary.add(batch_of([record(kind=Kind.EXIT), record("close", flags=Flag.STATE_ONLY)]))
    summary.add(
        batch_of([record("read", dur=1_000_000, ret=-4), record("read", flags=Flag.ENTRY_UNSEEN, dur=0, ret=1)])
    )
    rows = [line.split() for line in summary.text().splitlines()]
    assert [row for row in rows if row[-1] in ("read", "openat", "close", "total")] == [
        ["89.97", "0.009000", "9000", "1", "1", "openat"],
        ["10.03", "0.001003", "334", "3", "1", "read"],
        ["100.00", "0.010003", "2500", "4", "2", "total"],
    ]


def test_nothing_adds_up_to_nothing() -> None:
    """A capture without a call has a table with the sum alone."""
    assert Summary().text().splitlines()[-1].split() == ["0.00", "0.000000", "0", "0", "total"]
