"""The producer's side of a ring, in memory that the collector maps too: as bpf/ring.bpf.h, with two differences.

There is one ring for all CPUs, since one process does all the tracing. And a full ring is waited for: the tracee stands
still anyway, so nothing is dropped as long as the collector does not stall for seconds.
"""

import mmap
import struct
import time

from capture.backends.ptrace.threads import Thread
from capture.loaders.base import Settings
from schemas.record import CELLS, NO_PAYLOAD, NOT_MEASURED, PAYLOAD_ALIGN, RECORD, RING, RING_HEADER, Cause, Flag, Kind

RECORD_BYTES = RECORD.itemsize
PLAIN = struct.Struct("=QQ48sq8sI44s")
"""struct systape_record: ts, dur, arguments, ret, pid and tid, nr, and Thread.plain."""

_RECORD = struct.Struct("=QQ48sq8sI36sIHBB")  # the same with Thread.who, payload, flags, kind, abi
_ARGUMENTS = struct.Struct("=6q")
_PAYLOAD, _FLAGS = RECORD_BYTES - 8, RECORD_BYTES - 4
_NAP = 0.001
_PATIENCE = 5.0


def place(member: str) -> int:
    """Where a member of struct systape_ring is, in words."""
    fields = RING.fields
    assert fields is not None
    return int(fields[member][1]) // 8


HEAD, TAIL, SEEN, FILTERED, CHILD_RETURNS = map(place, ("head", "tail", "seen", "filtered", "child_returns"))
_BYTES_HEAD, _BYTES_TAIL = place("bytes_head"), place("bytes_tail")
_STATE_DROPPED, _PAYLOAD_DROPPED = place("state_dropped"), place("payload_dropped")
_DROPPED = place("dropped") + Cause.RING_FULL * CELLS


class Ring:
    """Writes into the ring behind the descriptor `fd`.

    `words` are its positions and counters; a record goes to the place of its number, by `mask`, in `memory`.
    """

    def __init__(self, fd: int, settings: Settings) -> None:
        self.memory = mmap.mmap(fd, settings.ring_stride)
        self.words = memoryview(self.memory)[:RING_HEADER].cast("Q")
        self.mask = settings.ring_records - 1
        self._bytes = settings.ring_bytes
        self._payloads = RING_HEADER + settings.ring_records * RECORD_BYTES
        self._state_flags = int(Flag.STATE_ONLY) if settings.filter.leaves_out_calls else 0
        self.patience = _PATIENCE
        """For how long a full ring is waited for, s. Once that was in vain, not again until there is room."""
        self._hopeful = True

    def call(self, thread: Thread, dur: int, ret: int, flags: int, payload: bytes | None) -> None:
        """The thread's call, asked for: counted as seen, and as dropped if there is no room."""
        self.words[SEEN + thread.cell] += 1
        if not self._publish(pack(thread, dur, ret, flags), payload):
            self.words[_DROPPED + thread.cell] += 1

    def state_call(self, thread: Thread, dur: int, ret: int, flags: int, payload: bytes | None) -> None:
        """A call that the filter leaves out, but that names depend on."""
        self.words[FILTERED] += 1
        if not self._publish(pack(thread, dur, ret, flags | Flag.STATE_ONLY), payload):
            self.words[_STATE_DROPPED] += 1

    def state(
        self,
        kind: Kind,
        thread: Thread,
        *,
        parent: int,
        ret: int = 0,
        args: tuple[int, int] = (0, 0),
        payload: bytes | None = None,
        flags: int = 0,
    ) -> None:
        """A row of another kind, of this moment; `parent` is a pid."""
        now = time.monotonic_ns()
        values = (now, NOT_MEASURED, _ARGUMENTS.pack(*args, 0, 0, 0, 0), ret, thread.ids, parent, thread.who)
        record = bytearray(_RECORD.pack(*values, NO_PAYLOAD, flags | self._state_flags, kind, 0))
        if not self._publish(record, payload):
            self.words[_STATE_DROPPED] += 1

    def has_room(self) -> bool:
        """Is there room for one record, after some waiting perhaps?"""
        words = self.words
        if words[HEAD] - words[TAIL] < self.mask:
            self._hopeful = True
            return True
        return self._wait(TAIL, words[HEAD] - self.mask + 1)

    def _publish(self, record: bytearray, payload: bytes | None) -> bool:
        if not self.has_room():
            return False
        if payload is not None:
            self._put(record, payload)
        words = self.words
        head = words[HEAD]
        at = RING_HEADER + (head & self.mask) * RECORD_BYTES
        self.memory[at : at + RECORD_BYTES] = bytes(record)
        words[HEAD] = head + 1
        return True

    def _put(self, record: bytearray, payload: bytes) -> None:
        """The payload into the byte ring, and its place into the record. Where it would not fit, it starts in front."""
        words, size = self.words, self._bytes
        position = words[_BYTES_HEAD]
        at = position & size - 1
        if at + len(payload) > size:
            position, at = position + size - at, 0
        end = position + -(-len(payload) // PAYLOAD_ALIGN) * PAYLOAD_ALIGN
        if end - words[_BYTES_TAIL] > size and not self._wait(_BYTES_TAIL, end - size):
            words[_PAYLOAD_DROPPED] += 1
            record[_FLAGS] |= Flag.PAYLOAD_LOST
            return
        self.memory[self._payloads + at : self._payloads + at + len(payload)] = payload
        record[_PAYLOAD:_FLAGS] = (position & 0xFFFF_FFFF).to_bytes(4, "little")
        words[_BYTES_HEAD] = end

    def _wait(self, tail: int, wanted: int) -> bool:
        """Until that tail has reached `wanted`."""
        end = time.monotonic() + self.patience
        while self.words[tail] < wanted:
            if not self._hopeful or time.monotonic() > end:
                self._hopeful = False
                return False
            time.sleep(_NAP)
        return True


def pack(thread: Thread, dur: int, ret: int, flags: int) -> bytearray:
    """The record of a thread's call, without payload. `dur` may be NOT_MEASURED."""
    values = (thread.since, dur, thread.arguments, ret, thread.ids, thread.nr, thread.who)
    return bytearray(_RECORD.pack(*values, NO_PAYLOAD, flags, Kind.SYSCALL, thread.abi))
