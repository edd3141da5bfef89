"""Checks of the running kernel."""

import platform
from collections.abc import Iterator

from capture import preflight
from capture.doctor.check import EBPF, Check, State, read
from capture.loaders.core import BTF

GROUP = "kernel"
_CHEAP_CLOCKS = ("tsc", "kvm-clock", "hyperv_clocksource_tsc_page", "arch_sys_counter", "xen")


def checks() -> Iterator[Check]:
    """Every check of the group."""
    yield _btf()
    yield _jit(read("/proc/sys/net/core/bpf_jit_enable"))
    yield _real_time()
    yield _pid_namespace()
    yield _clock(read("/sys/devices/system/clocksource/clocksource0/current_clocksource"))
    yield _delays(read("/proc/self/schedstat"))
    yield _stats(read("/proc/sys/kernel/bpf_stats_enabled"))
    yield _tracefs(read("/proc/self/mounts") or "")


def _btf() -> Check:
    if BTF.exists():
        return Check(GROUP, "BTF", State.OK, str(BTF), (), ("core",))
    return Check(
        GROUP,
        "BTF",
        State.MISSING,
        f"the kernel does not tell its types: no {BTF}",
        ("use --loader bcc with the headers of this kernel,", "or a kernel built with CONFIG_DEBUG_INFO_BTF"),
        ("core",),
    )


def _jit(value: str | None) -> Check:
    if value is None:
        return Check(GROUP, "BPF JIT", State.NOTE, "net.core.bpf_jit_enable cannot be read by this user")
    if value == "0":
        return Check(
            GROUP,
            "BPF JIT",
            State.NOTE,
            "off: the kernel interprets the program, which makes each call dearer",
            ("sudo sysctl net.core.bpf_jit_enable=1",),
        )
    return Check(GROUP, "BPF JIT", State.OK, f"on (net.core.bpf_jit_enable = {value})")


def _real_time() -> Check:
    if not preflight.is_real_time():
        return Check(GROUP, "preemption", State.OK, "no PREEMPT_RT", (), EBPF)
    return Check(
        GROUP,
        "preemption",
        State.MISSING,
        "PREEMPT_RT: the one-producer rule of the rings has not been tested on it",
        ("record on a kernel without PREEMPT_RT",),
        EBPF,
    )


def _pid_namespace() -> Check:
    if preflight.in_initial_pid_namespace():
        return Check(GROUP, "pid namespace", State.OK, "the kernel's first", (), EBPF)
    return Check(
        GROUP,
        "pid namespace",
        State.MISSING,
        "one of its own, where capture cannot tell its own calls from others'",
        ("start the container with --pid=host, or run capture on the host",),
        EBPF,
    )


def _clock(source: str | None) -> Check:
    if source is None or source in _CHEAP_CLOCKS:
        return Check(GROUP, "clock source", State.OK, source or "the only one")
    return Check(
        GROUP,
        "clock source",
        State.NOTE,
        f"{source}: slow to read, and each call reads it twice",
        ("cat /sys/devices/system/clocksource/clocksource0/available_clocksource",),
    )


def _delays(schedstat: str | None) -> Check:
    """Kernels before 5.14 may have the figures, and show zeros until something turns them on."""
    if schedstat is not None and schedstat.split()[0] != "0":
        return Check(GROUP, "scheduler delay", State.OK, "kept for each thread: column runq_ns")
    return Check(
        GROUP,
        "scheduler delay",
        State.NOTE,
        "not kept by this kernel: runq_ns will be NULL or 0",
        ("boot with delayacct, or a kernel with CONFIG_SCHED_INFO",),
    )


def _stats(value: str | None) -> Check:
    if value in (None, "0"):
        return Check(GROUP, "bpf_stats", State.OK, "off")
    return Check(
        GROUP,
        "bpf_stats",
        State.NOTE,
        "on: the kernel times each run of a program, which makes each call dearer",
        ("sudo sysctl kernel.bpf_stats_enabled=0",),
    )


def _tracefs(mounts: str) -> Check:
    folder = next((line.split()[1] for line in mounts.splitlines() if line.split()[2] == "tracefs"), None)
    found = f"mounted at {folder}" if folder else "not mounted"
    return Check(GROUP, "tracefs", State.OK, f"{found}; perf and bpftrace need it, capture does not")


def release() -> str:
    """The running kernel in a few words."""
    return f"Linux {platform.release()} {platform.machine()}"
