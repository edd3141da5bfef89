"""Numbers put together, and sorted by few distinct ones among many, faster than numpy does by their values."""

import numpy as np

from analyze.replay.rows import Integers, Numbers

HALF = 32
LOW = (1 << HALF) - 1


def packed(high: Integers, low: Integers) -> Numbers:
    """Two numbers as one, which sorts by the first and, if it is not negative, then by the second: 32 bits of each."""
    return high.astype(np.int64, copy=False) << HALF | low.astype(np.int64, copy=False) & LOW


def coded(values: Integers) -> tuple[Integers, Integers]:
    """For each value its place among the distinct ones, and these, in the order in which they first come."""
    import pyarrow as pa

    found = pa.array(values).dictionary_encode()
    return np.asarray(found.indices), np.asarray(found.dictionary)


def order_of_codes(codes: Integers) -> Numbers:
    """The stable order of small numbers: by 16 bits at a time, for which numpy has a radix sort."""
    order = np.argsort(codes.astype(np.uint16), kind="stable")
    if len(codes) and codes.max() >> 16:
        order = order[np.argsort((codes[order] >> 16).astype(np.uint16), kind="stable")]
    return order
