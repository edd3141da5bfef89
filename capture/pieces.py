"""What a call points to: paths, a socket address, the first bytes of a buffer, the arguments of a program.

Read by the same plan, to the same limits and at the same time (at the return; of execve at the entry) as
bpf/payload.bpf.h does, so that both backends fill the same columns.
"""

import os
import re
import struct
from collections.abc import Sequence
from typing import NamedTuple

from capture.memory import Memory
from schemas.record import ABSENT, PLAN_FILLED, PLAN_FOUND_MASK, PLAN_FOUND_SHIFT, Addr, Data, Flag, Found

_PATH_MOST, _ADDR_MOST = 4096, 128
_ARGV_MOST, _ARGUMENT_MOST, _ARGUMENTS = 32768, 4096, 1024
_IOVECS = 16
_LENGTHS = struct.Struct("=4H")  # struct systape_pieces
_IOVEC = struct.Struct("=QQ")
_MSGHDR = struct.Struct("=QI4xQQ")  # name, its length, iovecs, their number

Piece = bytes | None
Arguments = Sequence[int]

_NUMBERED = re.compile(rb"(socket|pipe):\[(\d+)\]")
_DELETED = b" (deleted)"
_VECTORS = (Data.GIVEN_VECTOR, Data.BACK_VECTOR)
_BUFFERS = {Data.GIVEN: 1, Data.GIVEN_THIRD: 2, Data.BACK: 1, Data.BACK_FIRST: 0, Data.BACK_THIRD: 2}
_BACK = (Data.BACK, Data.BACK_FIRST, Data.BACK_THIRD, Data.BACK_VECTOR, Data.BACK_MESSAGE)


class Pieces(NamedTuple):
    """What was read of a call, and flags for its record."""

    path: Piece = None
    path2: Piece = None
    addr: Piece = None
    data: Piece = None
    flags: int = 0

    def payload(self) -> bytes | None:
        """The bytes that belong to the record: the length of each piece, then the pieces. None if there is none."""
        pieces = self[:4]
        if pieces == (None, None, None, None):
            return None
        lengths = _LENGTHS.pack(*(ABSENT if piece is None else len(piece) for piece in pieces))
        return lengths + b"".join(piece for piece in pieces if piece)


NOTHING = Pieces()


class Reader:
    """Reads the pieces of calls. Of a buffer at most `data_bytes`; 0 leaves buffers out."""

    def __init__(self, data_bytes: int) -> None:
        self._memory = Memory()
        self._data_bytes = data_bytes

    def needs_reading(self, plan: int) -> bool:
        """Is there anything to read for a call of this plan?"""
        how = Data(plan >> 9 & 15)
        always = plan & 0x81FF or plan >> PLAN_FOUND_SHIFT & PLAN_FOUND_MASK or how in (Data.PAIR, Data.PAIR_LAST)
        return bool(always or (how and self._data_bytes))

    def read(self, tid: int, plan: int, args: Arguments, ret: int) -> Pieces:
        """What a call that returned points to, by its plan."""
        path, flags = (None, 0) if plan & PLAN_FILLED and ret <= 0 else self._path(tid, plan & 7, args)
        path2, more = self._path(tid, plan >> 3 & 7, args)
        found = Found(plan >> PLAN_FOUND_SHIFT & PLAN_FOUND_MASK)
        if found is not Found.NOTHING and ret >= 0:
            path2 = self._found(tid, found, args, ret)
        addr = self._address(tid, Addr(plan >> 6 & 7), args, ret)
        data = self._data(tid, Data(plan >> 9 & 15), args, ret)
        return Pieces(path, path2, addr, data, flags | more)

    def program(self, tid: int, path: int, argv: int, pointer: int) -> Pieces:
        """Path and arguments, each with its NUL, of an execve that begins. `pointer` is the size of one."""
        found = self._memory.string(tid, path, _PATH_MOST - 1) if path else None
        flags = Flag.PATH_UNREADABLE if path and found is None else 0
        arguments, more = self._arguments(tid, argv, pointer)
        return Pieces(found, data=arguments, flags=flags | more)

    def _arguments(self, tid: int, argv: int, pointer: int) -> tuple[Piece, int]:
        arguments, flags = b"", 0
        for index in range(_ARGUMENTS):
            if len(arguments) >= _ARGV_MOST:
                return arguments[:_ARGV_MOST], Flag.TRUNCATED
            where = self._memory.read(tid, argv + pointer * index, pointer)
            if where is None:
                return None, flags
            if not any(where):
                return arguments, flags
            argument = self._memory.string(tid, int.from_bytes(where, "little"), _ARGUMENT_MOST - 1)
            if argument is None:
                return None, flags
            flags |= Flag.TRUNCATED if len(argument) == _ARGUMENT_MOST - 1 else 0
            arguments += argument + b"\0"
        return arguments, flags | Flag.TRUNCATED

    def clone_flags(self, tid: int, address: int) -> int:
        """The flags of a clone3, which lie in memory."""
        return int.from_bytes(self._memory.read(tid, address, 8) or b"", "little")

    def _path(self, tid: int, place: int, args: Arguments) -> tuple[Piece, int]:
        """A NULL pointer is no path; a path that cannot be read is none either, but the record says so."""
        if not place or not args[place - 1]:
            return None, 0
        path = self._memory.string(tid, args[place - 1], _PATH_MOST - 1)
        if path is None:
            return None, Flag.PATH_UNREADABLE
        return path, Flag.TRUNCATED if len(path) == _PATH_MOST - 1 else 0

    def _found(self, tid: int, how: Found, args: Arguments, ret: int) -> Piece:
        """The file to which a call has led, as bpf/found.bpf.h puts it: names from there to the root."""
        if how is Found.BY_CWD:
            return _place(f"/proc/{tid}/cwd")
        if how is Found.BY_PAIR:
            first = self._memory.read(tid, args[0], 4)
            return None if first is None else _place(f"/proc/{tid}/fd/{int.from_bytes(first, 'little')}")
        if how is Found.BY_SOCKETS:
            pair = self._memory.read(tid, args[3], 8)
            ends = [_place(f"/proc/{tid}/fd/{fd}") for fd in struct.unpack("=2i", pair)] if pair else []
            found = [end for end in ends if end is not None]
            return found[0] + found[1][1:] if len(found) == 2 else None
        return _place(f"/proc/{tid}/fd/{ret}")

    def _address(self, tid: int, how: Addr, args: Arguments, ret: int) -> Piece:
        if how is Addr.NONE:
            return None
        if how is Addr.GIVEN:
            return self._bytes(tid, args[1], args[2] & 0xFFFF_FFFF, _ADDR_MOST)
        if how is Addr.GIVEN_LAST:
            return self._bytes(tid, args[4], args[5] & 0xFFFF_FFFF, _ADDR_MOST)
        if how is Addr.MESSAGE:
            header = self._memory.read(tid, args[1], _MSGHDR.size)
            if header is None:
                return None
            name, length, _, _ = _MSGHDR.unpack(header)
            return self._bytes(tid, name, length, _ADDR_MOST)
        pointer, behind = (args[1], args[2]) if how is Addr.BACK else (args[4], args[5])
        length = None if ret < 0 else self._memory.read(tid, behind, 4)
        return None if length is None else self._bytes(tid, pointer, int.from_bytes(length, "little"), _ADDR_MOST)

    def _data(self, tid: int, how: Data, args: Arguments, ret: int) -> Piece:
        if how in (Data.PAIR, Data.PAIR_LAST):
            return None if ret else self._memory.read(tid, args[0] if how is Data.PAIR else args[3], 8)
        most = self._data_bytes
        if how is Data.NONE or not most or (how in _BACK and ret < 0):
            return None
        if how in _BACK:
            most = min(most, ret)
        if how in _BUFFERS:
            place = _BUFFERS[how]
            length = ret if how in _BACK else args[place + 1]
            return b"" if not min(length, most) else self._bytes(tid, args[place], length, most)
        if how in _VECTORS:
            return self._vector(tid, args[1], args[2], most)
        header = self._memory.read(tid, args[1], _MSGHDR.size)
        if header is None:
            return None
        _, _, vector, count = _MSGHDR.unpack(header)
        return self._vector(tid, vector, count, most)

    def _vector(self, tid: int, vector: int, count: int, most: int) -> Piece:
        """What iovecs point to, as far as it can be read; None if nothing can."""
        found = b""
        for index in range(min(count, _IOVECS)):
            one = self._memory.read(tid, vector + index * _IOVEC.size, _IOVEC.size)
            if one is None:
                return found or None
            address, length = _IOVEC.unpack(one)
            if (wanted := min(length, most - len(found))) > 0:
                piece = self._memory.read(tid, address, wanted)
                if piece is None:
                    return found or None
                found += piece
        return found

    def _bytes(self, tid: int, address: int, length: int, most: int) -> Piece:
        return self._memory.read(tid, address, min(length, most)) if address and length else None


def _place(link: str) -> Piece:
    """Where a link of /proc leads; None where that is no place, or the link is gone. Source: proc(5)."""
    try:
        target = os.fsencode(os.readlink(link))  # noqa: PTH115 - half the time of Path.readlink, and it runs per call
    except OSError:  # closed by another thread, or a process that only root may look into
        return None
    if numbered := _NUMBERED.fullmatch(target):
        return numbered[1][:1] + int(numbered[2]).to_bytes(8, "little")
    if not target.startswith(b"/") or target.startswith(b"/memfd:"):
        return None
    names = [name for name in target.removesuffix(_DELETED).split(b"/") if name]
    return b"f" + b"".join(name + b"\0" for name in reversed(names))
