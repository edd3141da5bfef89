"""Calls on processes and threads whose arguments depend on each other."""

from collections.abc import Callable

from schemas.decode.fields import MASK32, MASK64, Row, pointer, signal, signed32, signed64, string
from schemas.decode.registry import decodes
from schemas.flags import format_enum, format_flags, hexadecimal
from schemas.syscalls import Call

CLONE_PARENT = 0x0010_0000 | 0x1000  # CLONE_PARENT_SETTID, CLONE_PIDFD
CLONE_SETTLS = 0x0008_0000
CLONE_CHILD = 0x0100_0000 | 0x0020_0000  # CLONE_CHILD_SETTID, CLONE_CHILD_CLEARTID


@decodes("clone")
def clone(call: Call, row: Row) -> list[str]:
    """Arguments by name: their order differs between machines, and the flags say which count."""
    values = dict(zip(call.args, row.args, strict=False))
    flags = values["clone_flags"] & MASK64
    shown = [f"child_stack={pointer(values['newsp'])}", f"flags={clone_flags(flags)}"]
    if flags & CLONE_PARENT:
        shown.append(f"parent_tid={pointer(values['parent_tidptr'])}")
    if flags & CLONE_SETTLS:
        shown.append(f"tls={pointer(values['tls'])}")
    if flags & CLONE_CHILD:
        shown.append(f"child_tidptr={pointer(values['child_tidptr'])}")
    return shown


def clone_flags(flags: int) -> str:
    """The flags, and in the low eight bits the signal that tells the parent of the child's end."""
    number = flags & 0xFF
    parts = [format_flags("clone", flags & ~0xFF, 64)] if flags & ~0xFF else []
    if number:
        parts.append(signal(number))
    return "|".join(parts) or "0"


Option = Callable[[Row], list[str]]


def _raw(count: int) -> Option:
    return lambda row: [hexadecimal(value & MASK64) for value in row.args[1 : 1 + count]]


def _enum(name: str, more: int = 0) -> Option:
    return lambda row: [format_enum(name, row.args[1] & MASK64, 64), *_raw(more + 1)(row)[1:]]


def _enum32(name: str) -> Option:
    return lambda row: [format_enum(name, row.args[1])]


def _number(more: int = 0) -> Option:
    return lambda row: [str(row.args[1] & MASK64), *_raw(more + 1)(row)[1:]]


def _death_signal(row: Row) -> list[str]:
    name = signal(row.args[1] & MASK64 if row.args[1] & MASK64 <= MASK32 else -1)
    return [name if name.startswith("S") else str(row.args[1] & MASK64)]


def _seccomp(row: Row) -> list[str]:
    mode = format_enum("seccomp_mode", row.args[1] & MASK64, 64)
    if mode == "SECCOMP_MODE_STRICT":
        return [mode]
    return [mode, pointer(row.args[2])] if mode == "SECCOMP_MODE_FILTER" else [mode, *_raw(4)(row)[1:]]


def _ambient(row: Row) -> list[str]:
    action = format_enum("cap_ambient", row.args[1] & MASK64, 64)
    named = action in ("PR_CAP_AMBIENT_IS_SET", "PR_CAP_AMBIENT_RAISE", "PR_CAP_AMBIENT_LOWER")
    capability = format_enum("capability", row.args[2] & MASK64, 64) if named else hexadecimal(row.args[2] & MASK64)
    return [action, capability, *_raw(4)(row)[2:]]


def _mapping_name(row: Row) -> list[str]:
    kind, start, length, name = (value & MASK64 for value in row.args[1:5])
    if kind:
        return [f"{kind:#x} /* PR_SET_VMA_??? */", *_raw(4)(row)[1:]]
    return ["PR_SET_VMA_ANON_NAME", pointer(start), str(length), pointer(name)]


def _tracer(row: Row) -> list[str]:
    return ["PR_SET_PTRACER_ANY" if row.args[1] & MASK64 == MASK64 else str(signed32(row.args[1]))]


def _memory_field(row: Row) -> list[str]:
    return [format_enum("prctl_mm", row.args[1]), *_raw(4)(row)[1:]]


def _nothing(_: Row) -> list[str]:
    return []


def _pointer(row: Row) -> list[str]:
    return [pointer(row.args[1])]


PRCTL: dict[str, Option] = {
    "PR_CAPBSET_READ": _enum("capability"),
    "PR_CAPBSET_DROP": _enum("capability"),
    "PR_CAP_AMBIENT": _ambient,
    "PR_GET_NAME": lambda row: [string(row, row.path, row.args[1])],
    "PR_SET_NAME": lambda row: [string(row, row.path, row.args[1])],
    "PR_GET_SPECULATION_CTRL": _enum("speculation"),
    "PR_SET_CHILD_SUBREAPER": _number(),
    "PR_SET_DUMPABLE": _enum("suid_dump"),
    "PR_SET_KEEPCAPS": _number(),
    "PR_SET_MM": _memory_field,
    "PR_SET_NO_NEW_PRIVS": _number(3),
    "PR_SET_PDEATHSIG": _death_signal,
    "PR_SET_PTRACER": _tracer,
    "PR_SET_SECCOMP": _seccomp,
    "PR_SET_SECUREBITS": lambda row: [format_flags("securebits", row.args[1] & MASK64, 64)],
    "PR_SET_THP_DISABLE": _number(3),
    "PR_SET_TSC": _enum32("tsc"),
    "PR_SET_TIMERSLACK": lambda row: [str(signed64(row.args[1]))],
    "PR_SET_VMA": _mapping_name,
}
for _name in ("CHILD_SUBREAPER", "ENDIAN", "FPEMU", "FPEXC", "PDEATHSIG", "TID_ADDRESS", "TSC", "UNALIGN"):
    PRCTL[f"PR_GET_{_name}"] = _pointer
for _name in ("ENDIAN", "FPEMU", "FPEXC", "TIMING"):
    PRCTL[f"PR_SET_{_name}"] = _number()
for _name in ("DUMPABLE", "FP_MODE", "KEEPCAPS", "SECCOMP", "SECUREBITS", "TIMERSLACK", "TIMING"):
    PRCTL[f"PR_GET_{_name}"] = _nothing
for _name in ("PR_TASK_PERF_EVENTS_DISABLE", "PR_TASK_PERF_EVENTS_ENABLE", "PR_SVE_GET_VL", "PR_SME_GET_VL"):
    PRCTL[_name] = _nothing


@decodes("prctl")
def process_control(_: Call, row: Row) -> list[str]:
    """The option says which arguments count."""
    name = format_enum("prctl", row.args[0])
    return [name, *PRCTL.get(name, _raw(4))(row)]


@decodes("arch_prctl")
def arch_control(_: Call, row: Row) -> list[str]:
    """The option says what the second argument is."""
    name = format_enum("arch_prctl", row.args[0])
    if name == "ARCH_GET_CPUID":
        return [name]
    address = name in ("ARCH_SET_FS", "ARCH_SET_GS", "ARCH_GET_FS", "ARCH_GET_GS")
    return [name, pointer(row.args[1]) if address else hexadecimal(row.args[1] & MASK64)]


@decodes("kcmp")
def compare(_: Call, row: Row) -> list[str]:
    """Only some resources have numbers."""
    pid1, pid2, kind, index1, index2 = row.args[:5]
    name = format_enum("kcmp", kind)
    shown = [str(signed32(pid1)), str(signed32(pid2)), name]
    if name == "KCMP_FILE":
        return [*shown, str(signed32(index1)), str(signed32(index2))]
    if name == "KCMP_EPOLL_TFD":
        return [*shown, str(signed32(index1)), pointer(index2)]
    return [*shown, *(hexadecimal(index & MASK64) for index in (index1, index2))] if name.startswith("0") else shown


@decodes("seccomp")
def seccomp(_: Call, row: Row) -> list[str]:
    """Only a filter has flags."""
    name = format_enum("seccomp", row.args[0])
    flags = row.args[1]
    filtered = name == "SECCOMP_SET_MODE_FILTER"
    shown = format_flags("seccomp_filter", flags) if filtered else hexadecimal(flags & MASK32)
    return [name, shown, pointer(row.args[2])]
