"""What the tests of faults share: a flood of calls that begins when it is told to, and the groups of this host."""

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from schemas.counters import Counters
from tests.contract.conftest import Build


@contextmanager
def flooding(workload: Build, seconds: float) -> Iterator["subprocess.Popen[str]"]:
    """A process that is ready to make as many calls as all CPUs can, for so long."""
    words = [workload("flood"), str(seconds)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


def let_go(process: "subprocess.Popen[str]") -> None:
    """It begins, or goes on."""
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def printed(process: "subprocess.Popen[str]") -> Any:
    """What it prints at its end."""
    return json.loads(process.communicate(timeout=60)[0])


def getppid_by_cpu(counters: Counters, what: Callable[[Any], int]) -> dict[int, int]:
    """A figure of the account for getppid, by CPU, as far as it is not 0."""
    found = {cell.cpu: what(cell) for cell in counters.cells if (cell.syscall, cell.abi) == ("getppid", "x86_64")}
    return {cpu: count for cpu, count in found.items() if count}


def memory_group() -> Path | None:
    """Where a control group with a limit on memory can be made, or None."""
    second = Path("/sys/fs/cgroup")
    if (second / "memory" / "memory.limit_in_bytes").exists():
        return second / "memory"
    controllers = second / "cgroup.subtree_control"
    return second if controllers.exists() and "memory" in controllers.read_text().split() else None
