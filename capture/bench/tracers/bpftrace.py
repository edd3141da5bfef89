"""bpftrace, counting calls and adding up their latency in the kernel, as its users do."""

import re
from functools import partial
from pathlib import Path

from capture.bench.tracers.base import Count
from capture.bench.tracers.external import External, says
from capture.bench.tracers.privileges import why_not

# The probe that says `ready` is named first: bpftrace attaches in the reverse order.
_SCRIPT = """
interval:ms:100 /!@ready/ {{ printf("ready\\n"); @ready = 1; }}
tracepoint:raw_syscalls:sys_enter {only} {{ @start[tid] = nsecs; }}
tracepoint:raw_syscalls:sys_exit /@start[tid]/ {{ @calls[args->id] = stats(nsecs - @start[tid]); delete(@start[tid]); }}
END {{ clear(@start); clear(@ready); }}
"""


def _argv(output: Path, target: int | None) -> list[str]:
    only = "" if target is None else f"/pid == {target}/"
    return ["bpftrace", "-B", "none", "-e", _SCRIPT.format(only=only)]


def counted(output: Path, said: str) -> Count:
    """The sum of its counts. Raises ValueError where it printed none of its own."""
    if "ready" not in said:
        raise ValueError("no counts")
    return Count(sum(int(number) for number in re.findall(r"^@calls\[-?\d+\]: count (\d+)", said, re.MULTILINE)))


TRACERS = (
    External(
        "bpftrace",
        "bpftrace -e '... @calls[args->id] = stats(nsecs - @start[tid]) ...'",
        _argv,
        says("ready"),
        counted,
        partial(why_not, "bpftrace", root=True),
        in_kernel=True,
    ),
)
