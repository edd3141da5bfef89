"""The command itself: `capture [options] [-- CMD ARGS]`."""

import pwd
import sys
from typing import Annotated

import typer

from capture.cli.units import nanoseconds, size
from capture.errors import UsageError
from capture.filters import Filter
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
    flush: Annotated[float, typer.Option(metavar="SECS", min=0.05, help="At most this much is lost in a crash")] = 2.0,
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
      capture -w t.parquet -e '!futex' --min-latency 1ms
      capture -w - -c 1000 | python consume.py   an Arrow stream of 1000 calls

    \b
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
        flush=flush,
        limit=limit,
        data_bytes=data,
        stats=stats,
        quiet=quiet,
        verbose=verbose,
        force=force,
        command=tuple(command or ()),
        user=user,
        drop_to=drop,
    )
    raise typer.Exit(run(options))


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
            raise UsageError(f"-e {error}") from error
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
    try:
        return pwd.getpwnam(text).pw_uid
    except KeyError:
        raise UsageError(f"--uid {text}: there is no such user; `getent passwd` lists them") from None


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
