"""What all tests share: the terminal they see, and which of them this machine can run."""

import ctypes
import os
import platform
from functools import cache

import pytest

BPF_SYSCALL = {"x86_64": 321, "aarch64": 280}
BPF_MAP_CREATE = 0
BPF_MAP_TYPE_ARRAY = 2


@cache
def why_not_root() -> str | None:
    """Why a test that needs root cannot run here; None if it can."""
    return None if os.geteuid() == 0 else "needs root: run `sudo make test`"


@cache
def why_not_bpf() -> str | None:
    """Why a test that loads programs into the kernel cannot run here; None if it can. Asks the kernel for a map."""
    number = BPF_SYSCALL.get(platform.machine())
    if number is None:
        return f"the number of bpf() on {platform.machine()} is not known here"
    attributes = (ctypes.c_uint32 * 18)(BPF_MAP_TYPE_ARRAY, 4, 4, 1)
    libc = ctypes.CDLL(None, use_errno=True)
    made = libc.syscall(number, BPF_MAP_CREATE, attributes, ctypes.sizeof(attributes))
    if made < 0:
        return f"the kernel refuses bpf(): {os.strerror(ctypes.get_errno())}; `capture doctor` says what to do"
    os.close(made)
    return None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what cannot run here, with the reason that the probe gave."""
    for item in items:
        for marker, probe in {"root": why_not_root, "bpf": why_not_bpf}.items():
            if item.get_closest_marker(marker) and (reason := probe()):
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(autouse=True)
def plain_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test sees a terminal of 80 columns without colours, whatever the one it was started from."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("LINES", "24")
    monkeypatch.setenv("NO_COLOR", "1")
    for name in ("FORCE_COLOR", "PY_COLORS", "CLICOLOR_FORCE", "TERMINAL_WIDTH"):
        monkeypatch.delenv(name, raising=False)
