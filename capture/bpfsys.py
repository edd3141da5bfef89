"""The bpf(2) calls that are made on descriptors, whichever loader got them: maps read and written, programs asked.

Source: include/uapi/linux/bpf.h. Numbers are an ABI of the kernel.
"""

import ctypes
import os
import platform
from collections.abc import Iterator
from dataclasses import dataclass

_SYS_BPF = {"x86_64": 321, "aarch64": 280}
_LOOKUP, _UPDATE, _NEXT_KEY, _INFO = 1, 2, 4, 15
_libc = ctypes.CDLL(None, use_errno=True)


class _Element(ctypes.Structure):
    _fields_ = (
        ("map_fd", ctypes.c_uint32),
        ("key", ctypes.c_uint64),
        ("value", ctypes.c_uint64),
        ("flags", ctypes.c_uint64),
    )


class _Info(ctypes.Structure):
    _fields_ = (("bpf_fd", ctypes.c_uint32), ("info_len", ctypes.c_uint32), ("info", ctypes.c_uint64))


class _ProgramInfo(ctypes.Structure):
    """The head of struct bpf_prog_info: what lies behind the members used is padding."""

    _fields_ = (
        ("type", ctypes.c_uint32),
        ("id", ctypes.c_uint32),
        ("before", ctypes.c_uint8 * 184),
        ("run_time_ns", ctypes.c_uint64),
        ("run_cnt", ctypes.c_uint64),
        ("recursion_misses", ctypes.c_uint64),
        ("rest", ctypes.c_uint8 * 64),
    )


@dataclass(frozen=True)
class ProgramStats:
    """What the kernel says of a program. Times and runs are 0 unless kernel.bpf_stats_enabled is set."""

    id: int
    run_time_ns: int
    runs: int
    recursion_misses: int


def _bpf(command: int, attributes: ctypes.Structure) -> int:
    result = int(
        _libc.syscall(_SYS_BPF[platform.machine()], command, ctypes.byref(attributes), ctypes.sizeof(attributes))
    )
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def update(map_fd: int, key: bytes, value: bytes) -> None:
    """Set one element. Raises OSError."""
    keys, values = ctypes.create_string_buffer(key, len(key)), ctypes.create_string_buffer(value, len(value))
    _bpf(_UPDATE, _Element(map_fd, ctypes.addressof(keys), ctypes.addressof(values), 0))


def items(map_fd: int, key_size: int, value_size: int) -> Iterator[tuple[bytes, bytes]]:
    """All elements of a map that nobody changes meanwhile."""
    key, following = ctypes.create_string_buffer(key_size), ctypes.create_string_buffer(key_size)
    value = ctypes.create_string_buffer(value_size)
    address = 0
    while True:
        try:
            _bpf(_NEXT_KEY, _Element(map_fd, address, ctypes.addressof(following), 0))
        except FileNotFoundError:  # ENOENT: that was the last one
            return
        key.raw = following.raw
        address = ctypes.addressof(key)
        _bpf(_LOOKUP, _Element(map_fd, address, ctypes.addressof(value), 0))
        yield key.raw, value.raw


def program_stats(program_fd: int) -> ProgramStats:
    """The kernel's own figures of a loaded program. Raises OSError."""
    info = _ProgramInfo()
    _bpf(_INFO, _Info(program_fd, ctypes.sizeof(info), ctypes.addressof(info)))
    return ProgramStats(info.id, info.run_time_ns, info.run_cnt, info.recursion_misses)
