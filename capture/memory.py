"""Reads the memory of a tracee: process_vm_readv(2), which also brings in pages that are not there yet."""

import ctypes

_PAGE = 4096
_libc = ctypes.PyDLL(None, use_errno=True)
_read = _libc.process_vm_readv
_read.argtypes = (
    *(ctypes.c_int, ctypes.c_void_p, ctypes.c_ulong),
    *(ctypes.c_void_p, ctypes.c_ulong, ctypes.c_ulong),
)
_read.restype = ctypes.c_ssize_t


class Memory:
    """The memory of any tracee, through one buffer of `size` bytes."""

    def __init__(self, size: int = 1 << 17) -> None:
        self._buffer = (ctypes.c_char * size)()
        self._view = memoryview(self._buffer).cast("B")
        self._local = (ctypes.c_uint64 * 2)(ctypes.addressof(self._buffer), size)
        self._remote = (ctypes.c_uint64 * 4)()
        self._here, self._there = ctypes.addressof(self._local), ctypes.addressof(self._remote)

    def read(self, tid: int, address: int, length: int) -> bytes | None:
        """Exactly so many bytes, as far as the buffer goes; None if they cannot be read."""
        remote, self._local[1] = self._remote, length
        remote[0], remote[1] = address, length
        done = _read(tid, self._here, 1, self._there, 1, 0)
        return self._view[:length].tobytes() if done == length else None

    def string(self, tid: int, address: int, most: int) -> bytes | None:
        """Up to `most` bytes before a NUL; None if a page before it cannot be read.

        The rest of the first page and what follows it are asked for apart: a page that is not there ends the reading.
        """
        found = b""
        length = min(256, most)
        while True:
            first = min(length, _PAGE - address % _PAGE)
            remote, self._local[1] = self._remote, length
            remote[0], remote[1], remote[2], remote[3] = address, first, address + first, length - first
            done = _read(tid, self._here, 1, self._there, 2 if length > first else 1, 0)
            if done <= 0:
                return None
            piece = self._view[:done].tobytes()
            end = piece.find(b"\0")
            if end >= 0:
                return found + piece[:end]
            found += piece
            if len(found) >= most:
                return found[:most]
            address += done
            length = min(_PAGE, most - len(found))
