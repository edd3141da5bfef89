"""What this machine offers, and the remedy for what it lacks."""

from pathlib import Path

from capture.errors import UnsupportedError

_INITIAL_PID_NAMESPACE = 0xEFFF_FFFC  # PROC_PID_INIT_INO of include/linux/proc_ns.h


def cpus() -> int:
    """CPUs that may ever come up: one ring each."""
    last = Path("/sys/devices/system/cpu/possible").read_text().strip().rpartition("-")[2]
    return int(last.rpartition(",")[2]) + 1


def pids() -> int:
    """The power of two above every pid of this host."""
    return 1 << (int(Path("/proc/sys/kernel/pid_max").read_text()) - 1).bit_length()


def check_namespace() -> None:
    """Raise UnsupportedError where our own pid is not the kernel's, so that we could not leave ourselves out."""
    if Path("/proc/self/ns/pid").stat().st_ino != _INITIAL_PID_NAMESPACE:
        raise UnsupportedError(
            "capture runs in a pid namespace of its own, where it cannot tell its own calls from others': start the "
            "container with --pid=host, or run it on the host"
        )


def check_preemption() -> None:
    """Raise UnsupportedError on a real-time kernel: there a ring could have two producers."""
    try:
        real_time = Path("/sys/kernel/realtime").read_text().strip() == "1"
    except FileNotFoundError:
        return
    if real_time:
        raise UnsupportedError(
            "this is a PREEMPT_RT kernel, on which the one-producer rule of the rings has not been tested: use "
            "--backend ptrace, or a kernel without PREEMPT_RT"
        )
