"""Who may import whom: schemas <- capture, schemas <- analyze, and never one neighbour the other."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MAY_IMPORT = {"schemas": {"schemas"}, "capture": {"capture", "schemas"}, "analyze": {"analyze", "schemas"}}
OURS = {*MAY_IMPORT, "tests", "scripts"}


def imported(source: str) -> Iterator[tuple[int, str]]:
    """Line and top-level name of every absolute import, those inside functions and of a constant text included."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=names):
                for alias in names:
                    yield node.lineno, alias.name.partition(".")[0]
            case ast.ImportFrom(level=0, module=str(module)):
                yield node.lineno, module.partition(".")[0]
            case ast.Call(
                func=ast.Name("__import__") | ast.Attribute(attr="import_module"), args=[ast.Constant(str(name)), *_]
            ):
                yield node.lineno, name.partition(".")[0]


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_a_package_imports_only_what_lies_below_it(package: str) -> None:
    """No module of a package imports another of our packages than those that its layer allows."""
    strays = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in sorted((ROOT / package).rglob("*.py"))
        for line, name in imported(path.read_text())
        if name in OURS - MAY_IMPORT[package]
    ]
    assert strays == []


def test_the_check_sees_every_way_to_import() -> None:
    """Plain, from, late and dynamic imports are all found."""
    source = (
        "import a.b\nfrom c.d import e\ndef f():\n    import g\n    importlib.import_module('h.i')\n    from . import j"
    )
    assert {name for _, name in imported(source)} == {"a", "c", "g", "h"}
