"""Names without what differs from run to run: pids, ids, random parts, ports that the kernel chose."""

import re
from functools import lru_cache

REMEMBERED = 200_000
EPHEMERAL = 32_768
"""The first port that Linux gives to a client that asks for none (net.ipv4.ip_local_port_range)."""
TEMPORARY = ("/tmp/", "/var/tmp/", "/dev/shm/", "/run/")

_OBJECT = re.compile(r"^(pipe|socket):\[.*\]$")
_PROC = re.compile(r"/(proc|task|fd|fdinfo)/\d+(?=/|$)")
_GIT = re.compile(r"/objects/[0-9a-f]{2}(?=/|$)")
_UUID = re.compile(r"(?<![0-9a-zA-Z])(?=[a-f-]*\d)[0-9a-f]{8,}(?:-[0-9a-f]{4,})*(?![0-9a-zA-Z])")
_NUMBER = re.compile(r"(?<![0-9A-Za-z])\d{3,}(?![0-9A-Za-z])")
_PYTHON = re.compile(r"(?<![0-9A-Za-z])tmp[a-z0-9_]{8}(?![0-9A-Za-z])")
_TOKEN = re.compile(r"[A-Za-z0-9]{6,}")
_MIXED = re.compile(r"[a-z][A-Z]|[A-Z]{2}[a-z]|[0-9][A-Za-z]|[A-Za-z][0-9]")
_SUFFIX = re.compile(r"(?<=[._-])[A-Za-z0-9]{6}(?=/|$)")
_THREAD = re.compile(r"(?<=[-/:_ #.])\d+|(?<=[a-z])\d{2,}$")


@lru_cache(REMEMBERED)
def normal_path(path: str) -> str:
    """A path, or what else a descriptor stands for, with `#` for what is random or a number."""
    path = _OBJECT.sub(r"\1:[#]", path)
    path = _GIT.sub("/objects/#", _PROC.sub(r"/\1/#", path))
    path = _NUMBER.sub("#", _UUID.sub("#", path))
    path = _PYTHON.sub("tmp#", path)
    if path.startswith(TEMPORARY):
        return _TOKEN.sub(lambda token: "#" if _MIXED.search(token[0]) else token[0], path)
    return _SUFFIX.sub(lambda token: "#" if _MIXED.search(token[0]) else token[0], path)


@lru_cache(REMEMBERED)
def normal_peer(peer: str) -> str:
    """A peer's address, `#` for a port that the kernel chose."""
    family, _, rest = peer.partition(":")
    if family == "unix":
        return f"unix:{normal_path(rest)}"
    if family == "netlink":
        return "netlink:#"
    host, _, port = peer.rpartition(":")
    return f"{host}:#" if port.isdigit() and int(port) >= EPHEMERAL else peer


@lru_cache(REMEMBERED)
def normal_thread(comm: str) -> str:
    """The name of a thread, `#` for its number among others of its kind."""
    return "kworker" if comm.startswith("kworker/") else _THREAD.sub("#", comm)
