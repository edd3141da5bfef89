"""Whatever is in a file, a command answers or says one clear line; scripts/fuzz.py does the same at length."""

from collections.abc import Iterator

import pytest

from scripts.fuzz import Corpus, case, inside
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
