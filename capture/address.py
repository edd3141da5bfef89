"""A socket address, as the kernel holds it, as text. Source: the sockaddr structures of include/uapi/linux."""

import socket
import struct

_FAMILY = struct.Struct("=H")
_PORT = struct.Struct(">H")


def text(address: bytes) -> bytes | None:
    """`10.0.0.7:443`, `[::1]:53`, `unix:/run/x.sock`, `unix:@abstract`, `netlink:PID:GROUPS`, else the family's number.

    None for what is too short to be an address. Paths are bytes, whoever chose them.
    """
    if len(address) < _FAMILY.size:
        return None
    family = _FAMILY.unpack_from(address)[0]
    if family == socket.AF_UNIX:
        return b"unix:" + _unix(address[2:])
    if family == socket.AF_INET and len(address) >= 8:
        port = _PORT.unpack_from(address, 2)[0]
        return f"{socket.inet_ntop(socket.AF_INET, address[4:8])}:{port}".encode()
    if family == socket.AF_INET6 and len(address) >= 24:
        port = _PORT.unpack_from(address, 2)[0]
        scope = struct.unpack_from("=I", address, 24)[0] if len(address) >= 28 else 0
        host = socket.inet_ntop(socket.AF_INET6, address[8:24])
        return f"[{host}{f'%{scope}' if scope else ''}]:{port}".encode()
    if family == socket.AF_NETLINK and len(address) >= 12:
        pid, groups = struct.unpack_from("=II", address, 4)
        return f"netlink:{pid}{f':{groups:#x}' if groups else ''}".encode()
    return f"family {family}".encode()


def _unix(path: bytes) -> bytes:
    """A name that starts with NUL is abstract, as long as the address says, and may hold any byte."""
    if path[:1] == b"\0":
        return b"@" + path[1:]
    return path.split(b"\0")[0]
