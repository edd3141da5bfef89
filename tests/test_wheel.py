"""What a built wheel carries."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
DATA = {".c", ".h", ".sql", ".csv", ".txt", ".j2", ".lark"}
PACKAGES = ("capture", "analyze", "schemas")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel built from this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    return next(folder.glob("*.whl"))


@pytest.mark.slow
def test_the_wheel_carries_all_that_the_program_reads(wheel: Path) -> None:
    """Modules, kernel program (source, headers, object), tables and reports: every file of the packages is in it."""
    names = set(zipfile.ZipFile(wheel).namelist())
    listed = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", *PACKAGES], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    wanted = {name for name in listed.split() if Path(name).suffix in DATA | {".py"} and (ROOT / name).is_file()}
    assert wanted - names == set()
    assert {f"capture/bpf/.output/{name}.bpf.o" for name in ("collector", "running")} <= names
    assert "schemas/record.h" in names


@pytest.mark.slow
def test_the_wheel_carries_nothing_else(wheel: Path) -> None:
    """No tests, no scripts, no build products but the kernel program; both licences are there."""
    names = zipfile.ZipFile(wheel).namelist()
    info = [name for name in names if ".dist-info/" in name]
    assert {name.partition("/")[0] for name in names if name not in info} == set(PACKAGES)
    assert {Path(name).name for name in info} >= {"LICENSE", "GPL-2.0.txt", "entry_points.txt"}
    assert [name for name in names if "__pycache__" in name] == []


def test_the_wheel_names_its_platform(wheel: Path) -> None:
    """The kernel program reads registers, so the wheel is for one architecture, and for any Python."""
    assert wheel.name.startswith("systape-") and "-py3-none-linux_" in wheel.name
