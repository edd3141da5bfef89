"""Socket addresses as C would give them."""

from functools import lru_cache

from schemas.decode.text import CACHED_STRINGS, quote
from schemas.flags import format_enum

OTHER = "family "
"""What the column says of families that it does not know, before their number."""


@lru_cache(CACHED_STRINGS)
def socket_address(text: str) -> str:
    """A socket address as C would give it: the column `addr` says `10.0.0.7:443`, `[::1]:53`, `unix:/run/x.sock`."""
    family, _, rest = text.partition(":")
    if family == "unix":
        abstract = "@" if rest.startswith("@") else ""
        name = f", sun_path={abstract}{quote(rest.removeprefix('@').encode())}" if rest else ""
        return f"{{sa_family=AF_UNIX{name}}}"
    if family == "netlink":
        pid, _, groups = rest.partition(":")
        return f"{{sa_family=AF_NETLINK, nl_pid={pid or 0}, nl_groups={_groups(groups)}}}"
    if text.startswith(OTHER) and (number := text.removeprefix(OTHER)).isdigit():
        return f"{{sa_family={format_enum('family', int(number))}, ...}}"
    host, _, port = text.rpartition(":")
    if host.startswith("["):
        address, _, scope = host.strip("[]").partition("%")
        return (
            f"{{sa_family=AF_INET6, sin6_port=htons({port}), sin6_flowinfo=htonl(0), "
            f'inet_pton(AF_INET6, "{address}", &sin6_addr), sin6_scope_id={scope or 0}}}'
        )
    if host and port.isdigit():
        return f'{{sa_family=AF_INET, sin_port=htons({port}), sin_addr=inet_addr("{host}")}}'
    return text


def _groups(text: str) -> str:
    value = int(text or "0", 0)
    return f"0x{value:06x}" if value else "00000000"
