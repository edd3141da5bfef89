"""The pages made of headers and fields are what the code says, and the examples of the docs run."""

import re
import shlex
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from analyze import AnalyzeError, cli
from analyze.page import fields_table, reports_page

DOCS = Path(__file__).resolve().parents[3] / "docs"
SAMPLES = DOCS.parent / "samples"
PAGES = ("analyze.md", "filters.md", "from-strace.md", "from-sysdig.md")
ASKS = ("$ analyze ",)


def test_the_pages_are_up_to_date() -> None:
    """`python -m analyze.page` writes them."""
    assert (DOCS / "reports.md").read_text() == reports_page()
    assert (DOCS / "filters.md").read_text().endswith(fields_table())


def commands() -> list[str]:
    """Every `analyze` command of the pages: lines of consoles without their remarks, and what tables name."""
    text = "".join((DOCS / name).read_text() for name in PAGES)
    blocks = re.findall(r"```console\n(.*?)```", text, re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines() if line.startswith(ASKS)]
    named = re.findall(r"(?m)^\|.*", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
    return [line.removeprefix("$ ") for line in lines] + [
        command for row in named for command in re.findall(r"`(analyze \S+ [^`]*\bt\.parquet[^`]*)`", row)
    ]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the captures that the pages speak of."""
    (tmp_path / "captures").mkdir()
    (tmp_path / "more").mkdir()
    names = {"trace": "web", "t": "shell", "a": "cat", "b": "dd", "captures/one": "find", "more/two": "cat"}
    for name, sample in names.items():
        shutil.copy(SAMPLES / f"{sample}.parquet", tmp_path / f"{name}.parquet")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("command", sorted(set(commands())))
def test_the_examples_run(folder: Path, command: str) -> None:
    """Each command of the pages, on a sample under its name."""
    words = shlex.split(command, comments=True)[1:]
    ran = CliRunner().invoke(cli.app, words, input="SELECT 1;")
    assert ran.exit_code == 0, ran.output
    assert ran.output or "-w" in words


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("page", ["analyze.md", "python.md"])
def test_the_python_of_a_page_runs(page: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Cell by cell, from the first to the last, as it stands."""
    known: dict[str, object] = {}
    for number, code in enumerate(re.findall(r"```python\n(.*?)```", (DOCS / page).read_text(), re.DOTALL)):
        exec(compile(code, f"{page}, cell {number + 1}", "exec"), known)
    assert "python3" in capsys.readouterr().out


def test_the_report_of_the_page_runs(folder: Path) -> None:
    """The example of a report of one's own."""
    (query,) = re.findall(r"```sql\n(.*?)```", (DOCS / "reports.md").read_text(), re.DOTALL)
    (folder / "mine.sql").write_text(query)
    ran = CliRunner().invoke(cli.app, [str(folder / "mine.sql"), "trace.parquet"])
    assert ran.exit_code == 0, ran.output


def test_every_exit_status_is_in_the_docs_and_the_help() -> None:
    """Each kind of error has a row in docs/analyze.md, and a place in `analyze --help`."""
    known = {str(kind.exit_code) for kind in AnalyzeError.__subclasses__()}
    section = (DOCS / "analyze.md").read_text().partition("## Exit status")[2]
    assert known <= set(re.findall(r"^\| (\d+) \|", section, re.MULTILINE))
    text = CliRunner().invoke(cli.app, ["--help"]).output.partition("Exit status:")[2]
    assert known <= set(re.findall(r"(\d+) [a-z]", text.partition("Options:")[0]))
