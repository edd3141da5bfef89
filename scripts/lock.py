"""Writes requirements.lock: every package of the virtual environment, pinned, the same for all supported Pythons.

Asks pip to resolve pyproject.toml's requirements for each version of Python, without installing anything. Names and
versions only: where pip takes them from is the machine's own affair.
"""

import json
import subprocess
import sys
import tempfile
import tomllib
from itertools import chain
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LOCK = ROOT / "requirements.lock"
PYTHONS = ("3.11", "3.12")
HEAD = "# Made by `make lock` from pyproject.toml, for Python 3.11 and 3.12. Not to be edited by hand.\n"


def requirements() -> list[str]:
    """What pyproject.toml asks for, with all its extras: the tools are one of them."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return [*project["dependencies"], *chain.from_iterable(project["optional-dependencies"].values())]


def resolve(python: str, wanted: list[str]) -> dict[str, str]:
    """Versions by name that satisfy `wanted` on one version of Python. Raises CalledProcessError if none do."""
    with tempfile.TemporaryDirectory() as target:
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed"]
        command += ["--report", "-", "--python-version", python, "--only-binary=:all:", "--target", target]
        answer = subprocess.run([*command, *wanted], check=True, stdout=subprocess.PIPE, text=True)
    found = (item["metadata"] for item in json.loads(answer.stdout)["install"])
    return {item["name"].lower(): item["version"] for item in found}


def main() -> None:
    """Resolve for the first Python, hold those versions for the others, and write the lock file."""
    lock: dict[str, str] = {}
    for python in PYTHONS:
        held = [f"{name}=={version}" for name, version in lock.items()]
        lock |= resolve(python, [*requirements(), *held])
    LOCK.write_text(HEAD + "".join(f"{name}=={version}\n" for name, version in sorted(lock.items())))


if __name__ == "__main__":
    main()
