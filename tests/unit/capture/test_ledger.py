"""The account: each count goes into the cell of its CPU and call, and what does not add up shows."""

from collections import Counter

import numpy as np

from capture.ledger import Ledger
from capture.ring import as_words
from schemas.record import CELL_OTHER, CELLS_PER_ABI, RING, Abi, Cause, Flag, Kind
from tests.unit.capture.fakes import batch_of, calls, states


def ledger(cpus: int = 2) -> Ledger:
    """With empty headers."""
    return Ledger(np.zeros(cpus, RING))


def cells(account: Ledger) -> dict[tuple[int, str, int], tuple[int, int, dict[str, int]]]:
    """Seen, written and dropped by CPU, abi and number."""
    return {(one.cpu, one.abi, one.nr): (one.seen, one.written, one.dropped) for one in account.counters().cells}


def test_nothing_happened() -> None:
    """No cells, and it balances."""
    counters = ledger().counters()
    assert (counters.cells, counters.balance(), counters.seen, counters.written) == ([], [], 0, 0)


def test_written_is_counted_from_the_batchs_own_columns() -> None:
    """By CPU, abi and number; calls without a cell share one; rows that are no calls, or state only, do not count."""
    account = ledger()
    account.wrote(batch_of(calls(5, nr=[0, 0, 1, 100_000, 0xFFFF_FFFF]), cpu=1))
    account.wrote(batch_of(calls(2, nr=[0, 0], abi=[Abi.I386, Abi.X32])))
    account.wrote(
        batch_of(np.concatenate([states(Kind.FORK), states(Kind.LOSS, ret=5), calls(1, flags=Flag.STATE_ONLY)]))
    )
    assert cells(account) == {
        (1, "x86_64", 0): (0, 2, {}),
        (1, "x86_64", 1): (0, 1, {}),
        (1, "other", -1): (0, 2, {}),
        (0, "i386", 0): (0, 1, {}),
        (0, "other", -1): (0, 1, {}),
    }
    assert account.counters().written == 7


def test_balance_names_the_cell() -> None:
    """seen = written + dropped is judged cell by cell: a sum that is right does not hide two cells that are wrong."""
    account = ledger()
    account.headers["seen"][0, [0, 1]] = [3, 3]
    account.wrote(batch_of(calls(6, nr=[0, 0, 1, 1, 1, 1])))
    counters = account.counters()
    assert counters.seen == counters.written
    assert [(cell.nr, cell.missing()) for cell in counters.balance()] == [(0, 1), (1, -1)]


def test_all_ways_of_loss_add_up() -> None:
    """Dropped by the kernel, by the writer, behind the limit: each under its cause, and the whole balances."""
    account = ledger()
    account.headers["seen"][0, 0] = 10
    account.headers["dropped"][0, Cause.RING_FULL, 0] = 1
    account.headers["dropped"][0, Cause.TABLE_FULL, 0] = 2
    account.lost(as_words(calls(3)).T, np.zeros(3, np.int16), Cause.WRITER)
    account.left_out(0, as_words(np.concatenate([calls(2), states(Kind.EXIT), calls(1, flags=Flag.STATE_ONLY)])))
    account.wrote(batch_of(calls(2)))
    assert cells(account) == {
        (0, "x86_64", 0): (10, 2, {"ring_full": 1, "table_full": 2, "writer": 3, "limit": 2}),
    }
    assert account.counters().balance() == []
    assert account.total_dropped() == 8


def test_unfinished_calls_are_seen_by_user_space() -> None:
    """They count as seen on the CPU that their rows name."""
    account = ledger()
    records = calls(3, nr=[34, 34, 7], flags=Flag.UNFINISHED)
    account.saw(0, records)
    account.wrote(batch_of(records))
    assert account.counters().balance() == []
    assert account.counters().unfinished == 3
    assert account.total_seen() == 3


def test_totals_come_from_the_headers() -> None:
    """Added up over the CPUs, each under its own name."""
    account = ledger()
    for value, name in enumerate(("own_exits", "child_returns", "filtered", "state_dropped", "payload_dropped"), 1):
        account.headers[name] = [value, 10 * value]
    counters = account.counters()
    assert (counters.own_calls, counters.child_returns, counters.filtered) == (11, 22, 33)
    assert (counters.state_dropped, counters.payload_dropped) == (44, 55)


def test_unreadable_paths_are_counted_from_the_rows() -> None:
    """By the flag of what was written."""
    account = ledger()
    account.wrote(batch_of(calls(3, flags=[Flag.PATH_UNREADABLE, 0, Flag.PATH_UNREADABLE | Flag.TRUNCATED])))
    assert account.counters().paths_unreadable == 2


def test_loss_rows_are_what_is_new() -> None:
    """Each drop is in one row: CPU, call, cause, the interval since the last time; all rows add up to all drops."""
    account = ledger()
    dropped = account.headers["dropped"]
    assert account.loss_rows(100) == []
    dropped[1, Cause.RING_FULL, [0, CELLS_PER_ABI + 3, CELL_OTHER]] = [5, 6, 7]
    ((cpu, first),) = account.loss_rows(200)
    assert cpu == 1
    assert first["ret"].tolist() == [5, 6, 7]
    assert first["nr"].tolist() == [0, 3, 0xFFFF_FFFF]
    assert first["abi"].tolist() == [Abi.X86_64, Abi.I386, Abi.X86_64]
    assert set(first["kind"].tolist()) == {Kind.LOSS}
    assert set(first["ts"].tolist()) == {100}
    assert set(first["dur"].tolist()) == {100}
    assert account.loss_rows(300) == []
    dropped[0, Cause.TABLE_FULL, 1] = 2
    dropped[1, Cause.RING_FULL, 0] = 9
    second = dict(account.loss_rows(400))
    assert second[0]["args"][:, 0].tolist() == [Cause.TABLE_FULL]
    assert second[1]["ret"].tolist() == [4]
    assert second[1]["ts"].tolist() == [300]
    total = Counter({cpu: int(rows["ret"].sum()) for cpu, rows in second.items()})
    total[1] += int(first["ret"].sum())
    assert total == {0: 2, 1: 22} == dict(enumerate(dropped.sum(axis=(1, 2)).tolist()))


def test_a_cut_divides_the_account() -> None:
    """Each file balances by what is in it, loss rows too; what is missing at the end shows in the last one."""
    account = ledger()
    account.headers["seen"][0, 0] = 20
    account.headers["dropped"][0, Cause.RING_FULL, 0] = 5
    account.wrote(batch_of(calls(3, nr=0)))
    ((cpu, rows),) = account.loss_rows(100)
    account.wrote(batch_of(rows, cpu))
    account.wrote(batch_of(calls(4, nr=0)))
    first = account.cut()
    assert (first.seen, first.written, first.dropped, first.balance()) == (12, 7, {"ring_full": 5}, [])
    account.headers["dropped"][0, Cause.RING_FULL, 0] += 1  # no row tells of it yet
    account.headers["own_exits"][0] = 9
    account.wrote(batch_of(calls(2, nr=0)))
    second = account.cut()
    assert (second.seen, second.written, second.dropped, second.own_calls) == (2, 2, {}, 9)
    account.wrote(batch_of(calls(5, nr=0)))
    last = account.counters()
    assert (last.seen, last.written, last.dropped, last.balance()) == (6, 5, {"ring_full": 1}, [])
    whole = account.whole()
    assert (whole.seen, whole.written, whole.dropped, whole.own_calls) == (20, 14, {"ring_full": 6}, 9)
    account.headers["seen"][0, 0] = 21
    assert [cell.missing() for cell in account.counters().balance()] == [1]
