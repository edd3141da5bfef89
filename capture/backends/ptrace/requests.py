"""The ptrace(2) requests and the structures they fill, by ctypes.

`request` and `wait` are bare: they return -1 on failure and raise nothing, since a tracee may die at any time and most
callers do not mind. The library is loaded so that calls keep the interpreter's lock: the tracer's process has no other
thread, and giving the lock up and taking it again would cost more than the call.
Source: ptrace(2), include/uapi/linux/ptrace.h, include/uapi/linux/audit.h. Numbers are an ABI of the kernel.
"""

import ctypes
import errno
import platform
import signal

from schemas.record import Abi
from schemas.syscalls import X32_BIT

CONT, DETACH, SYSCALL = 7, 17, 24
SETOPTIONS, GETEVENTMSG, GETSIGINFO, GETREGSET, SETREGSET = 0x4200, 0x4201, 0x4202, 0x4204, 0x4205
SEIZE, INTERRUPT, LISTEN, GET_SYSCALL_INFO = 0x4206, 0x4207, 0x4208, 0x420E

SYSGOOD, FORKS, EXEC, EXIT, SECCOMP = 1, 2 | 4 | 8, 16, 64, 128  # PTRACE_O_*
EXITKILL = 1 << 20
OPTIONS = SYSGOOD | FORKS | EXEC | EXIT

EVENT_FORK, EVENT_VFORK, EVENT_CLONE, EVENT_EXEC, EVENT_EXIT, EVENT_SECCOMP = 1, 2, 3, 4, 6, 7
EVENT_STOP = 128

WALL = 0x4000_0000
"""Wait for threads as well as for processes."""

STOPPED = 0x7F
SYSCALL_STOP = (signal.SIGTRAP | 0x80) << 8 | STOPPED
"""The wait status of a stop at the entry or the return of a call."""

STOP_SIGNALS = frozenset((signal.SIGSTOP, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU))

OP_ENTRY, OP_EXIT, OP_SECCOMP = 1, 2, 3
_NT_PRSTATUS = 1
_PLACES: dict[str, tuple[int, int | None]] = {"x86_64": (10, 15), "i386": (6, 11), "aarch64": (0, None)}
"""Where result and number of a call are in struct user_regs_struct; aarch64 has the number elsewhere."""
_ERESTARTNOINTR = -513
_I386_REGISTERS = 17 * 4

_ARCHES = {0xC000_003E: Abi.X86_64, 0x4000_0003: Abi.I386, 0xC000_00B7: Abi.AARCH64, 0x4000_0028: Abi.ARM}
_NATIVE_ARCH = {"x86_64": 0xC000_003E, "aarch64": 0xC000_00B7}

_libc = ctypes.PyDLL(None, use_errno=True)

request = _libc.ptrace
"""request(number, tid, address, data)"""
request.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p)
request.restype = ctypes.c_long

quickly = _libc["ptrace"]
"""The same without declared arguments, which saves a quarter of the time: an address must be a c_void_p, 0 may be 0."""
quickly.restype = ctypes.c_long

wait = _libc["waitpid"]
"""wait(-1, c_void_p of an int for the status, WALL); -1 after a signal, or if there is nothing to wait for"""
wait.restype = ctypes.c_int


class SyscallInfo:
    """struct ptrace_syscall_info. `words` are its words, `signed` the same as signed numbers:

    0 the stop (low byte: OP_*) and, in the upper half, the AUDIT_ARCH; 3 number or result; 4 .. 9 arguments.
    """

    SIZE = 88

    def __init__(self) -> None:
        buffer = (ctypes.c_uint64 * (self.SIZE // 8))()
        self.address = ctypes.addressof(buffer)
        self.pointer = ctypes.c_void_p(self.address)
        view = memoryview(buffer).cast("B")
        self.words = view.cast("Q")
        self.signed = view.cast("q")
        self.arguments = view[32:80]


def native(op: int) -> int:
    """The first word of struct ptrace_syscall_info at such a stop of a native call."""
    return _NATIVE_ARCH.get(platform.machine(), 0) << 32 | op


def abi_of(first: int, nr: int) -> Abi:
    """By which table a call is numbered, from the first word of its struct ptrace_syscall_info and its number."""
    abi = _ARCHES.get(first >> 32, Abi.X86_64)
    return Abi.X32 if abi is Abi.X86_64 and nr & X32_BIT and nr < 0x8000_0000 else abi


def event_message(tid: int) -> int | None:
    """What belongs to the event at which a tracee stands; None if it is gone."""
    message = ctypes.c_ulong()
    return None if request(GETEVENTMSG, tid, 0, ctypes.addressof(message)) < 0 else message.value


def signal_info(tid: int) -> tuple[int, int]:
    """si_code and si_pid of the signal with which a tracee stands; zeroes where there is none."""
    info = (ctypes.c_int32 * 32)()  # signo, errno, code, a hole, pid: the layout is an ABI of 64-bit machines
    return (0, 0) if request(GETSIGINFO, tid, 0, ctypes.addressof(info)) < 0 else (info[2], info[4])


class Registers:
    """The registers of a tracee that stands still. Raises ProcessLookupError if it is gone."""

    def __init__(self, tid: int) -> None:
        self._tid = tid
        buffer = (ctypes.c_uint64 * 64)()
        self._vector = (ctypes.c_uint64 * 2)(ctypes.addressof(buffer), ctypes.sizeof(buffer))
        if request(GETREGSET, tid, _NT_PRSTATUS, ctypes.addressof(self._vector)) < 0:
            raise ProcessLookupError(tid)
        compat = self._vector[1] == _I386_REGISTERS
        self._words = memoryview(buffer).cast("B").cast("i" if compat else "q")
        self._result, self._number = _PLACES["i386" if compat else platform.machine()]

    @property
    def result(self) -> int:
        """What the call from which it returns has come to; EINTR if it would have been made again."""
        value = self._words[self._result]
        return -errno.EINTR if value == _ERESTARTNOINTR else value

    def restart(self, nr: int) -> None:
        """If call `nr` has ended only since we interrupted it, have the kernel make it again.

        Calls such as epoll_wait return EINTR where others are made again. One with a timeout waits for all of it anew.
        """
        if self._number is not None and self._words[self._number] == nr and self.result == -errno.EINTR:
            self._words[self._result] = _ERESTARTNOINTR
            request(SETREGSET, self._tid, _NT_PRSTATUS, ctypes.addressof(self._vector))
