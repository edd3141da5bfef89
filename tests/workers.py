"""Which worker runs which test: those that record are one worker's, in order; the rest goes to whoever is free.

They count what the whole kernel does, pick programs by name on the whole host, fill both CPUs and hold themselves
against the clock: two at a time would see each other. Of tests/contract, what does not record may run beside them.
"""

import pytest
from xdist.scheduler import LoadScopeScheduling

KERNEL = ("tests/contract/", "tests/test_demo.py", "tests/unit/capture/test_bench.py")
BESIDE = tuple(f"tests/contract/test_{name}" for name in ("decode_strace", "record_layout", "sinks"))


class KernelApart(LoadScopeScheduling):
    """Tests of one scope go to one worker, the largest scope first."""

    def _split_scope(self, nodeid: str) -> str:
        return "kernel" if nodeid.startswith(KERNEL) and not nodeid.startswith(BESIDE) else nodeid


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> LoadScopeScheduling:
    """Where `-n` asks for workers."""
    return KernelApart(config, log)
