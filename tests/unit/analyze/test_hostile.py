"""Whatever is in a file, a command answers or says one clear line; scripts/fuzz.py does the same at length."""

import random
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from schemas.arrow import EVENTS
from scripts.fuzz import Corpus, case, commands, inside
from tests.hostile import holed
from tests.often import often

CASES = range(100_000, 100_000 + often(40, 1000))


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Corpus]:
    """A stream, an unfinished capture and a log, beside the samples."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["analyze"])
        patch.setenv("NO_COLOR", "1")
        yield Corpus(tmp_path_factory.mktemp("corpus"))


@pytest.mark.parametrize("number", CASES)
def test_a_hostile_file_is_answered_or_refused(corpus: Corpus, number: int) -> None:
    """No traceback, no status that is not documented, no control character where a terminal would obey it."""
    words, _ = case(corpus, number)
    assert inside(words) == [], words


@pytest.mark.parametrize("share", [0.4, 1.0])
@pytest.mark.parametrize("name", EVENTS.names)
def test_a_column_that_lacks_values(corpus: Corpus, name: str, share: float, tmp_path: Path) -> None:
    """Which another program's file may, whatever the schema says of each row."""
    rng, path = random.Random(f"{name} {share}"), tmp_path / "x.parquet"
    source = next(sample for sample in corpus.samples if sample.name == "web.parquet")
    pq.write_table(holed(pq.read_table(source), name, rng, share), path)
    every = commands(str(path), tmp_path, str(corpus.samples[1]))
    for words in rng.sample(every, often(3, len(every))):
        assert inside(["analyze", *words]) == [], words
