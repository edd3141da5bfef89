"""The accounting: sums, the balance, and its way through the file's metadata."""

import json

from schemas.counters import Cell, Counters


def example() -> Counters:
    """Two CPUs, one call each, one of them with a loss."""
    read = Cell(0, "x86_64", 0, "read", seen=5, written=5)
    openat = Cell(1, "x86_64", 257, "openat", seen=7, written=4, dropped={"ring_full": 2, "writer": 1})
    return Counters(cells=[read, openat], own_calls=3, filtered=9)


def test_totals_are_the_sums_of_the_cells() -> None:
    """Seen and written add up over the cells, what is dropped by cause."""
    counters = example()
    assert (counters.seen, counters.written) == (12, 9)
    assert counters.dropped == {"ring_full": 2, "writer": 1}


def test_balance_names_the_cell_that_does_not_add_up() -> None:
    """Each of the three counters, changed alone, breaks the statement in its cell and no other."""
    assert example().balance() == []
    for change in ("seen", "written", "dropped"):
        counters = example()
        if change == "dropped":
            counters.cells[1].dropped["writer"] += 1
        else:
            setattr(counters.cells[1], change, getattr(counters.cells[1], change) + 1)
        assert counters.balance() == [counters.cells[1]]
        assert abs(counters.cells[1].missing()) == 1


def test_json_comes_back_equal() -> None:
    """What is written into the metadata is read back, with the totals beside it for other readers."""
    text = example().to_json()
    assert Counters.from_json(text) == example()
    assert {key: json.loads(text)[key] for key in ("seen", "written", "dropped")} == {
        "seen": 12,
        "written": 9,
        "dropped": {"ring_full": 2, "writer": 1},
    }


def test_newer_keys_are_left_out() -> None:
    """A file of a later version, with more counters, is still read."""
    assert Counters.from_json('{"own_calls": 1, "of_a_later_version": 2}') == Counters(own_calls=1)
