"""Filters, each beside a predicate in plain Python that says which rows it keeps."""

import fnmatch
import re
from collections.abc import Callable
from typing import Any

from tests.unit.analyze.captures import START, plain_row

Row = dict[str, Any]
Predicate = Callable[[Row], object]
SECOND = 10**9
FILES = {"openat"}
NET = {"connect"}


def process(pid: int, ppid: int, comm: str, **values: Any) -> Row:
    """A row of the snapshot."""
    return plain_row(kind="process", pid=pid, tid=pid, ppid=ppid, comm=comm, weight=0, **values)


STATE = [
    process(100, 50, "nginx", path="/usr/sbin/nginx", cmdline="nginx -g 'daemon off;'"),
    process(50, 1, "systemd"),
    process(1, 0, "init"),
    plain_row(kind="fork", pid=101, tid=101, ppid=100, comm="nginx", weight=0),
    plain_row(kind="exec", pid=102, tid=102, ppid=101, comm="sshd", weight=0, path="/usr/sbin/sshd", cmdline="sshd -D"),
    plain_row(kind="fork", pid=103, tid=1103, ppid=7, comm="thread", weight=0),
]
ANCESTORS = {100: {50, 1, 0}, 101: {100, 50, 1, 0}, 102: {101, 100, 50, 1, 0}}


def about(row: Row) -> str | None:
    """What a call is about, by its columns `file` and `peer`."""
    name = row["peer"] if row["file"] is None else row["file"]
    return None if name is None else str(name)


def ns(row: Row) -> int:
    """A duration for comparisons: NULL compares false with everything."""
    return -1 if row["dur_ns"] is None else int(row["dur_ns"])


def names_of(rows: list[Row], pid: int) -> set[str]:
    """Every name that a process had."""
    mine = [row for row in [*STATE, *rows] if row["pid"] == pid and row["kind"] in ("syscall", "process", "exec")]
    return {str(row["comm"]) for row in mine}


NAME: list[tuple[str, Predicate]] = [
    (form.format(name), lambda row, name=value: row["comm"] == name)
    for form in (
        "proc.name = {}",
        "proc.name={}",
        "proc.name == {}",
        "PROC.NAME = {}",
        "proc.name in ({})",
        "not proc.name != {}",
    )
    for name, value in {"nginx": "nginx", "'a worker'": "a worker", '"日本語"': "日本語", r"'\\'": "\\"}.items()
    if not (form.startswith("not") and value == "\\")
]
NUMBERS: list[tuple[str, Predicate]] = [
    (
        f"{field} {operator} {text}",
        lambda row, column=column, compare=compare, value=value: (
            row[column] is not None and compare(row[column], value)
        ),
    )
    for field, column in {
        "evt.arg0": "arg0",
        "fd.num": "fd",
        "evt.res": "ret",
        "proc.pid": "pid",
        "thread.tid": "tid",
    }.items()
    for operator, compare in {
        "=": lambda a, b: a == b,
        "!=": lambda a, b: a != b,
        "<": lambda a, b: a < b,
        "<=": lambda a, b: a <= b,
        ">": lambda a, b: a > b,
        ">=": lambda a, b: a >= b,
    }.items()
    for text, value in {"7": 7, "-2": -2, "0x65": 101, "1k": 1024}.items()
]
LATENCY: list[tuple[str, Predicate]] = [
    (f"evt.latency > {text}", lambda row, value=value: ns(row) > value)
    for text, value in {
        "1us": 1000,
        "1500": 1500,
        "1.5us": 1500,
        ".5ms": 500_000,
        "1ms": 10**6,
        "0.001s": 10**6,
        "1m": 60 * SECOND,
        "2µs": 2000,
    }.items()
]
CASES: list[tuple[str, Predicate]] = [
    *NAME,
    *NUMBERS,
    *LATENCY,
    ("evt.failed", lambda row: row["errno"]),
    ("evt.failed = true", lambda row: row["errno"]),
    ("evt.failed != yes", lambda row: not row["errno"]),
    ("evt.failed = false", lambda row: not row["errno"]),
    ("not evt.failed", lambda row: not row["errno"]),
    ("! evt.failed", lambda row: not row["errno"]),
    ("!evt.failed", lambda row: not row["errno"]),
    ("not not evt.failed", lambda row: row["errno"]),
    ("evt.errno = ENOENT", lambda row: row["errno"] == "ENOENT"),
    ("evt.errno != ENOENT", lambda row: row["errno"] and row["errno"] != "ENOENT"),
    ("not evt.errno = ENOENT", lambda row: row["errno"] != "ENOENT"),
    ("evt.errno in (ENOENT, EAGAIN)", lambda row: row["errno"] in ("ENOENT", "EAGAIN")),
    ("not evt.errno in (ENOENT, EAGAIN)", lambda row: row["errno"] not in ("ENOENT", "EAGAIN")),
    ("evt.errno exists", lambda row: row["errno"]),
    ("not evt.errno exists", lambda row: not row["errno"]),
    ("evt.type = read", lambda row: row["syscall"] == "read"),
    ("evt.type != read", lambda row: row["syscall"] != "read"),
    ("evt.type in (read, write,)", lambda row: row["syscall"] in ("read", "write")),
    ("evt.type in (%file)", lambda row: row["syscall"] in FILES),
    ("evt.type = %file", lambda row: row["syscall"] in FILES),
    ("evt.type != %file", lambda row: row["syscall"] not in FILES),
    ("evt.type in (%file, %net, read)", lambda row: row["syscall"] in FILES | NET | {"read"}),
    ("%file", lambda row: row["syscall"] in FILES),
    ("%network", lambda row: row["syscall"] in NET),
    ("not %file and !%net", lambda row: row["syscall"] not in FILES | NET),
    ("evt.type = syscall_600", lambda _: False),
    ("evt.type startswith re", lambda row: row["syscall"].startswith("re")),
    ("evt.type endswith te", lambda row: row["syscall"].endswith("te")),
    ("evt.type contains nn", lambda row: "nn" in row["syscall"]),
    ("evt.type icontains NN", lambda row: "nn" in row["syscall"]),
    ("evt.type glob c*", lambda row: fnmatch.fnmatchcase(row["syscall"], "c*")),
    ("evt.type iglob 'C?OSE'", lambda row: row["syscall"] == "close"),
    ("evt.type regex '^(read|write)$'", lambda row: re.search("^(read|write)$", row["syscall"])),
    ("evt.latency <= 1us", lambda row: 0 <= ns(row) <= 1000),
    ("evt.latency between 1us and 10us", lambda row: 1000 <= ns(row) <= 10_000),
    ("not evt.latency between 1us and 10us", lambda row: not 1000 <= ns(row) <= 10_000),
    ("evt.latency exists", lambda row: row["dur_ns"] is not None),
    ("evt.runq > 2us", lambda row: (row["runq_ns"] or 0) > 2000),
    ("evt.entry_unseen", lambda row: row["flags"] & 1),
    ("evt.unfinished", lambda row: row["flags"] & 2),
    ("evt.truncated = no", lambda row: not row["flags"] & 8),
    ("evt.cpu = 1", lambda row: row["cpu"] == 1),
    ("evt.cpu in (0, 1)", lambda _: True),
    ("evt.abi = x86_64", lambda _: True),
    ("evt.nr = 2", lambda row: row["nr"] == 2),
    ("evt.arg1 > 512G", lambda row: row["arg1"] > 512 << 30),
    ("evt.arg0 between -1 and 1", lambda row: -1 <= row["arg0"] <= 1),
    ("evt.host = box", lambda _: True),
    ("evt.file endswith .parquet", lambda _: True),
    ("proc.is_main", lambda row: row["pid"] == row["tid"]),
    ("proc.tid = 101", lambda row: row["tid"] == 101),
    ("proc.name contains '\x1b[31m'", lambda row: "\x1b" in row["comm"]),
    ('proc.name = "o\'hara" or proc.pid = 101', lambda row: row["pid"] == 101),
    ('proc.name = "\'; DROP VIEW calls; --"', lambda _: False),
    ("user.uid = 1000", lambda row: row["uid"] == 1000),
    ("user.name = root", lambda row: row["uid"] == 0),
    ('user.name = "o\'hara"', lambda row: row["uid"] == 1000),
    ("user.name startswith ro", lambda row: row["uid"] == 0),
    ("user.name != root", lambda row: row["uid"] == 1000),
    ("not user.name = root", lambda row: row["uid"] == 1000),
    ("thread.cgroup startswith /docker", lambda row: (row["cgroup"] or "").startswith("/docker")),
    ("not thread.cgroup exists", lambda row: row["cgroup"] is None),
    ("container.id = 0123456789ab", lambda row: (row["cgroup"] or "").startswith("/docker")),
    ("container.id exists", lambda row: (row["cgroup"] or "").startswith("/docker")),
    ("fs.path.name = ''", lambda row: row["path"] == ""),
    ("fs.path.name exists", lambda row: row["path"] is not None),
    ("fs.path.name startswith /var", lambda row: (row["path"] or "").startswith("/var")),
    ("not fs.path.name startswith /var", lambda row: not (row["path"] or "").startswith("/var")),
    ("fs.path.name contains 'a b'", lambda row: "a b" in (row["path"] or "")),
    ("fs.path.name glob '/var/*/[a-z]*.log'", lambda row: row["path"] == "/var/log/a b.log"),
    ("fs.path.target exists", lambda _: False),
    ("fd.name = 10.0.0.7:443", lambda row: about(row) == "10.0.0.7:443"),
    ("fd.name exists", about),
    ("not fd.name exists", lambda row: about(row) is None),
    ("fd.name != /etc/passwd", lambda row: about(row) not in (None, "/etc/passwd")),
    ("not fd.name startswith /", lambda row: not (about(row) or "").startswith("/")),
    ("fd.name contains 'été'", lambda row: "été" in (about(row) or "")),
    ("fd.peer = unix:/run/x.sock", lambda row: row["peer"] == "unix:/run/x.sock"),
    ("fd.filename = passwd", lambda row: (row["file"] or "").rpartition("/")[2] == "passwd"),
    ("fd.directory = /etc", lambda row: (row["file"] or "").rpartition("/")[0] == "/etc"),
    ("fd.directory startswith /var", lambda row: (row["file"] or "").startswith("/var/l")),
    ("fd.ip = 10.0.0.7", lambda row: row["peer"] == "10.0.0.7:443"),
    ("fd.ip = ::1", lambda row: row["peer"] == "[::1]:53"),
    ("fd.ip in (fe80::1, 10.0.0.70)", lambda row: row["peer"] in ("[fe80::1]:8080", "10.0.0.70:80")),
    ("fd.port = 443", lambda row: row["peer"] == "10.0.0.7:443"),
    ("fd.port in (53, 8080)", lambda row: row["peer"] in ("[::1]:53", "[fe80::1]:8080")),
    ("fd.port exists", lambda row: ":" in (row["peer"] or "") and "unix" not in row["peer"]),
    ("evt.time < 0.0005", lambda row: row["ts"] < START + 500_000),
    ("evt.time >= 500us", lambda row: row["ts"] >= START + 500_000),
    ("evt.time between 0.0001 and 0.0002", lambda row: START + 100_000 <= row["ts"] <= START + 200_000),
    ("evt.time between 14:13:20.0001 and 14:13:20.0002", lambda row: START + 100_000 <= row["ts"] <= START + 200_000),
    ("evt.time >= 2026-09-21T14:13:20.001Z", lambda row: row["ts"] >= START + 1_000_000),
    ("evt.time >= '2026-09-21 14:13:20.001'", lambda row: row["ts"] >= START + 1_000_000),
    ("evt.time < 00:10", lambda _: True),
    ("evt.time > 14:13", lambda _: True),
    ("proc.pid = 101 and evt.failed", lambda row: row["pid"] == 101 and row["errno"]),
    ("proc.pid = 101 && evt.failed", lambda row: row["pid"] == 101 and row["errno"]),
    ("proc.pid = 101 or proc.pid = 102", lambda row: row["pid"] in (101, 102)),
    ("proc.pid=101||proc.pid=102", lambda row: row["pid"] in (101, 102)),
    (
        "proc.pid=101 OR proc.pid=102 AND evt.failed",
        lambda row: row["pid"] == 101 or (row["pid"] == 102 and row["errno"]),
    ),
    ("(proc.pid=101 or proc.pid=102) and evt.failed", lambda row: row["pid"] in (101, 102) and row["errno"]),
    ("not (proc.pid=101 or evt.failed)", lambda row: not (row["pid"] == 101 or row["errno"])),
    ("not proc.pid=101 and evt.failed", lambda row: row["pid"] != 101 and row["errno"]),
    (
        "not (evt.errno = ENOENT or fd.port = 443)",
        lambda row: row["errno"] != "ENOENT" and row["peer"] != "10.0.0.7:443",
    ),
    (
        "not (evt.errno = ENOENT and fd.port = 443)",
        lambda row: row["errno"] != "ENOENT" or row["peer"] != "10.0.0.7:443",
    ),
    ("((((evt.failed))))", lambda row: row["errno"]),
    ("  evt.failed\n and\tproc.pid = 100 ", lambda row: row["errno"] and row["pid"] == 100),
    ("proc.name = and", lambda _: False),
    ("proc.name = in or proc.pid = 100", lambda row: row["pid"] == 100),
    ("proc.name in (or, and, not, nginx)", lambda row: row["comm"] == "nginx"),
]


LINEAGE: list[tuple[str, Callable[[int, list[Row]], object]]] = [
    ("proc.ppid = 100", lambda pid, _: pid == 101),
    ("proc.ppid exists", lambda pid, _: pid in ANCESTORS),
    ("proc.apid = 1", lambda pid, _: 1 in ANCESTORS.get(pid, set())),
    ("not proc.apid = 1", lambda pid, _: 1 not in ANCESTORS.get(pid, set())),
    ("proc.apid in (100, 101)", lambda pid, _: ANCESTORS.get(pid, set()) & {100, 101}),
    ("proc.aname = systemd", lambda pid, _: 50 in ANCESTORS.get(pid, set())),
    ("proc.aname != systemd", lambda pid, _: 50 not in ANCESTORS.get(pid, set())),
    ("proc.aname = nginx", lambda pid, rows: any("nginx" in names_of(rows, one) for one in ANCESTORS.get(pid, set()))),
    ("proc.pname = systemd", lambda pid, _: pid == 100),
    (
        "proc.pname contains gin",
        lambda pid, rows: (
            {100: 50, 101: 100, 102: 101}.get(pid) is not None
            and any("gin" in name for name in names_of(rows, {100: 50, 101: 100, 102: 101}[pid]))
        ),
    ),
    ("proc.cmdline contains '-D'", lambda pid, _: pid == 102),
    ("proc.cmdline = \"nginx -g 'daemon off;'\"", lambda pid, _: pid == 100),
    ("proc.exepath startswith /usr/sbin", lambda pid, _: pid in (100, 102)),
    ("not proc.exepath exists", lambda pid, _: pid not in (100, 102)),
]
