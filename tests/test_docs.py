"""The generated pages of docs/ say what the code says, and the links between pages lead somewhere."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import duckdb
import pyarrow.parquet as pq
import pytest

from schemas.arrow import EVENTS

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]


def make_docs() -> ModuleType:
    """scripts/make_docs.py, which is no part of any package."""
    spec = importlib.util.spec_from_file_location("make_docs", ROOT / "scripts" / "make_docs.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", make_docs().PAGES)
def test_a_generated_page_is_what_the_code_says(name: str) -> None:
    """A page equals what is generated now: every column, every command and every option is in the docs."""
    assert (ROOT / "docs" / name).read_text() == make_docs().PAGES[name](), "run `make docs`"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    """Every relative link of a page names a file of the repository."""
    targets = re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text())
    assert [target for target in targets if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("page", sorted((ROOT / "docs" / "decisions").glob("*.md")), ids=lambda page: page.stem)
def test_a_decision_has_its_four_parts(page: Path) -> None:
    """A decision record says in few words what, why, what exactly, and at which price."""
    assert re.match(r"\d{4}-[a-z0-9-]+$", page.stem)
    heads = re.findall(r"^## (.*)", page.read_text(), re.MULTILINE)
    assert heads[:4] == ["Summary", "Motivation", "Decision", "What we gave up"]


def test_the_changelog_has_its_heads() -> None:
    """Keep a Changelog: Unreleased on top, and in it one head per part of the project."""
    heads = re.findall(r"^#{2,3} (.*)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert heads[:4] == ["[Unreleased]", "Capture", "Schema", "Analyze"]


def blocks(page: str, language: str) -> list[str]:
    """The code blocks of a page that are in one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", (ROOT / page).read_text(), re.MULTILINE | re.DOTALL)


@pytest.fixture
def empty_capture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder, made the current one, with a trace.parquet that has the columns and no rows."""
    pq.write_table(EVENTS.empty_table(), tmp_path / "trace.parquet")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.usefixtures("empty_capture")
@pytest.mark.parametrize("query", blocks("README.md", "sql"))
def test_the_readme_s_queries_run(query: str) -> None:
    """DuckDB alone answers the README's queries on a capture."""
    assert duckdb.sql(query).columns


@pytest.mark.usefixtures("empty_capture")
@pytest.mark.parametrize("program", blocks("README.md", "python"))
def test_the_readme_s_programs_run(program: str) -> None:
    """pandas and polars read a capture the way the README says."""
    exec(compile(program, "README.md", "exec"), {})


def test_the_readme_s_options_exist() -> None:
    """Every option that the README types is in the help of its command."""
    typed = [line[2:].split(" # ")[0] for block in blocks("README.md", "console") for line in block.splitlines()]
    for name in ("capture", "analyze"):
        own = [re.sub(r" -- .*| \|.*", "", line) for line in typed if line.startswith(f"{name} ")]
        known = {option for word in helps(name) for option in re.findall(r"(?<![\w-])--?[a-z][\w-]*", word)}
        assert {option for line in own for option in re.findall(r" (--?[a-z][\w-]*)", line)} <= known
        assert own


def helps(name: str) -> list[str]:
    """The help texts of a command and its sub-commands, from docs/cli.md."""
    return [text for text in blocks("docs/cli.md", "text") if text.startswith(f"Usage: {name}")]
