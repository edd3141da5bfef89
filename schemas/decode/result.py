"""What stands behind the `=`: results, as strace prints them."""

from schemas.decode.fields import Row, descriptor, signed64
from schemas.errno import errno_name, errno_text
from schemas.flags import constant_set, format_flags, hexadecimal, octal
from schemas.syscalls import FD_RETURNED, Call

ADDRESSES = frozenset({"brk", "mmap", "mmap2", "mremap", "shmat", "map_shadow_stack"})
WAITING = frozenset({"poll", "ppoll", "select", "pselect6", "_newselect"})
RESTARTED = range(512, 515)
RESTART_BLOCK = 516
F_GETFD, F_GETFL, F_DUPFD, F_DUPFD_CLOEXEC, F_GET_SEALS = 1, 3, 0, 1030, 1034


def format_result(call: Call | None, row: Row) -> str:
    """The result: `3`, `-1 ENOENT (No such file or directory)`, `0x7f0000000000`; `?` while there is none."""
    if row.ret is None:
        return "?"
    if row.failed:
        number = -row.ret
        kernels = number in RESTARTED or number == RESTART_BLOCK
        return f"{'?' if kernels else -1} {errno_name(number)} ({errno_text(number)})"
    name = call.name if call else ""
    if name in ADDRESSES:
        return hexadecimal(row.ret & 0xFFFF_FFFF_FFFF_FFFF)
    if name in WAITING and row.ret == 0:
        return "0 (Timeout)"
    if name == "umask":
        return octal(row.ret)
    if name == "membarrier" and row.args[0] == 0 and row.ret:
        commands = constant_set("membarrier").enum or {}
        return f"{row.ret:#x} ({'|'.join(text for bit, text in commands.items() if bit & row.ret)})"
    if name in ("fcntl", "fcntl64"):
        return _fcntl(row, row.ret)
    if call is not None and call.fd == FD_RETURNED:
        return descriptor(row, row.ret)
    return str(signed64(row.ret))


def _fcntl(row: Row, result: int) -> str:
    """What fcntl returns depends on the command."""
    match row.args[1]:
        case command if command in (F_DUPFD, F_DUPFD_CLOEXEC):
            return descriptor(row, result)
        case command if command == F_GETFD and result:
            return f"{result:#x} (flags {format_flags('fd_flags', result)})"
        case command if command == F_GETFL:
            return f"{hexadecimal(result)} (flags {format_flags('open', result)})"
        case command if command == F_GET_SEALS and result:
            return f"{result:#x} (seals {format_flags('seals', result)})"
    return str(result)
