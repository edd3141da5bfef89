"""Ctrl-C ends whatever DuckDB computes, at once, and nothing is left in the folder for what did not fit into memory."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.unit.analyze.captures import make_rows, write_parquet

COMMAND = [sys.executable, "-c", "import sys; sys.argv[0] = 'analyze'; from analyze.cli import main; main()"]
INTERRUPTED = 130
PATIENCE = 30


@pytest.mark.parametrize(
    "query",
    [
        "SELECT count(*) FROM range(1000000000000) a, range(1000000) b",
        "WITH RECURSIVE a AS (SELECT 1 AS x UNION ALL SELECT x + 1 FROM a) SELECT count(*) FROM a",
        "FROM range(1000000000000)",
        "SELECT sleep_ms(100000)",
    ],
)
def test_a_query_without_end_is_ended(tmp_path: Path, query: str) -> None:
    """Status 130, no word, in far less time than it would take."""
    path = write_parquet(tmp_path / "x.parquet", make_rows(5))
    spill = tmp_path / "spill"
    spill.mkdir()
    given = {**os.environ, "TMPDIR": str(spill)}
    words = [*COMMAND, "sql", str(path), query]
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=given) as process:
        while not list(spill.iterdir()):
            assert process.poll() is None
            time.sleep(0.01)
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=PATIENCE)
    assert (process.returncode, said) == (INTERRUPTED, b"")
    assert list(spill.iterdir()) == []


@pytest.mark.parametrize("words", [["fields"], ["--no-such"]])
def test_an_interrupt_at_the_very_end_is_quiet(words: list[str]) -> None:
    """When the interpreter ends already nobody is told where it was."""
    late = "import atexit, os, signal; atexit.register(os.kill, os.getpid(), signal.SIGINT)"
    program = f"{late}; from analyze.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", program, *words], capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGINT
    assert "Traceback" not in done.stderr
    assert "KeyboardInterrupt" not in done.stderr
