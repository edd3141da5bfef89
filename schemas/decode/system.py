"""Calls on the machine as a whole, and on how it treats a process."""

from schemas.decode.fields import MASK32, Row, pointer, signed32
from schemas.decode.registry import decodes
from schemas.flags import constant_set, format_enum, format_flags, hexadecimal
from schemas.syscalls import Call

CPU = 1  # MEMBARRIER_CMD_FLAG_CPU
ASK = 0xFFFF_FFFF  # personality: tell the present one
IOPRIO_CLASSES = ("IOPRIO_CLASS_NONE", "IOPRIO_CLASS_RT", "IOPRIO_CLASS_BE", "IOPRIO_CLASS_IDLE")
IOPRIO_SHIFT = 13
SYSLOG_READS = range(2, 5)
SYSLOG_LEVEL = 8
LEVELS = ("EMERG", "ALERT", "CRIT", "ERR", "WARNING", "NOTICE", "INFO", "DEBUG")


@decodes("syslog")
def kernel_log(_: Call, row: Row) -> list[str]:
    """The action is printed as a number, with its name behind; it says which arguments count."""
    action, buffer, size = row.args[:3]
    name = (constant_set("syslog").enum or {}).get(action & MASK32, "SYSLOG_ACTION_???")
    shown = [f"{signed32(action)} /* {name} */"]
    if action in SYSLOG_READS or name.endswith("???"):
        return [*shown, pointer(buffer), str(signed32(size))]
    if action == SYSLOG_LEVEL:
        level = LEVELS[size] if 0 <= size < len(LEVELS) else "???"
        return [*shown, pointer(buffer), f"{signed32(size)} /* LOGLEVEL_{level} */"]
    return shown


@decodes("reboot")
def reboot(_: Call, row: Row) -> list[str]:
    """Only one command has an argument."""
    magic1, magic2, command, text = row.args[:4]
    name = format_enum("reboot_cmd", command)
    shown = [format_enum("reboot_magic1", magic1), format_enum("reboot_magic2", magic2), name]
    return [*shown, pointer(text)] if name == "LINUX_REBOOT_CMD_RESTART2" else shown


@decodes("membarrier")
def barrier(_: Call, row: Row) -> list[str]:
    """The CPU counts only with its flag."""
    command, flags, cpu = row.args[:3]
    shown = [format_enum("membarrier", command), format_flags("membarrier_flags", flags)]
    return [*shown, str(signed32(cpu))] if flags & CPU else shown


@decodes("personality")
def personality(_: Call, row: Row) -> list[str]:
    """All ones change nothing."""
    value = row.args[0] & MASK32
    return [hexadecimal(value) if value == ASK else format_flags("personality", value)]


@decodes("ioprio_set")
def io_priority(_: Call, row: Row) -> list[str]:
    """A priority is a class and a level."""
    which, who, priority = row.args[:3]
    number, level = (priority & MASK32) >> IOPRIO_SHIFT, priority & (1 << IOPRIO_SHIFT) - 1
    name = f"{number:#x} /* IOPRIO_CLASS_??? */"
    if number < len(IOPRIO_CLASSES):
        name = IOPRIO_CLASSES[number]
    return [format_enum("ioprio_who", which), str(signed32(who)), f"IOPRIO_PRIO_VALUE({name}, {level})"]
