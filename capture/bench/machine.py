"""The machine beside the numbers: without it they mean nothing."""

import os
import platform
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from schemas.version import TOOL_VERSION

_CPU = Path("/sys/devices/system/cpu")
_VERSIONS = {
    "strace": ("strace", "-V"),
    "perf": ("perf", "version"),
    "bpftrace": ("bpftrace", "--version"),
    "sysdig": ("sysdig", "--version"),
    "cc": ("cc", "--version"),
}


@dataclass(frozen=True)
class Machine:
    """Load averages are of the last minute; steal is the share of CPU time that the hypervisor kept, since boot-like
    ticks (total, stolen) at the time of looking."""

    kernel: str
    architecture: str
    cpu: str
    cpus: int
    memory_mb: int
    virtualised: str
    clock_source: str
    governor: str
    mitigations: dict[str, str]
    command_line_mitigations: str
    load: float
    ticks: tuple[int, int]
    versions: dict[str, str] = field(default_factory=dict)

    def lines(self) -> list[str]:
        """For people, one fact a line."""
        active = [f"{name} ({how})" for name, how in self.mitigations.items()]
        return [
            f"kernel {self.kernel}, {self.architecture}",
            f"{self.cpus} x {self.cpu}, {self.memory_mb / 1024:.1f} GB; {self.virtualised}",
            f"clock source {self.clock_source}; governor {self.governor}; mitigations={self.command_line_mitigations}",
            f"mitigations: {', '.join(active) or 'none needed'}",
            f"versions: {', '.join(f'{name} {version}' for name, version in self.versions.items())}",
        ]


def describe() -> Machine:
    """This machine, now. What cannot be read is `unknown`."""
    return Machine(
        kernel=f"{platform.release()} {platform.version()}",
        architecture=platform.machine(),
        cpu=_cpu_model(),
        cpus=len(os.sched_getaffinity(0)),
        memory_mb=os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") >> 20,
        virtualised=_virtualised(),
        clock_source=_read(Path("/sys/devices/system/clocksource/clocksource0/current_clocksource")),
        governor=_read(_CPU / "cpu0/cpufreq/scaling_governor", "none (no cpufreq)"),
        mitigations=_mitigations(),
        command_line_mitigations=_option("mitigations", "auto"),
        load=os.getloadavg()[0],
        ticks=_ticks(),
        versions={"systape": TOOL_VERSION, "python": platform.python_version(), **_versions()},
    )


def stolen(before: Machine, after: Machine) -> float:
    """The share of CPU time between the two that the hypervisor gave to others."""
    total, steal = (late - early for late, early in zip(after.ticks, before.ticks, strict=True))
    return steal / total if total else 0.0


def _read(path: Path, otherwise: str = "unknown") -> str:
    try:
        return path.read_text(errors="replace").strip()
    except OSError:  # not on this kernel, or not for us
        return otherwise


def _cpu_model() -> str:
    names = dict(re.findall(r"^(model name|CPU part|Hardware)\s*:\s*(.+)$", _read(Path("/proc/cpuinfo")), re.MULTILINE))
    return next(iter(names.values()), "unknown CPU")


def _virtualised() -> str:
    """By the CPU's own word, or the firmware's; the hypervisor's name where something says it."""
    flags = re.search(r"^flags\s*:.*\bhypervisor\b", _read(Path("/proc/cpuinfo")), re.MULTILINE)
    names = (Path("/sys/hypervisor/type"), Path("/sys/class/dmi/id/sys_vendor"))
    name = next((text for path in names if (text := _read(path, ""))), "")
    if flags is None and not Path("/sys/hypervisor/type").exists():
        return "not virtualised"
    return f"virtualised ({name})" if name else "virtualised"


def _mitigations() -> dict[str, str]:
    """What the kernel does, or fails to do, against each weakness that this CPU has."""
    found = {path.name: _read(path) for path in sorted((_CPU / "vulnerabilities").glob("*"))}
    return {
        name: text.removeprefix("Mitigation: ").partition(";")[0]
        for name, text in found.items()
        if text != "Not affected"
    }


def _option(name: str, otherwise: str) -> str:
    found = re.search(rf"(?:^|\s){name}=(\S+)", _read(Path("/proc/cmdline"), ""))
    return found[1] if found else otherwise


def _ticks() -> tuple[int, int]:
    """All time, and time stolen. Source: the line `cpu` of proc_stat(5)."""
    fields = [int(word) for word in _read(Path("/proc/stat")).splitlines()[0].split()[1:]]
    return sum(fields[:8]), fields[7]


def _versions() -> dict[str, str]:
    found = {}
    for name, words in _VERSIONS.items():
        if shutil.which(words[0]) is None:
            continue
        said = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False).stdout
        number = re.search(r"\d+\.\d[\w.]*", re.sub(r"\(.*?\)", "", said.partition("\n")[0]))
        found[name] = number[0] if number else "unknown"
    return found
