"""The rules of the house that a program can check."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[1]
CODE = {".py", ".sql", ".c", ".h", ".sh"}
FILE_LINES = 400
FUNCTION_LINES = 50
SAMPLE_BYTES = 300_000

# In pieces, so that this file does not break its own rule.
HOSTS = [
    "py" + "pi.org",
    "python" + "hosted.org",
    "deb.deb" + "ian.org",
    "archive.ubu" + "ntu.com",
    "registry.npm" + "js.org",
]
ADDRESSES = re.compile("|".join([*map(re.escape, HOSTS), r"(?<![\w.])/wor" + "k/", "/opt/py" + "pi"]).encode())


def tracked() -> list[Path]:
    """The files under version control that are there."""
    listed = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    return [path for name in listed.split("\0") if name and (path := ROOT / name).is_file()]


def code_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function's body but for its docstring; the signature of a command is its list of options."""
    documented = ast.get_docstring(function, clean=False) is not None
    body = function.body[1:] if documented else function.body
    return body[-1].end_lineno - body[0].lineno + 1 if body else 0


def test_files_stay_short() -> None:
    """One idea a file: none of ours is longer than 400 lines."""
    counts = {path.relative_to(ROOT): path.read_bytes().count(b"\n") for path in tracked() if path.suffix in CODE}
    assert {str(path): lines for path, lines in counts.items() if lines > FILE_LINES} == {}


def test_functions_stay_short() -> None:
    """No Python function is longer than 50 lines, its signature and docstring left out."""
    long = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}: {code_lines(node)} lines"
        for path in tracked()
        if path.suffix == ".py"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and code_lines(node) > FUNCTION_LINES
    ]
    assert long == []


def test_no_address_of_a_registry_or_a_machine() -> None:
    """Where packages come from and where a checkout lies is each machine's own affair."""
    assert [str(path.relative_to(ROOT)) for path in tracked() if ADDRESSES.search(path.read_bytes())] == []


def test_samples_stay_small() -> None:
    """A sample is a file one can clone without a thought."""
    samples = [path for path in tracked() if path.is_relative_to(ROOT / "samples")]
    assert [str(path) for path in samples if path.stat().st_size > SAMPLE_BYTES] == []


def test_the_lock_answers_the_requirements() -> None:
    """requirements.lock is names and versions only, and holds one that suits each requirement of pyproject.toml."""
    lines = [line for line in (ROOT / "requirements.lock").read_text().splitlines() if not line.startswith("#")]
    assert [line for line in lines if not re.fullmatch(r"[\w.-]+==[\w.]+", line)] == []
    pinned = dict(line.lower().replace("_", "-").split("==") for line in lines)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = map(Requirement, project["dependencies"] + project["optional-dependencies"]["dev"])
    unmet = [str(need) for need in wanted if not need.specifier.contains(pinned.get(need.name.lower(), "0"))]
    assert unmet == [], "run `make lock`"


@pytest.mark.slow
@pytest.mark.parametrize(
    "tool",
    [("ruff", "check", "-q"), ("ruff", "format", "--check", "-q"), ("mypy",)],
    ids=lambda tool: "-".join(tool[:2]),
)
def test_the_tools_have_nothing_to_say(tool: tuple[str, ...]) -> None:
    """Style, docstrings, hints and types are as pyproject.toml demands (`make lint` says the same)."""
    found = subprocess.run([sys.executable, "-m", *tool], cwd=ROOT, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout + found.stderr
