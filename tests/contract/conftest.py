"""The workloads, compiled once a session, and the loaders as a parameter.

A workload (workloads/NAME.c) is a small program that makes calls of which it knows the number, the arguments or the
order, and prints what a capture must say of them, as JSON. The test records it and holds the rows against that.
"""

import subprocess
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.contract.harness import WHY_NOT, WORKLOADS

FLAGS = {"i386": ["-m32", "-nostdlib", "-fno-stack-protector", "-fno-pie", "-no-pie"]}
"""Of workloads that are no ordinary programs."""

Build = Callable[..., Path]


@pytest.fixture(scope="session")
def workload(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """Compiles a workload by name: statically, so that it makes few calls of its own."""
    folder = tmp_path_factory.mktemp("workloads")
    folder.chmod(0o755)

    @cache
    def build(name: str) -> Path:
        program = folder / name
        flags = ["-O1", "-Wall", "-Wextra", "-Werror", "-static", *FLAGS.get(name, ["-pthread"])]
        subprocess.run(["gcc", *flags, "-o", program, WORKLOADS / f"{name}.c"], check=True)
        return program

    return build


@pytest.fixture(scope="session", params=["core", "bcc"])
def loader(request: pytest.FixtureRequest) -> str:
    """Each loader in turn, as far as it can run here."""
    if WHY_NOT[request.param]:
        pytest.skip(WHY_NOT[request.param])
    return str(request.param)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "none", folder], check=True)
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)
