"""Finds the rows that need not be replayed one by one, which are most of them.

What an open, or a close, puts into a table of descriptors is noted, for look-ups. To the replay itself it is a dead
store, as compilers call it, if the same descriptor is written again before anything reads it: a dup of it, or whatever
may look at the whole table, as a fork does. What is to be noted of such a row is known without the tables.
"""

import numpy as np
import numpy.typing as npt

from analyze.replay.rows import RANGE_UNSHARE, SHARES_ALL, SHARES_FILES, Integers, Numbers, Op, Rows
from analyze.replay.sorting import coded, order_of_codes, packed

Mask = npt.NDArray[np.bool_]


def dead_stores(rows: Rows, absolute: Integers, shared: Integers) -> tuple[Mask, Integers]:
    """Which rows are dead stores, and the ids that are to be noted of these; both of the shape of the rows' columns.

    `absolute` has for each text the id of what it names, negative where that depends on a directory, and -1 for none;
    `shared` is what `sharing` found in these rows and all before and after them.
    """
    opened, made, dups = rows.op == Op.OPEN, rows.op == Op.MAKE, rows.op == Op.DUP
    ids = np.where(made, rows.text, -1)
    ids[opened] = absolute[rows.text[opened]]
    known = made | (rows.op == Op.CLOSE) | (opened & ((rows.text < 0) | (ids >= 0)))
    store, after = _next_on_descriptor(rows, known, dups)
    alone = ~np.isin(rows.process[store], shared)
    store, after = store[alone], after[alone]
    dead = np.zeros(len(rows.op), np.bool_)
    dead[store[~_looked_at(rows, ~(known | dups | (rows.op == Op.MODE)), store, after)]] = True
    return dead, ids


def _next_on_descriptor(rows: Rows, known: Mask, dups: Mask) -> tuple[Numbers, Numbers]:
    """The places of known stores that are followed, on the same descriptor, by another store, and of those."""
    reads, writes = np.flatnonzero(dups | (rows.op == Op.MODE)), np.flatnonzero(known | dups)
    places = np.concatenate([reads, writes])
    fds = np.concatenate([np.where(dups[reads], rows.other[reads], rows.fd[reads]), rows.fd[writes]])
    in_time = np.argsort(places, kind="stable")  # a dup reads before it writes
    codes, _ = coded(packed(rows.process[places], fds)[in_time])
    order = order_of_codes(codes)
    places, codes, is_read = places[in_time][order], codes[order], (in_time < len(reads))[order]
    followed = (codes[1:] == codes[:-1]) & ~is_read[:-1] & ~is_read[1:]
    followed &= known[places[:-1]]
    return places[:-1][followed], places[1:][followed]


def sharing(rows: Rows) -> Integers:
    """Processes whose table of descriptors has ever more than one owner, or some of whose threads have another."""
    fork, leader = rows.op == Op.FORK, rows.process == rows.thread
    shared = fork & leader & (rows.mode & SHARES_FILES != 0)
    apart = fork & ~leader & (rows.mode & SHARES_ALL != SHARES_ALL)
    apart |= (rows.op == Op.UNSHARE) | ((rows.op == Op.CLOSE_RANGE) & (rows.mode & RANGE_UNSHARE != 0))
    of_them = np.isin(rows.thread, rows.thread[apart]) if apart.any() else apart  # whosever threads they are later
    return np.unique(np.concatenate([rows.process[shared], rows.fd[shared], rows.process[apart | of_them]]))


def _looked_at(rows: Rows, looks: Mask, store: Numbers, after: Numbers) -> Mask:
    """Whether between two places a row, one of `looks`, may have read any descriptor of the process of the first."""
    looking, forks = np.flatnonzero(looks), np.flatnonzero(rows.op == Op.FORK)
    whose = np.concatenate([rows.process[store], rows.process[looking], rows.fd[forks]])  # a fork reads its parent's
    codes, _ = coded(whose)
    looked = np.sort(packed(codes[len(store) :], np.concatenate([looking, forks])))
    first = _after(looked, packed(codes[: len(store)], store)) < packed(codes[: len(store)], after)
    return first | (_after(np.flatnonzero(rows.op == Op.LOSS), store) < after)


def _after(places: Numbers, place: Numbers) -> Numbers:
    """The first of the places, in order, after each of others."""
    found: Numbers = np.append(places, np.iinfo(np.int64).max)[np.searchsorted(places, place, side="right")]
    return found
