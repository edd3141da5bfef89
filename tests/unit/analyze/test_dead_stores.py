"""The rows that the replay passes over: that it does changes nothing of what look-ups find."""

from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

import numpy as np
from hypothesis import event, given, settings
from hypothesis import strategies as st

from analyze.replay.dead_stores import Mask, dead_stores, sharing
from analyze.replay.paths import AT_FDCWD
from analyze.replay.rows import Numbers, Op, Rows
from analyze.replay.state import Machine
from analyze.replay.tables import History

TEXTS = ["/a", "/b", "c", "pipe:[1]", "socket:[?]", "../d"]
PROCESSES, FDS = st.integers(1, 3), st.integers(0, 2)
OFTEN = [Op.OPEN, Op.CLOSE] * 25 + [Op.DUP, Op.MODE, Op.MAKE, Op.FORK, Op.LOSS] * 2 + list(Op)
Row = tuple[Op, int, int, int, int, int, int, int]


@st.composite
def row(draw: st.DrawFn) -> Row:
    """A row as rows.sql makes it: operation, process, thread, fd, other, mode, text, addr."""
    op, process, fd, text = draw(st.sampled_from(OFTEN)), draw(PROCESSES), draw(FDS), draw(st.integers(-1, 3))
    thread = draw(st.sampled_from([process, process, process, process + 10]))
    other, mode, addr = draw(FDS), draw(st.integers(0, 2)), -1
    match op:
        case Op.OPEN:
            other = draw(st.sampled_from([AT_FDCWD, 0, 1]))
        case Op.SOCKET | Op.ACCEPT | Op.CONNECT | Op.BIND:
            text, addr = 4, draw(st.integers(-1, 0))
        case Op.CHDIR | Op.CWD:
            fd, text = AT_FDCWD, draw(st.sampled_from([0, 2, 5]))
        case Op.CLOSE_RANGE:
            mode = draw(st.sampled_from([0, 0, 2, 4]))
        case Op.FORK:
            fd = draw(PROCESSES)
            other = fd if thread == process else process
            mode = draw(st.sampled_from([0, 0, 0, 1, 2, 3, 15]))
        case Op.EXEC:
            other = process
        case Op.LOSS:
            process, thread = 0, 0
    return op, process, thread, fd, other, mode, text, addr


@contextmanager
def without() -> Iterator[None]:
    """Every row is replayed."""

    def none(rows: Rows, *_: Numbers) -> tuple[Mask, Numbers]:
        return np.zeros(len(rows.op), np.bool_), np.full(len(rows.op), -1, np.int32)

    with patch("analyze.replay.state.dead_stores", none):
        yield


def noted(history: History) -> dict[tuple[int, ...], int]:
    """What look-ups of files find, by process, descriptor and time: of notes at one time the last."""
    keys = zip(history.process.tolist(), history.fd.tolist(), history.since.tolist(), strict=True)
    return dict(zip(keys, history.id.tolist(), strict=True))


@given(st.lists(row(), min_size=10, max_size=80))
@settings(max_examples=300, deadline=None)
def test_nothing_changes(given_rows: list[Row]) -> None:
    """Tables, sockets and lone threads are the same as when each row is replayed, in whatever order they come."""
    op, process, thread, fd, other, mode, text, addr = np.array(given_rows, np.int64).reshape(-1, 8).T
    at = np.arange(len(given_rows))
    rows = Rows(op.astype(np.uint8), at, process, thread, fd, other, mode.astype(np.uint8), text, addr, TEXTS)
    with without():
        expected = Machine(rows, None).run()
    found = Machine(rows, None).run()
    assert noted(found) == noted(expected)
    assert (found.names.tolist(), found.texts) == (expected.names.tolist(), expected.texts)
    assert found.peers.tolist() == expected.peers.tolist()
    assert found.alone.tolist() == expected.alone.tolist()
    event(
        f"{dead_stores(rows, np.array([0, 1, -1, 3, 4, -1, -1]), sharing(rows))[0].sum() // 3 * 3} or more passed over"
    )


def test_what_is_written_again_unread_is_passed_over() -> None:
    """Of two opens of one number the first is; not where a dup, or a fork, reads it, nor the last of all."""
    open_, dup, fork = Op.OPEN, Op.DUP, Op.FORK
    steps = [(open_, 1, 5), (Op.CLOSE, 1, 5), (open_, 1, 5), (dup, 1, 6), (open_, 1, 5), (fork, 2, 1), (open_, 1, 5)]
    op, process, fd = np.array(steps, np.int64).T
    zero, other = np.zeros(len(steps), np.int64), np.where(op == dup, 5, 1)
    rows = Rows(op.astype(np.uint8), np.arange(7), process, process, fd, other, zero, zero, zero - 1, ["/a"])
    dead, ids = dead_stores(rows, np.array([0, -1]), sharing(rows))
    assert dead.tolist() == [True, True, False, False, False, False, False]
    assert ids[dead].tolist() == [0, -1]
