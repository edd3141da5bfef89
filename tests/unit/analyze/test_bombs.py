"""Questions and captures made to take all memory get one line, and never much more memory than DuckDB may have."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from analyze import memory
from schemas.arrow import EVENTS
from tests.rows import batch_of, names
from tests.unit.analyze.captures import make_rows, metadata_of, write_parquet

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the kernel sets no such bound")

SMALL = 256 << 20
"""What DuckDB may take here, so that a test need not fill gigabytes."""
PROGRAM = """
import sys
from pathlib import Path
from analyze import memory
memory.MOST, memory.BESIDE = {most}, {beside}
from analyze import cli
sys.argv[0] = "analyze"
try:
    cli.main()
finally:
    print(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0], file=sys.stderr)
"""
BESIDE = 256 << 20


def asked(*words: object) -> tuple[int, str, int]:
    """Status, what is said on standard error, and the most memory that it took, in bytes."""
    program = [sys.executable, "-c", PROGRAM.format(most=SMALL, beside=BESIDE), *map(str, words)]
    done = subprocess.run(program, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
    *said, peak = done.stderr.splitlines()
    return done.returncode, "\n".join(said), int(peak) << 10


def capture_of(path: Path, kind: str, text: str | None, rows: int, groups: int) -> Path:
    """A small file of many like rows: of a kind, with a path."""
    kinds = EVENTS.field("kind").type
    columns = {"kind": names(np.zeros(rows), [kind], kinds), "fd": np.full(rows, 3, np.int32)}
    batch = batch_of(columns | ({"path": pa.array([text] * rows, pa.string())} if text else {}), rows)
    schema = EVENTS.with_metadata(metadata_of([], counters=None))
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for _ in range(groups):
            writer.write_table(pa.Table.from_batches([batch]).cast(schema))
    return path


@pytest.mark.parametrize(
    "query",
    [
        "SELECT repeat('x', 100000000) FROM range(100)",
        "SELECT repeat('x', 4000000000) FROM range(2000)",
        "SELECT list(range) FROM range(1000000000000)",
        "SELECT string_agg(repeat('x', 1000000), '') FROM range(100000)",
        "SELECT repeat('x', 200000000) AS a",
    ],
)
def test_a_query_that_takes_all_memory(tmp_path: Path, query: str) -> None:
    """One line that says so, the status of a query, and no more memory than the bound."""
    path = write_parquet(tmp_path / "x.parquet", make_rows(5))
    status, said, peak = asked("sql", path, query)
    assert (status, said) == (4, f"analyze: {too_much()}")
    assert peak < SMALL + BESIDE


@pytest.mark.parametrize("word", ["files", "tree"])
@pytest.mark.parametrize("kind", ["fd", "fork"])
def test_a_capture_of_nothing_but_state(tmp_path: Path, kind: str, word: str) -> None:
    """Ten million such rows lie in 1 MB of file: an answer, or the same line."""
    path = capture_of(tmp_path / "x.parquet", kind, "/x", 500_000, 20)
    assert path.stat().st_size < 2 << 20
    status, said, peak = asked(word, path)
    assert status == 0 or (status, said) == (4, f"analyze: {too_much()}")
    assert peak < SMALL + BESIDE


@pytest.mark.parametrize("word", ["show", "top", "verify", "files"])
def test_a_capture_of_long_texts(tmp_path: Path, word: str) -> None:
    """A gigabyte of path lies in 100 KB of file."""
    path = capture_of(tmp_path / "x.parquet", "syscall", "y" * 50_000_000, 2, 10)
    assert path.stat().st_size < 1 << 20
    status, said, peak = asked(word, path, *(["--by", "path"] if word == "top" else []))
    assert said.count("\n") == 0
    assert (status, said) == (0, "") or said.endswith(too_much())
    assert peak < SMALL + BESIDE


def test_who_sets_limits_themselves_has_none(tmp_path: Path) -> None:
    """With --unsafe DuckDB's own settings count."""
    path = write_parquet(tmp_path / "x.parquet", make_rows(5))
    status, said, peak = asked(
        "sql", "--unsafe", path, "SELECT length(repeat('x', 300000000) || repeat('y', 300000000))"
    )
    assert (status, said) == (0, "")
    assert peak > SMALL + BESIDE


def too_much() -> str:
    """The line, for the memory that there is here."""
    with pytest.MonkeyPatch.context() as given:
        given.setattr(memory, "MOST", SMALL)
        return memory.too_much()
