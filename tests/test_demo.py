"""`make demo`, but for the set-up: what somebody sees who tries systape for the first time."""

import subprocess
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from schemas.arrow import EVENTS

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.root
@pytest.mark.bpf
@pytest.mark.slow
def test_the_demo_records_and_answers(tmp_path: Path) -> None:
    """The workload's programs are in the capture, and every question that the demo types is answered."""
    trace = tmp_path / "demo.parquet"
    ended = subprocess.run([ROOT / "scripts" / "demo.sh", trace], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    typed = [line.split()[1:3] for line in ended.stdout.splitlines() if line.startswith("$ ")]
    assert typed == [["capture", "-w"], *(["analyze", word] for word in ("summary", "top", "top", "latency", "sql"))]
    assert ended.stderr == ""
    table = pq.read_table(trace)
    assert table.schema.names == EVENTS.names
    assert {"find", "gcc", "tar", "sqlite3", "dd"} <= set(table["comm"].to_pylist())
