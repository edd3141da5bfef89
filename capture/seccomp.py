"""A seccomp filter that stops a command at chosen calls and lets all others run at full speed.

The program is classic BPF, in the form that prctl(2) takes. It belongs to the process and to all that descend from it,
for good: whoever installs it must see to it that a tracer is there, for without one the chosen calls fail.
Source: seccomp(2), include/uapi/linux/{filter,seccomp,audit}.h.
"""

import ctypes
import os
import platform
import struct
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from schemas.record import CELL_OTHER, CELLS_PER_ABI
from schemas.syscalls import native_abi, table

_PR_SET_NO_NEW_PRIVS = 38
_SET_MODE_FILTER, _SPEC_ALLOW = 1, 4  # seccomp(2)
_TRACE, _ALLOW = 0x7FF0_0000, 0x7FFF_0000
_LOAD, _JUMP, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x05, 0x15, 0x35, 0x06  # BPF_LD|W|ABS, JMP|JA, JEQ|K, JGE|K, RET|K
_NR, _ARCH = 0, 4  # in struct seccomp_data
_NATIVE = {"x86_64": 0xC000_003E, "aarch64": 0xC000_00B7}
_I386 = 0x4000_0003
_INSTRUCTION = struct.Struct("=HBBI")


def program(cells: npt.NDArray[np.bool_]) -> bytes:
    """The filter that stops at the calls of these accounting cells (shape (CELLS,)): 8 bytes an instruction."""
    others = cells[CELL_OTHER : CELL_OTHER + 1]
    instructions = [
        *_table(_NATIVE[platform.machine()], np.append(cells[:CELLS_PER_ABI], others)),
        *_table(_I386, np.append(cells[CELLS_PER_ABI:CELL_OTHER], others)),
        (_RETURN, 0, 0, _ALLOW),
    ]
    return b"".join(_INSTRUCTION.pack(*one) for one in instructions)


def _table(arch: int, chosen: npt.NDArray[np.bool_]) -> Iterator[tuple[int, int, int, int]]:
    """Instructions for one arch; those for the next one follow. The last of `chosen` is for all higher numbers.

    Numbers fall into ranges of the same answer, which are tried from the highest down.
    """
    body = [(_LOAD, 0, 0, _NR)]
    for start in [*reversed((np.flatnonzero(chosen[1:] != chosen[:-1]) + 1).tolist()), 0]:
        body += [(_AT_LEAST, 0, 1, start), (_RETURN, 0, 0, _TRACE if chosen[start] else _ALLOW)]
    yield from [(_LOAD, 0, 0, _ARCH), (_EQUAL, 1, 0, arch), (_JUMP, 0, 0, len(body)), *body]


def install(instructions: bytes) -> None:
    """Put the filter on this process. Raises OSError.

    Without CAP_SYS_ADMIN the kernel wants a promise never to gain privileges; a traced process would gain none anyway.
    Kernels before 5.16 take a process with a filter for a sandbox and slow all of it down against speculation, unless
    told (SPEC_ALLOW) that it is none.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    number = table(native_abi()).by_name["seccomp"].nr
    code = ctypes.create_string_buffer(instructions, len(instructions))
    head = struct.pack("=H6xQ", len(instructions) // _INSTRUCTION.size, ctypes.addressof(code))
    for promise in (False, True):
        if promise:
            libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        if libc.syscall(number, _SET_MODE_FILTER, _SPEC_ALLOW, head) == 0:
            return
    raise OSError(ctypes.get_errno(), f"seccomp: {os.strerror(ctypes.get_errno())}")
