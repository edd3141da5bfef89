"""Calls on sockets whose arguments depend on each other."""

from functools import cache

from schemas.decode.fields import MASK64, Row, buffer, descriptor, descriptor_pair, pointer, signed32
from schemas.decode.registry import decodes
from schemas.flags import constant_set, format_enum, format_flags
from schemas.syscalls import Call

AF_PACKET = 17


@decodes("socket", "socketpair")
def make_socket(call: Call, row: Row) -> list[str]:
    """The family says how protocols are numbered."""
    family, kind, protocol = row.args[:3]
    name = format_enum("family", family)
    shown = [name, format_flags("sock_type", kind)]
    if call.name == "socketpair":
        return [*shown, str(protocol & MASK64), descriptor_pair(row, row.args[3])]
    return [*shown, protocol_name(name.removeprefix("AF_").lower(), protocol)]


def protocol_name(family: str, protocol: int) -> str:
    """A protocol of a family, by the end of its AF_ name in lower case; a number where the family has no names."""
    if family == "packet":
        number = (protocol & 0xFF) << 8 | protocol >> 8 & 0xFF
        return f"htons({format_enum('eth_p', number)})"
    if not has_set(f"protocol_{family}"):
        return str(protocol & MASK64)
    return format_enum(f"protocol_{family}", protocol)


@decodes("setsockopt", "getsockopt")
def socket_option(call: Call, row: Row) -> list[str]:
    """The level says how options are numbered."""
    fd, level, option, value, length = row.args[:5]
    name = format_enum("sol", level)
    options = f"sockopt_{name.partition('_')[2].lower()}"
    setting = call.name == "setsockopt"
    return [
        descriptor(row, fd),
        name,
        format_enum(options, option) if has_set(options) else str(option & 0xFFFF_FFFF),
        buffer(row, value, position=3, filled=not setting),
        str(signed32(length)) if setting else pointer(length),
    ]


@cache
def has_set(name: str) -> bool:
    """Whether there are names for these constants."""
    try:
        constant_set(name)
    except KeyError:
        return False
    return True
