"""The pages made of headers and fields are what the code says, and the examples of the docs run."""

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from analyze import cli, open_capture
from analyze.page import fields_table, reports_page
from tests.unit.analyze.captures import make_rows, write_parquet

DOCS = Path(__file__).resolve().parents[3] / "docs"
ASKS = ("$ analyze ",)


def test_the_pages_are_up_to_date() -> None:
    """`python -m analyze.page` writes them."""
    assert (DOCS / "reports.md").read_text() == reports_page()
    assert (DOCS / "filters.md").read_text().endswith(fields_table())


def commands() -> list[str]:
    """Every `analyze` command of the pages, without its remark."""
    text = "".join((DOCS / name).read_text() for name in ("analyze.md", "filters.md"))
    blocks = re.findall(r"```console\n(.*?)```", text, re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines() if line.startswith(ASKS)]
    return [line.removeprefix("$ ") for line in lines]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the captures that the pages speak of."""
    (tmp_path / "captures").mkdir()
    (tmp_path / "more").mkdir()
    for name in ("trace", "t", "a", "b", "captures/one", "more/two"):
        write_parquet(tmp_path / f"{name}.parquet", make_rows(50), start="2026-09-21T14:13:20Z")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("command", sorted(set(commands())))
def test_the_examples_run(folder: Path, command: str) -> None:
    """Each command of docs/analyze.md and docs/filters.md, on a capture of its name."""
    words = shlex.split(command, comments=True)[1:]
    ran = CliRunner().invoke(cli.app, words, input="SELECT 1;")
    assert ran.exit_code == 0, ran.output
    assert ran.output


def test_the_python_example_runs(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As it stands."""
    (code,) = re.findall(r"```python\n(.*?)```", (DOCS / "analyze.md").read_text(), re.DOTALL)
    exec(code, {"open_capture": open_capture})
    assert "process" in capsys.readouterr().out


def test_the_report_of_the_page_runs(folder: Path) -> None:
    """The example of a report of one's own."""
    (query,) = re.findall(r"```sql\n(.*?)```", (DOCS / "reports.md").read_text(), re.DOTALL)
    (folder / "mine.sql").write_text(query)
    ran = CliRunner().invoke(cli.app, [str(folder / "mine.sql"), "trace.parquet"])
    assert ran.exit_code == 0, ran.output
