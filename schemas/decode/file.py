"""Calls on files and descriptors whose arguments depend on each other."""

from schemas.decode.fields import (
    MASK32,
    MASK64,
    Row,
    descriptor,
    device,
    directory,
    pointer,
    signal,
    signed32,
    signed64,
    string,
    vector,
)
from schemas.decode.registry import decodes
from schemas.flags import constant_set, format_enum, format_flags, hexadecimal, octal
from schemas.syscalls import Call

O_CREAT = 0o100
O_TMPFILE = 0o20000000  # without the O_DIRECTORY that goes with it
S_IFMT = 0o170000
TYPES = {0o140000: "S_IFSOCK", 0o120000: "S_IFLNK", 0o100000: "S_IFREG", 0o060000: "S_IFBLK", 0o040000: "S_IFDIR"}
TYPES |= {0o020000: "S_IFCHR", 0o010000: "S_IFIFO"}
SPECIAL = {0o4000: "S_ISUID", 0o2000: "S_ISGID", 0o1000: "S_ISVTX"}
DEVICES = ("S_IFBLK", "S_IFCHR")
NO_ARGUMENT = ("FIOCLEX", "FIONCLEX")


@decodes("open", "openat", "mq_open")
def opening(call: Call, row: Row) -> list[str]:
    """The mode counts only where a file may be made."""
    head = [directory(row, row.args[0])] if call.name == "openat" else []
    path, flags, *rest = row.args[len(head) :]
    shown = [*head, string(row, row.path, path), format_flags("open", flags)]
    if flags & (O_CREAT if call.name == "mq_open" else O_CREAT | O_TMPFILE):
        shown.append(octal(rest[0] & 0xFFFF))
        if call.name == "mq_open":
            shown.append(pointer(rest[1]))
    return shown


@decodes("mknod", "mknodat")
def make_node(call: Call, row: Row) -> list[str]:
    """The device counts only where one is made."""
    head = [directory(row, row.args[0])] if call.name == "mknodat" else []
    path, mode, dev = row.args[len(head) : len(head) + 3]
    kind = TYPES.get(mode & S_IFMT)
    shown = [*head, string(row, row.path, path), file_mode(mode)]
    return [*shown, device(dev)] if kind in DEVICES else shown


def file_mode(mode: int) -> str:
    """`S_IFIFO|S_ISVTX|0644`; with a type that has no name, plain octal."""
    kind = mode & S_IFMT
    if kind and kind not in TYPES:
        return octal(mode & 0xFFFF)
    return "|".join(
        [*([TYPES[kind]] if kind else []), *(name for bit, name in SPECIAL.items() if mode & bit), octal(mode & 0o777)]
    )


@decodes("fcntl", "fcntl64")
def control(_: Call, row: Row) -> list[str]:
    """The third argument is what the command says, or nothing."""
    fd, command, value = row.args[:3]
    name = format_enum("fcntl", command)
    shown = [descriptor(row, fd), name]
    match name:
        case "F_GETFD" | "F_GETFL" | "F_GETOWN" | "F_GETSIG" | "F_GETLEASE" | "F_GETPIPE_SZ" | "F_GET_SEALS":
            return shown
        case "F_SETFD":
            return [*shown, format_flags("fd_flags", value)]
        case "F_SETFL":
            return [*shown, format_flags("open", value)]
        case "F_DUPFD" | "F_DUPFD_CLOEXEC" | "F_SETOWN" | "F_SETPIPE_SZ":
            return [*shown, str(signed32(value))]
        case "F_SETSIG":
            return [*shown, signal(value)]
        case "F_SETLEASE":
            return [*shown, format_enum("lease", value & MASK64, 64)]
        case "F_NOTIFY":
            return [*shown, format_flags("notify", value & MASK64, 64)]
        case "F_ADD_SEALS":
            return [*shown, format_flags("seals", value & MASK64, 64)]
    return [*shown, hexadecimal(value & MASK64) if name.startswith("0x") else pointer(value)]


@decodes("ioctl")
def device_control(_: Call, row: Row) -> list[str]:
    """A request by name, or by its parts."""
    fd, request, value = row.args[:3]
    name = request_name(request & MASK32)
    shown = [descriptor(row, fd), name]
    if name in NO_ARGUMENT:
        return shown
    if name.endswith("FICLONE"):
        return [*shown, str(signed32(value))]
    structure = name.startswith(("TC", "TIO", "SIOC", "FIO"))
    return [*shown, pointer(value) if structure else hexadecimal(value & MASK64)]


def request_name(request: int) -> str:
    """The name of an ioctl request; `_IOC(direction, type, number, size)` if it has none."""
    names = constant_set("ioctl").enum or {}
    if request in names:
        return names[request]
    direction = {0: "_IOC_NONE", 1: "_IOC_WRITE", 2: "_IOC_READ", 3: "_IOC_READ|_IOC_WRITE"}[request >> 30]
    parts = (request >> 8 & 0xFF, request & 0xFF, request >> 16 & 0x3FFF)
    return f"_IOC({', '.join([direction, *map(hexadecimal, parts)])})"


@decodes("preadv", "pwritev", "preadv2", "pwritev2")
def vectored(call: Call, row: Row) -> list[str]:
    """The position is one number; its second half counts only on 32-bit machines."""
    shown = [
        descriptor(row, row.args[0]),
        vector(row, row.args[1], position=1),
        str(row.args[2] & MASK64),
        str(signed64(row.args[3])),
    ]
    return [*shown, format_flags("rwf", row.args[5])] if call.name.endswith("2") else shown


@decodes("mount")
def mount(_: Call, row: Row) -> list[str]:
    """The old magic number in the upper half of the flags is a flag."""
    source, target, kind, flags, data = row.args[:5]
    shown = [string(row, row.path, source), string(row, row.path2, target), pointer(kind)]
    magic = 0xC0ED0000
    if flags & 0xFFFF0000 == magic:
        rest = flags & MASK64 & ~magic
        text = "MS_MGC_VAL" + (f"|{format_flags('mount', rest, 64)}" if rest else "")
    else:
        text = format_flags("mount", flags & MASK64, 64)
    return [*shown, text, pointer(data)]


@decodes("fanotify_mark")
def mark(_: Call, row: Row) -> list[str]:
    """The directory may be none."""
    fd, flags, mask, dirfd, path = row.args[:5]
    where = "FAN_NOFD" if signed32(dirfd) == -1 else directory(row, dirfd)
    events = format_flags("fanotify_events", mask & MASK64, 64)
    return [descriptor(row, fd), format_flags("fanotify_mark", flags), events, where, string(row, row.path, path)]


@decodes("swapon")
def swap_on(_: Call, row: Row) -> list[str]:
    """The low bits are the priority."""
    flags = row.args[1] & MASK32
    priority, rest = flags & 0x7FFF, flags & ~0x7FFF
    text = f"{format_flags('swapon', rest)}|{priority}" if rest else str(priority)
    return [string(row, row.path, row.args[0]), text]
