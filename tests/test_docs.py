"""The generated pages of docs/ say what the code says, and the links between pages lead somewhere."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

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
