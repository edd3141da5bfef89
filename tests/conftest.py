"""What all tests share: the terminal they see, and which of them this machine can run."""

import os
from functools import cache

import pytest

from tests import often


def pytest_addoption(parser: pytest.Parser) -> None:
    """`make test ARGS=--long` is for the night before a release."""
    parser.addoption("--long", action="store_true", help="try rare instants and random inputs far more often")


def pytest_configure(config: pytest.Config) -> None:
    """Modules ask how often when they are collected."""
    often.configure(config)
    if config.pluginmanager.hasplugin("xdist"):
        from tests import workers

        config.pluginmanager.register(workers)


@cache
def why_not_root() -> str | None:
    """Why a test that needs root cannot run here; None if it can."""
    return None if os.geteuid() == 0 else "needs root: run `sudo make test`"


@cache
def why_not_bpf() -> str | None:
    """Why a test that loads programs into the kernel cannot run here, in `capture`'s own words; None if it can."""
    from capture.errors import CaptureError
    from capture.loaders import LOADERS
    from capture.preflight import check_privileges

    try:
        check_privileges()
    except CaptureError as error:
        return str(error)
    reasons = [loader.unavailable() for loader in LOADERS]
    return None if None in reasons else "; ".join(filter(None, reasons))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what cannot run here, with the reason that the probe gave; what wants the machine for itself comes last."""
    items.sort(key=lambda item: item.get_closest_marker("alone") is not None)
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
