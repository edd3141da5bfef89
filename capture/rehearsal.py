"""A batch of calls that nobody made, done while the kernel program is loaded.

The first batch would take four times as long as the next ones: libraries are bound, memory is faulted in. The ring of a
CPU that makes calls as fast as it can is full in the meantime.
"""

import struct
import threading
from collections.abc import Callable

import numpy as np
import pyarrow as pa

from capture.columns import NR_UID, REST, Columns
from capture.pipeline import BUFFERS, Buffer
from schemas.record import ABSENT, FOUND_FILE, NO_PAYLOAD
from schemas.syscalls import native_abi, table

_FOUND = bytes([FOUND_FILE]) + b"name\0"
_PAYLOAD = struct.pack("=4H", 0, len(_FOUND), ABSENT, ABSENT) + _FOUND


class Rehearsal(threading.Thread):
    """Makes the buffers of `rows` records that a pipeline needs, and one batch, which `encode` gets, on a thread."""

    def __init__(self, rows: int, encode: Callable[[pa.RecordBatch], object]) -> None:
        super().__init__(name="rehearsal", daemon=True)
        self._rows, self._encode = rows, encode
        self._buffers: list[Buffer] = []
        self._failure: Exception | None = None
        self.start()

    def run(self) -> None:
        """The thread's own."""
        try:
            for _ in range(BUFFERS):
                buffer = Buffer(self._rows)
                buffer.words[:REST] = np.arange(self._rows, dtype=np.uint64) * 7919 % 1009
                buffer.words[NR_UID] = table(native_abi()).number("openat")
                buffer.words[REST] = NO_PAYLOAD
                buffer.bytes[: len(_PAYLOAD)] = np.frombuffer(_PAYLOAD, np.uint8)
                buffer.words[REST, 0] = 0  # where it begins
                self._buffers.append(buffer)
            self._encode(Columns(0, lambda _: None).batch(buffer.words, buffer.cpus, buffer.bytes))
        except Exception as error:  # noqa: BLE001 - raised by buffers(), on the thread that can tell
            self._failure = error

    def buffers(self) -> list[Buffer]:
        """The buffers, once it is over. Raises what went wrong, such as MemoryError."""
        self.join()
        if self._failure is not None:
            raise self._failure
        return self._buffers
