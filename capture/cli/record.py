"""The command itself: `capture [options] [-- CMD ARGS]`."""

import shlex
import sys
from typing import Annotated

import typer

from capture import users
from capture.cli.units import nanoseconds, size
from capture.errors import UsageError
from capture.filters import Filter
from capture.sink.names import SMALLEST, Rotation
from capture.threads import none_by_libraries


def _version(wanted: bool) -> None:
    if wanted:
        from schemas.version import SCHEMA_VERSION, TOOL_VERSION

        print(f"capture {TOOL_VERSION}, schema {SCHEMA_VERSION}")
        raise typer.Exit


def _subcommands(incomplete: str) -> list[str]:
    from capture.cli import SUBCOMMANDS

    return [name for name in SUBCOMMANDS if name.startswith(incomplete)]


def record(
    command: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[-- CMD ARGS]", help="Start this command and record it alone", autocompletion=_subcommands
        ),
    ] = None,
    write: Annotated[
        str | None, typer.Option("-w", metavar="FILE", help="Write to FILE: .parquet, .arrows, or - for a stream")
    ] = None,
    pid: Annotated[
        list[int] | None, typer.Option("-p", metavar="PID", help="Only this process and its children")
    ] = None,
    follow: Annotated[bool, typer.Option("-f/ ", "--follow/--no-follow", help="Children too (the default)")] = True,
    expression: Annotated[
        list[str] | None,
        typer.Option("-e", metavar="EXPR", help="Only these calls, as strace: names, %file, !not, /regex, ?maybe"),
    ] = None,
    comm: Annotated[list[str] | None, typer.Option(metavar="NAME", help="Only threads of this name")] = None,
    uid: Annotated[
        list[str] | None, typer.Option(metavar="USER", help="Only this effective user, name or number")
    ] = None,
    cgroup: Annotated[
        list[str] | None, typer.Option(metavar="PATH", help="Only this control group and those below")
    ] = None,
    path: Annotated[
        list[str] | None,
        typer.Option("-P", metavar="PATH", help="Only calls on this path, and on its descriptors"),
    ] = None,
    failed_only: Annotated[bool, typer.Option("--failed-only", help="Only calls that fail")] = False,
    min_latency: Annotated[
        str | None, typer.Option(metavar="TIME", help="Only calls that take this long: 500us, 1ms, 2s")
    ] = None,
    data: Annotated[
        int,
        typer.Option("-s", metavar="N", min=0, max=65535, help="Keep N bytes of I/O buffers; paths are always whole"),
    ] = 0,
    limit: Annotated[int | None, typer.Option("-c", metavar="N", min=1, help="Stop after N calls")] = None,
    user: Annotated[str | None, typer.Option("-u", metavar="USER", help="Run the command as this user")] = None,
    drop: Annotated[
        str | None,
        typer.Option("-Z", metavar="USER", help="Become this user once recording (default: $SUDO_USER)"),
    ] = None,
    ring: Annotated[
        str | None,
        typer.Option("-B", metavar="SIZE", help="Ring of each CPU (default: 16m, less if many CPUs)"),
    ] = None,
    rotate_size: Annotated[
        str | None,
        typer.Option("-C", metavar="SIZE", help="Go on in another file at this size: 500m, 2g; plain: MB"),
    ] = None,
    rotate_seconds: Annotated[
        int | None,
        typer.Option("-G", metavar="SECS", min=1, help="Go on in another file so often; FILE as strftime (%H%M%S)"),
    ] = None,
    rotate_files: Annotated[
        int | None,
        typer.Option("-W", metavar="N", min=1, help="With -C keep the last N files; with -G alone end after N"),
    ] = None,
    rotate_command: Annotated[
        str | None, typer.Option("-z", metavar="CMD", help="Run CMD with the name of each file that a rotation ended")
    ] = None,
    flush: Annotated[float, typer.Option(metavar="SECS", min=0.05, help="At most this much is lost in a crash")] = 2.0,
    unbuffered: Annotated[bool, typer.Option("-U", help="Flush as soon as there is something")] = False,
    durable: Annotated[
        bool, typer.Option("--durable", help="What is flushed survives a power cut too (fsync each time)")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite FILE")] = False,
    backend: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="ebpf, or ptrace: slow, but for anybody, with -p or a command"),
    ] = None,
    loader: Annotated[
        str | None, typer.Option(metavar="NAME", help="core or bcc (default: the first that can run here)")
    ] = None,
    stats: Annotated[
        float | None, typer.Option(metavar="SECS", min=0.1, help="A line of counters every SECS, on standard error")
    ] = None,
    summary: Annotated[
        bool, typer.Option("-S", help="A table of the calls at the end, as strace -c; without -w no lines")
    ] = False,
    describe: Annotated[bool, typer.Option("-d", help="Print what the kernel filters, and end")] = False,
    quiet: Annotated[bool, typer.Option("-q", help="Say nothing but errors")] = False,
    verbose: Annotated[bool, typer.Option("-v", help="A progress line while recording, on a terminal")] = False,
    version: Annotated[
        bool, typer.Option("-V", "--version", callback=_version, is_eager=True, help="Print the version, and end")
    ] = False,
) -> None:
    """Record every system call of this host, of some processes, or of a command, into a file that any tool can query.

    \b
    Examples:
      capture -w trace.parquet                   everything, until Ctrl-C
      capture -w trace.parquet -- make -j8       one command and its children
      capture -p 1234 -e %file --failed-only     failed file calls of a process, live
      capture -S -- ls                           which calls, how many, how long
      capture -w t.parquet -e '!futex' --min-latency 1ms
      capture -w - -c 1000 | python consume.py   an Arrow stream of 1000 calls
      capture -w ring.parquet -C 1g -W 10        the last 10 files of 1 GB
      capture -w %F-%H.parquet -G 3600 -z zip-it a file an hour, given to a command

    \b
    Signals: INT and TERM stop, USR1 shows the counters, HUP goes on in another file.
    Sub-commands: capture doctor, capture bench, capture repair FILE (each has --help).
    """
    chosen = _filter(expression, pid, follow, comm, uid, cgroup, path, failed_only, min_latency)
    if describe:
        print(f"in the kernel: {chosen.describe()}")
        return
    if pid and command:
        raise UsageError("-p and a command: give one or the other")
    if user is not None and not command:
        raise UsageError("-u USER is for a command that capture starts: put it after --")
    if durable:
        _require_file(write, "--durable")
    with none_by_libraries():
        from capture.session import Options
        from capture.session import record as run

    options = Options(
        argv=("capture", *sys.argv[1:]),
        target=write,
        filter=chosen,
        backend=_backend(backend, loader),
        loader=_loader(loader),
        ring_size=_ring(ring),
        flush=0 if unbuffered else flush,
        durable=durable,
        rotation=_rotation(write, rotate_size, rotate_seconds, rotate_files, rotate_command),
        limit=limit,
        data_bytes=data,
        stats=stats,
        quiet=quiet,
        verbose=verbose,
        summary=summary,
        force=force,
        command=tuple(command or ()),
        user=user,
        drop_to=drop,
    )
    raise typer.Exit(run(options))


def _rotation(
    target: str | None, size_text: str | None, seconds: int | None, files: int | None, command: str | None
) -> Rotation:
    for option, value in (("-C", size_text), ("-G", seconds), ("-W", files), ("-z", command)):
        if value is not None:
            _require_file(target, option)
    if files is not None and size_text is None and seconds is None:
        raise UsageError(f"-W {files}: of which files? Give -C SIZE or -G SECS too")
    if files == 1 and size_text is not None:
        raise UsageError("-W 1: a ring has two files at least, the one that is written and the one before")
    return Rotation(_file_size(size_text), seconds, files, _words(command))


def _require_file(target: str | None, option: str) -> None:
    from capture.sink import is_file

    if target is None or not is_file(target):
        raise UsageError(f"{option} is for a Parquet file: name one after -w, such as trace.parquet")


def _file_size(text: str | None) -> int | None:
    """As tcpdump, a plain number is millions of bytes."""
    if text is None:
        return None
    bytes_ = size(text, "-C") * (1_000_000 if text.strip().isdecimal() else 1)
    if not SMALLEST <= bytes_ <= 1 << 50:
        raise UsageError(f"-C {text}: a file takes 1m to 1000000g, as it begins with the state of the host")
    return bytes_


def _words(command: str | None) -> tuple[str, ...]:
    try:
        words = tuple(shlex.split(command or ""))
    except ValueError as error:
        raise UsageError(f"-z {command}: {error}; quote it as for a shell") from error
    if command is not None and not words:
        raise UsageError("-z: no command given")
    return words


def _filter(
    expression: list[str] | None,
    pid: list[int] | None,
    follow: bool,
    comm: list[str] | None,
    uid: list[str] | None,
    cgroup: list[str] | None,
    path: list[str] | None,
    failed_only: bool,
    min_latency: str | None,
) -> Filter:
    cells = None
    if expression:
        from schemas.expr import ExprError, select

        try:
            selection = select(expression)
        except ExprError as error:
            raise UsageError(str(error)) from error
        cells = None if selection.everything else selection.cells
    return Filter(
        expression=", ".join(expression or ()),
        cells=cells,
        pids=tuple(pid or ()),
        follow=follow,
        comms=tuple(comm or ()),
        uids=tuple(_uid(one) for one in uid or ()),
        cgroups=_cgroups(cgroup or []),
        paths=tuple(path or ()),
        failed_only=failed_only,
        min_latency=nanoseconds(min_latency, "--min-latency") if min_latency else 0,
    )


def _uid(text: str) -> int:
    if text.isdecimal() and len(text) < 20:
        return int(text)
    return users.named(text, "--uid").pw_uid


def _cgroups(paths: list[str]) -> tuple[tuple[str, int], ...]:
    if not paths:
        return ()
    from capture.cgroups import hierarchy
    from capture.errors import UnsupportedError

    groups = hierarchy()
    if groups is None:
        raise UnsupportedError("--cgroup: no cgroup file system is mounted here")
    return tuple((path, groups.identity(path)) for path in paths)


def _loader(name: str | None) -> str | None:
    if name not in (None, "core", "bcc"):
        raise UsageError(f"--loader {name}: the loaders are core and bcc")
    return name


def _backend(name: str | None, loader: str | None) -> str | None:
    if name not in (None, "ebpf", "ptrace"):
        raise UsageError(f"--backend {name}: the backends are ebpf and ptrace")
    if name == "ptrace" and loader is not None:
        raise UsageError("--loader is of the ebpf backend: leave it out with --backend ptrace")
    return "ebpf" if loader is not None else name


def _ring(text: str | None) -> int | None:
    if text is None:
        return None
    bytes_ = size(text, "-B")
    if not 4096 <= bytes_ <= 1 << 30:
        raise UsageError(f"-B {text}: a ring takes 4k to 1g")
    return bytes_
