"""`analyze diff` of real captures: runs of one program differ in pace alone; what is planted in one comes first."""

import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from tests.contract.harness import CAPTURE, WORKLOADS, record

pytestmark = [pytest.mark.root, pytest.mark.bpf]

ANALYZE = str(Path(CAPTURE).with_name("analyze"))
PLANTED = {
    "slow": ("latency", "slower", "getrandom on average"),
    "error": ("error", "new", "openat ENOTDIR"),
    "file": ("file", "new", "/etc/passwd"),
    "calls": ("call", "more", "fstat"),
    "call": ("call", "new", "rename"),
    "peer": ("peer", "new", "127.0.0.2:25"),
    "process": ("process", "new", "true"),
}
"""What PLANT makes different, and what diff must say of it first."""


def captured(path: Path, plant: str = "") -> Path:
    """A capture of one run of the program, in a folder with a name of its own."""
    with TemporaryDirectory() as folder:
        command = [sys.executable, "-S", "-E", str(WORKLOADS / "steady.py"), folder]
        result = record(path, command=command, env={**os.environ, "PLANT": plant})
    assert result.status == 0, result.said
    return path


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run without anything planted."""
    return captured(tmp_path_factory.mktemp("diff") / "a.parquet")


def changes(before: Path, after: Path, *options: str) -> list[dict[str, Any]]:
    """What diff says, but for the pace: this machine has other work too."""
    words = [ANALYZE, "diff", str(before), str(after), "--format", "json", *options]
    done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=60)
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return [change for change in found if change["kind"] != "pace"]


def test_two_runs_differ_in_nothing_of_weight(before: Path, tmp_path: Path) -> None:
    """Other pids, addresses, folders of temporary files and moments of waiting are no change."""
    assert changes(before, captured(tmp_path / "b.parquet")) == []


@pytest.mark.parametrize("plant", PLANTED)
def test_what_one_run_does_otherwise_comes_first(before: Path, tmp_path: Path, plant: str) -> None:
    """One thing planted in a real run is the first that diff names."""
    kind, word, what = PLANTED[plant]
    found = changes(before, captured(tmp_path / "b.parquet", plant))
    told = [
        (change["kind"], change["change"], f"{change['process']} {change['call']} {change['what']}") for change in found
    ]
    assert told and told[0][:2] == (kind, word) and what in told[0][2], told


def test_fail_if_has_a_status_of_its_own(before: Path, tmp_path: Path) -> None:
    """8 if a change is as described, 0 if none is: for CI."""
    after = captured(tmp_path / "b.parquet", "file")
    for condition, status in (("kind = 'file' AND change = 'new'", 8), ("kind = 'peer'", 0)):
        words = [ANALYZE, "diff", str(before), str(after), "--fail-if", condition]
        assert subprocess.run(words, capture_output=True, check=False, timeout=60).returncode == status
