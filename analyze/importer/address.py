"""Socket addresses as strace prints them, as the column `addr` has them."""

import re
import socket

from analyze.importer.strings import unquote

_FAMILY = re.compile(r"sa_family=(\w+)")
_PORT = re.compile(r"port=htons\((\d+)\)")
_IPV4 = re.compile(r'inet_addr\("([^"]*)"\)')
_IPV6 = re.compile(r'inet_pton\(AF_INET6, "([^"]*)"')
_SCOPE = re.compile(r"sin6_scope_id=(\w+|if_nametoindex\(\"[^\"]*\"\))")
_PATH = re.compile(r'sun_path=(@?)"((?:[^"\\]|\\.)*)"')
_NETLINK = re.compile(r"nl_pid=(-?\d+).*?nl_groups=(\w+)")


def address_of(text: str) -> bytes | None:
    """`10.0.0.7:443`, `[::1]:53`, `unix:/run/x.sock`, `netlink:0`; None where no structure was printed."""
    family = _FAMILY.search(text)
    if family is None:
        return None
    port = _PORT.search(text)
    match family[1]:
        case "AF_INET" if port and (host := _IPV4.search(text)):
            return f"{host[1]}:{port[1]}".encode()
        case "AF_INET6" if port and (host := _IPV6.search(text)):
            scope = _SCOPE.search(text)
            zone = f"%{scope[1]}" if scope and scope[1] != "0" else ""
            return f"[{host[1]}{zone}]:{port[1]}".encode()
        case "AF_UNIX":
            path = _PATH.search(text)
            return b"unix:" + (path[1].encode() + unquote(path[2]) if path else b"")
        case "AF_NETLINK" if netlink := _NETLINK.search(text):
            groups = int(netlink[2], 16)
            return f"netlink:{int(netlink[1]) & 0xFFFF_FFFF}{f':{groups:#x}' if groups else ''}".encode()
    return f"family {getattr(socket, family[1], 0)}".encode()
