"""What analyze prints about the samples is what it printed before, to the character; and the manifest is true."""

import hashlib
import tomllib

import pyarrow.parquet as pq
import pytest

from tests.golden.update import HERE, ROOT, cases, expected, run

SAMPLES = ROOT / "samples"
MANIFEST = tomllib.loads((SAMPLES / "MANIFEST.toml").read_text())


@pytest.mark.parametrize("name", cases())
def test_the_text_is_the_same(name: str) -> None:
    """tests/golden/update.py writes the texts anew."""
    case = cases()[name]
    assert run(case) == (case.get("status", 0), expected(name).read_text())


def test_every_text_has_its_case() -> None:
    """No text is left over."""
    assert {path.stem for path in HERE.glob("*.out")} == set(cases())


@pytest.mark.parametrize("name", MANIFEST)
def test_the_manifest_describes_the_sample(name: str) -> None:
    """Rows, schema and checksum; samples/make.py writes them."""
    path, said = SAMPLES / f"{name}.parquet", MANIFEST[name]
    file = pq.ParquetFile(path, page_checksum_verification=True)
    assert file.read().num_rows == said["rows"]
    assert file.schema_arrow.metadata[b"systape.schema_version"].decode() == said["schema_version"]
    assert hashlib.sha256(path.read_bytes()).hexdigest() == said["sha256"]


def test_every_sample_is_in_the_manifest() -> None:
    """None is left over."""
    assert {path.stem for path in SAMPLES.glob("*.parquet")} == set(MANIFEST)
