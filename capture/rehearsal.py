"""A batch of calls that nobody made, done while the kernel program is loaded.

The first batch would take four times as long as the next ones: libraries are bound, memory is faulted in. The ring of a
CPU that makes calls as fast as it can is full in the meantime.
"""

import struct
from collections.abc import Callable

import numpy as np
import pyarrow as pa

from capture.columns import NR_UID, REST, Columns
from capture.pipeline import BUFFERS, Buffer
from schemas.record import ABSENT, FOUND_FILE, NO_PAYLOAD
from schemas.syscalls import native_abi, table

_FOUND = bytes([FOUND_FILE]) + b"name\0"
_PAYLOAD = struct.pack("=4H", 0, len(_FOUND), ABSENT, ABSENT) + _FOUND


def rehearse(rows: int, encode: Callable[[pa.RecordBatch], object]) -> list[Buffer]:
    """The buffers, of `rows` records each, that a pipeline needs; one batch has been made in the last, and encoded."""
    buffers = [Buffer(rows) for _ in range(BUFFERS)]
    for buffer in buffers:
        buffer.words[:] = 0  # so that the memory is there
    words, cpus, content = buffers[-1].words, buffers[-1].cpus, buffers[-1].bytes
    words[:REST] = np.arange(rows, dtype=np.uint64) * 7919 % 1009
    words[NR_UID] = table(native_abi()).number("openat")
    words[REST] = NO_PAYLOAD
    words[REST, 0] = 0  # where the one payload begins
    content[: len(_PAYLOAD)] = np.frombuffer(_PAYLOAD, np.uint8)
    encode(Columns(0, lambda _: None).batch(words, cpus, content))
    return buffers
