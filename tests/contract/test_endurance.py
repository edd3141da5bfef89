"""The scripts that an operator trusts, in their short forms: random kills, and a steady load over a minute."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.often import often

SCRIPTS = Path(__file__).parents[2] / "scripts"

pytestmark = [pytest.mark.root, pytest.mark.bpf, pytest.mark.slow, pytest.mark.alone]


def ends_well(folder: Path, *words: str) -> None:
    """Run a script; what it prints says what was broken."""
    done = subprocess.run([sys.executable, SCRIPTS / words[0], *words[1:]], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    "options", [[], ["--disk", "6"], ["--stop"], ["--rotate"]], ids=["plain", "full", "stopped", "rotated"]
)
def test_kills(tmp_path: Path, options: list[str]) -> None:
    """Readable, nothing twice, nothing unaccounted for, and no more lost than was promised."""
    ends_well(tmp_path, "kill_test.py", "--kills", str(often(2, 40)), *options)


@pytest.mark.timeout(1800)
def test_a_minute(tmp_path: Path) -> None:
    """300,000 calls a second into rotating files: all there, memory flat, sizes as asked for."""
    ends_well(tmp_path, "long_run.py", "--minutes", str(often(1, 10)), "--rate", "300000", "--size", "20m")
