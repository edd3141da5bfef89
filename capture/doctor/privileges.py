"""Checks of what the kernel lets this process do."""

import platform
import re
import resource
from collections.abc import Iterator

from capture import preflight
from capture.doctor.check import EBPF, Check, State, read

GROUP = "privileges"
_CHARGED_TO_CGROUP = (5, 11)  # since then BPF memory is charged to the control group, not to RLIMIT_MEMLOCK


def checks() -> Iterator[Check]:
    """Every check of the group."""
    mine = preflight.privileges()
    yield _capabilities(mine)
    yield _others(mine)
    yield _lockdown(preflight.lockdown())
    yield Check(
        GROUP,
        "unprivileged bpf",
        State.OK,
        f"kernel.unprivileged_bpf_disabled = {read('/proc/sys/kernel/unprivileged_bpf_disabled')}; capabilities are "
        "needed whatever it says",
    )
    yield _locked_memory(mine, resource.getrlimit(resource.RLIMIT_MEMLOCK)[0], platform.release())


def _capabilities(mine: preflight.Privileges) -> Check:
    who = "root" if mine.uid == 0 else f"user {mine.uid}"
    problem = mine.problem()
    if problem is None:
        least = f"least needed: {' and '.join(mine.needed)}"
        return Check(GROUP, "capabilities", State.OK, f"{who}, with all that recording needs ({least})", (), EBPF, True)
    return Check(
        GROUP, "capabilities", State.MISSING, f"{who}: {problem}", (mine.remedy(), *_with_least(mine)), EBPF, True
    )


def _with_least(mine: preflight.Privileges) -> tuple[str, ...]:
    """The command that gives an ordinary user the least that is needed."""
    if mine.uid == 0 or not mine.initial_user_namespace:
        return ()
    flags = ",".join(f"+{name.removeprefix('CAP_').lower()}" for name in mine.needed)
    return (
        "or give this user no more than that:",
        "sudo setpriv --reuid=$(id -u) --regid=$(id -g) --init-groups \\",
        f"  --inh-caps={flags} --ambient-caps={flags} \\",
        '  "$(command -v capture)" -w trace.parquet',
    )


def _others(mine: preflight.Privileges) -> Check:
    missing = mine.missing_for_proc()
    if not missing:
        return Check(GROUP, "others' files", State.OK, "what processes have open at the start is read from /proc")
    return Check(
        GROUP,
        "others' files",
        State.NOTE,
        "what processes of other users have open at the start stays unknown: their descriptors have no names",
        (f"add {' and '.join(missing)} if they matter",),
    )


def _lockdown(mode: str | None) -> Check:
    if mode == "confidentiality":
        return Check(
            GROUP,
            "lockdown",
            State.MISSING,
            "confidentiality: no program may read kernel memory, root's neither",
            ("boot with lockdown=integrity, or without Secure Boot",),
            EBPF,
            privilege=True,
        )
    return Check(GROUP, "lockdown", State.OK, f"{mode or 'none'}: does not stand in the way", (), EBPF, True)


def _locked_memory(mine: preflight.Privileges, limit: int, release: str) -> Check:
    numbers = re.match(r"(\d+)\.(\d+)", release)
    old = numbers is not None and (int(numbers[1]), int(numbers[2])) < _CHARGED_TO_CGROUP
    shown = "unlimited" if limit == resource.RLIM_INFINITY else f"{limit // 1024:,} KB"
    if not old:
        return Check(GROUP, "locked memory", State.OK, f"{shown}; this kernel does not count BPF memory there")
    may_raise = mine.capabilities & {"CAP_SYS_RESOURCE"}
    if limit == resource.RLIM_INFINITY or may_raise:
        return Check(GROUP, "locked memory", State.OK, f"{shown}, or raised by the loader", (), EBPF, True)
    return Check(
        GROUP,
        "locked memory",
        State.MISSING,
        f"{shown}: this kernel counts the rings there",
        ("ulimit -l unlimited, as root, in the shell that starts capture",),
        EBPF,
        privilege=True,
    )
