"""The capture file's table, `events`: names, types and what each column means.

This is the one source: the writer, the readers, the docs page (docs/schema.md) and the tests take the columns from
here.
Columns are only ever added (see version.py).
"""

from enum import StrEnum

import pyarrow as pa


def _column(name: str, kind: pa.DataType, meaning: str, *, nullable: bool = False) -> pa.Field:
    return pa.field(name, kind, nullable=nullable, metadata={"description": meaning})


def _names(index: pa.DataType) -> pa.DataType:
    return pa.dictionary(index, pa.string())


EVENTS = pa.schema(
    [
        _column("kind", _names(pa.int8()), "What the row is: syscall, fork, exec, exit, signal, process, fd or loss"),
        _column("ts", pa.timestamp("ns"), "Wall clock at entry, UTC; one offset to the monotonic clock per file"),
        _column("dur_ns", pa.int64(), "Entry to exit, ns; NULL where entry or exit was not seen", nullable=True),
        _column("pid", pa.int32(), "Process, in the initial pid namespace"),
        _column("tid", pa.int32(), "Thread, in the initial pid namespace"),
        _column("ppid", pa.int32(), "Parent process, on fork, exec and process rows", nullable=True),
        _column("comm", _names(pa.int32()), "Name of the thread"),
        _column("syscall", _names(pa.int16()), "Name of the call; syscall_N where it is unknown", nullable=True),
        _column("nr", pa.int32(), "Number of the call, as the program gave it", nullable=True),
        _column("abi", _names(pa.int8()), "Table that numbers the call: x86_64, i386, x32, aarch64 or arm"),
        _column("arg0", pa.int64(), "First argument, raw", nullable=True),
        _column("arg1", pa.int64(), "Second argument, raw", nullable=True),
        _column("arg2", pa.int64(), "Third argument, raw", nullable=True),
        _column("arg3", pa.int64(), "Fourth argument, raw", nullable=True),
        _column("arg4", pa.int64(), "Fifth argument, raw", nullable=True),
        _column("arg5", pa.int64(), "Sixth argument, raw", nullable=True),
        _column("ret", pa.int64(), "Result; NULL while the call is unfinished", nullable=True),
        _column(
            "errno", _names(pa.int16()), "Name of the error, the kernel's own ones too; NULL on success", nullable=True
        ),
        _column(
            "fd", pa.int32(), "Descriptor that the call returned, else its first descriptor argument", nullable=True
        ),
        _column(
            "path", pa.string(), "Path argument as given; NULL where there is none or it was unreadable", nullable=True
        ),
        _column(
            "path2",
            pa.string(),
            "Second path argument; of a call that makes a descriptor or moves the working directory, what the kernel "
            "found, links followed",
            nullable=True,
        ),
        _column("addr", _names(pa.int32()), "Socket address, given or returned", nullable=True),
        _column(
            "data",
            pa.binary(),
            "First bytes of an I/O buffer (capture -s N); of pipe and socketpair the two descriptors",
            nullable=True,
        ),
        _column("cmdline", pa.string(), "Arguments of a program, quoted for a shell", nullable=True),
        _column("cpu", pa.int16(), "CPU on which the call returned"),
        _column("uid", pa.int32(), "Effective user"),
        _column("cgroup", _names(pa.int32()), "Control group, as a path", nullable=True),
        _column("runq_ns", pa.int64(), "Part of dur_ns spent runnable, waiting for a CPU, ns", nullable=True),
        _column("weight", pa.int64(), "Calls that the row stands for: 1 on syscall, those lost on loss, else 0"),
        _column(
            "flags",
            pa.int32(),
            "1 entry unseen, 2 unfinished, 4 path unreadable, 8 truncated, 16 bytes escaped, 32 state only, "
            "64 payload lost",
        ),
    ]
)


class Key(StrEnum):
    """Keys of the file's metadata. Values are text; those marked JSON hold an object or a list."""

    SCHEMA_VERSION = "systape.schema_version"
    TOOL_VERSION = "systape.tool_version"
    HOST = "systape.host"
    KERNEL = "systape.kernel"
    MACHINE = "systape.machine"
    BOOT_ID = "systape.boot_id"
    CLOCK = "systape.clock"  # JSON list of [monotonic ns, wall ns]; the first pair is the file's offset
    USERS = "systape.users"  # JSON {uid: name}
    GROUPS = "systape.groups"  # JSON {gid: name}
    COMMAND = "systape.command"
    FILTER = "systape.filter"
    BACKEND = "systape.backend"
    LOADER = "systape.loader"
    START = "systape.start"  # ISO 8601, UTC
    END = "systape.end"
    PART = "systape.part"  # which file of a capture that rotates, from 0
    NOTES = "systape.notes"  # JSON list of sentences: what this capture could not record, and why
    COUNTERS = "systape.counters"  # JSON, see schemas/counters.py
