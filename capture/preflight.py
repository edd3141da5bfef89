"""What this machine offers to a capture, and the remedy for what it refuses. Features are asked for, not versions."""

import platform
from dataclasses import dataclass
from pathlib import Path

from capture.errors import PrivilegeError, UnsupportedError

_INITIAL_PID_NAMESPACE = 0xEFFF_FFFC  # PROC_PID_INIT_INO of include/linux/proc_ns.h
_INITIAL_USER_NAMESPACE = 0xEFFF_FFFD  # PROC_USER_INIT_INO
_SECCOMP_FILTER = 2  # SECCOMP_MODE_FILTER of include/uapi/linux/seccomp.h

CAPABILITIES = {
    "CAP_CHOWN": 0,
    "CAP_DAC_OVERRIDE": 1,
    "CAP_DAC_READ_SEARCH": 2,
    "CAP_KILL": 5,
    "CAP_SETGID": 6,
    "CAP_SETUID": 7,
    "CAP_SYS_PTRACE": 19,
    "CAP_SYS_ADMIN": 21,
    "CAP_SYS_RESOURCE": 24,
    "CAP_PERFMON": 38,
    "CAP_BPF": 39,
}
"""Those that matter here, by their bit. Source: include/uapi/linux/capability.h."""

LEAST = ("CAP_BPF", "CAP_PERFMON")
"""With these alone an ordinary user records the whole host, with either loader (docs/operations.md: measured)."""

PROC = ("CAP_SYS_PTRACE", "CAP_DAC_READ_SEARCH")
"""With these too, what other users' processes have open at the start: it takes them to look there in /proc."""


@dataclass(frozen=True)
class Privileges:
    """What this process may do: effective user, those of CAPABILITIES that are effective, and what narrows them."""

    uid: int
    capabilities: frozenset[str]
    known: frozenset[str]
    initial_user_namespace: bool
    seccomp: bool

    @property
    def needed(self) -> tuple[str, ...]:
        """The least set with which eBPF programs can record; before CAP_BPF there was only CAP_SYS_ADMIN."""
        return LEAST if self.known.issuperset(LEAST) else ("CAP_SYS_ADMIN",)

    def missing(self) -> tuple[str, ...]:
        """What of `needed` is not there. The kernel takes CAP_SYS_ADMIN in place of any."""
        if not self.initial_user_namespace:
            return self.needed
        if "CAP_SYS_ADMIN" in self.capabilities:
            return ()
        return tuple(name for name in self.needed if name not in self.capabilities)

    def missing_for_proc(self) -> tuple[str, ...]:
        """What is missing to look at other users' processes in /proc."""
        held = self.capabilities | ({"CAP_DAC_READ_SEARCH"} if "CAP_DAC_OVERRIDE" in self.capabilities else set())
        return tuple(name for name in PROC if name not in held)

    def problem(self) -> str | None:
        """Why the kernel will refuse, in a few words; None if nothing is missing."""
        missing = self.missing()
        if not missing:
            return None
        if not self.initial_user_namespace:
            return "capabilities of a user namespace (a rootless container) do not count"
        verb = "is" if len(missing) == 1 else "are"
        return f"{' and '.join(missing)} {verb} missing"

    def remedy(self) -> str:
        """What to do about `problem`."""
        if not self.initial_user_namespace:
            return "run it outside of the user namespace, as root"
        flags = " ".join(f"--cap-add={name.removeprefix('CAP_')}" for name in self.missing())
        if self.uid == 0:
            return f"this root lacks capabilities: start its container or service with {flags}"
        return f"run it as root (sudo capture ...), or in a container with {flags} as root"


def privileges(
    status: Path = Path("/proc/self/status"), last: Path = Path("/proc/sys/kernel/cap_last_cap")
) -> Privileges:
    """Those of this process. Source: proc(5), capabilities(7)."""
    fields = dict(line.split(":", 1) for line in status.read_text(errors="replace").splitlines() if ":" in line)
    effective, highest = int(fields["CapEff"], 16), int(last.read_text())
    return Privileges(
        uid=int(fields["Uid"].split()[1]),
        capabilities=frozenset(name for name, bit in CAPABILITIES.items() if effective >> bit & 1),
        known=frozenset(name for name, bit in CAPABILITIES.items() if bit <= highest),
        initial_user_namespace=_in_namespace("user", _INITIAL_USER_NAMESPACE),
        seccomp=int(fields.get("Seccomp", 0)) == _SECCOMP_FILTER,
    )


def lockdown(path: Path = Path("/sys/kernel/security/lockdown")) -> str | None:
    """The kernel's lockdown: `none`, `integrity` or `confidentiality`; None where it has no such thing."""
    try:
        modes = path.read_text().split()
    except (FileNotFoundError, PermissionError):
        return None
    return next((mode.strip("[]") for mode in modes if mode.startswith("[")), None)


def refused_because() -> str:
    """For an error message: why the kernel refused eBPF to this process, and what to do."""
    mine = privileges()
    problem = mine.problem()
    if problem is not None:
        return f"{problem}: {mine.remedy()}"
    if lockdown() == "confidentiality":
        return "the kernel is locked down (confidentiality): boot it with lockdown=integrity, or without Secure Boot"
    if mine.seccomp:
        return (
            "the capabilities are there, but a seccomp filter is too: let it pass bpf() (docker and podman: "
            "--security-opt seccomp=FILE or unconfined)"
        )
    return "the capabilities are there, so a security module refuses: `dmesg | grep -i denied` names its rule"


def check_privileges() -> None:
    """Raise PrivilegeError where the kernel is bound to refuse, before anything is loaded or started."""
    mine = privileges()
    problem = mine.problem()
    if problem is not None:
        raise PrivilegeError(f"{problem}: {mine.remedy()}; `capture doctor` shows another way")


def cpus() -> int:
    """CPUs that may ever come up: one ring each."""
    last = Path("/sys/devices/system/cpu/possible").read_text().strip().rpartition("-")[2]
    return int(last.rpartition(",")[2]) + 1


def pids() -> int:
    """The power of two above every pid of this host."""
    return 1 << (int(Path("/proc/sys/kernel/pid_max").read_text()) - 1).bit_length()


def in_initial_pid_namespace() -> bool:
    """Is our own pid the kernel's, so that we can leave ourselves out?"""
    return _in_namespace("pid", _INITIAL_PID_NAMESPACE)


def _in_namespace(kind: str, inode: int) -> bool:
    """Are we in the namespace of this inode number? A kernel without such namespaces has only the first."""
    try:
        return Path(f"/proc/self/ns/{kind}").stat().st_ino == inode
    except FileNotFoundError:
        return True


def is_real_time(path: Path = Path("/sys/kernel/realtime")) -> bool:
    """Is this a PREEMPT_RT kernel, where a ring could have two producers? Not all of them have the file."""
    try:
        return path.read_text().strip() == "1"
    except FileNotFoundError:
        return "PREEMPT_RT" in platform.version()


def check_namespace() -> None:
    """Raise UnsupportedError where our own pid is not the kernel's."""
    if not in_initial_pid_namespace():
        raise UnsupportedError(
            "capture runs in a pid namespace of its own, where it cannot tell its own calls from others': start the "
            "container with --pid=host, or run it on the host"
        )


def check_preemption() -> None:
    """Raise UnsupportedError on a real-time kernel."""
    if is_real_time():
        raise UnsupportedError(
            "this is a PREEMPT_RT kernel, on which the one-producer rule of the rings has not been tested: "
            "record on a kernel without PREEMPT_RT"
        )
