"""Socket addresses as the kernel holds them, as text."""

import ipaddress
import socket
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capture.address import text


def inet(host: str, port: int) -> bytes:
    """struct sockaddr_in."""
    return struct.pack("=H", socket.AF_INET) + struct.pack(">H", port) + socket.inet_aton(host) + bytes(8)


def inet6(host: str, port: int, scope: int = 0, flow: int = 0) -> bytes:
    """struct sockaddr_in6."""
    head = struct.pack("=H", socket.AF_INET6) + struct.pack(">H", port) + struct.pack(">I", flow)
    return head + socket.inet_pton(socket.AF_INET6, host) + struct.pack("=I", scope)


UNIX = struct.pack("=H", socket.AF_UNIX)
NETLINK = struct.pack("=HH", socket.AF_NETLINK, 0)


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        (inet("10.0.0.7", 443), b"10.0.0.7:443"),
        (inet("0.0.0.0", 0), b"0.0.0.0:0"),
        (inet("255.255.255.255", 65535)[:8], b"255.255.255.255:65535"),
        (inet6("::1", 53), b"[::1]:53"),
        (inet6("::1", 53, flow=0xABCDE), b"[::1]:53"),
        (inet6("fe80::1", 53, scope=2), b"[fe80::1%2]:53"),
        (inet6("::ffff:10.0.0.7", 80)[:24], b"[::ffff:10.0.0.7]:80"),
        (UNIX + b"/run/x.sock\0", b"unix:/run/x.sock"),
        (UNIX + b"/run/x.sock", b"unix:/run/x.sock"),
        (UNIX + b"/run/x\0old", b"unix:/run/x"),
        (UNIX, b"unix:"),
        (UNIX + b"\0name", b"unix:@name"),
        (UNIX + b"\0na\0me", b"unix:@na\0me"),
        (UNIX + b"\xff", b"unix:\xff"),
        (NETLINK + struct.pack("=II", 0, 0), b"netlink:0"),
        (NETLINK + struct.pack("=II", 4242, 0x11), b"netlink:4242:0x11"),
        (struct.pack("=H", 0) + bytes(14), b"family 0"),
        (struct.pack("=H", 40) + bytes(14), b"family 40"),
        (inet("10.0.0.7", 443)[:7], b"family 2"),
        (inet6("::1", 53)[:23], b"family 10"),
        (NETLINK + bytes(7), b"family 16"),
    ],
)
def test_families(address: bytes, shown: bytes) -> None:
    """Each as the schema says; one that is cut short, or of another family, by the family's number."""
    assert text(address) == shown


@pytest.mark.parametrize("address", [b"", b"\2"])
def test_no_family(address: bytes) -> None:
    """Not even a family: no address."""
    assert text(address) is None


@settings(deadline=None)
@given(st.ip_addresses(), st.integers(0, 65535))
def test_hosts_and_ports(host: ipaddress.IPv4Address | ipaddress.IPv6Address, port: int) -> None:
    """What is shown is the host and port that it was made of."""
    made = inet6(str(host), port) if host.version == 6 else inet(str(host), port)
    shown, _, shown_port = (text(made) or b"").decode().rpartition(":")
    assert ipaddress.ip_address(shown.strip("[]")) == host
    assert int(shown_port) == port


@settings(deadline=None)
@given(
    st.binary(max_size=128)
    | st.tuples(st.sampled_from([1, 2, 10, 16]), st.binary(max_size=126)).map(
        lambda pair: struct.pack("=H", pair[0]) + pair[1]
    )
)
def test_arbitrary_bytes(address: bytes) -> None:
    """Whatever a program passes, there is a text for it, unless it is too short."""
    assert (text(address) is None) == (len(address) < 2)
