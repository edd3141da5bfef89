"""ptrace: the request says which arguments count. Offsets of registers and register sets are printed as numbers."""

from schemas.decode.fields import MASK32, MASK64, Row, pointer, signal, signed32
from schemas.decode.registry import decodes
from schemas.flags import format_enum, format_flags
from schemas.syscalls import Call

PROCESS_ONLY = frozenset({"PTRACE_KILL", "PTRACE_ATTACH", "PTRACE_INTERRUPT", "PTRACE_LISTEN"})
RESUMING = frozenset(
    f"PTRACE_{name}"
    for name in ("CONT", "SINGLESTEP", "DETACH", "SYSCALL", "SYSEMU", "SYSEMU_SINGLESTEP", "SINGLEBLOCK")
)
OPTIONS = frozenset({"PTRACE_OLDSETOPTIONS", "PTRACE_SETOPTIONS", "PTRACE_SEIZE"})
REGISTERS = frozenset({"PTRACE_GETREGS", "PTRACE_SETREGS", "PTRACE_GETFPREGS", "PTRACE_SETFPREGS"})
SIZED = frozenset(
    f"PTRACE_{name}"
    for name in ("GETSIGMASK", "SETSIGMASK", "SECCOMP_GET_FILTER", "SECCOMP_GET_METADATA", "GET_SYSCALL_INFO")
)


@decodes("ptrace")
def trace(_: Call, row: Row) -> list[str]:
    """The request, the process, and what the request needs of an address and a word."""
    request, pid, address, data = (value & MASK64 for value in row.args[:4])
    name = format_enum("ptrace", request, 64)
    if name == "PTRACE_TRACEME":
        return [name]
    shown = [name, str(signed32(pid))]
    if name in PROCESS_ONLY:
        return shown
    if name in RESUMING:
        return [*shown, pointer(address), signal(data & MASK32)]
    if name in OPTIONS:
        return [*shown, pointer(address), format_flags("ptrace_options", data, 64)]
    if name in REGISTERS:
        return [*shown, pointer(data)]
    return [*shown, str(address) if name in SIZED else pointer(address), pointer(data)]
