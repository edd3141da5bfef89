"""Writes what each case of cases.toml prints now: `python tests/golden/update.py [NAME...]`. Then look at the diff."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
ENVIRONMENT = {"COLUMNS": "80", "NO_COLOR": "1", "XDG_CONFIG_HOME": "/nonexistent"}


def cases() -> dict[str, dict[str, object]]:
    """The cases by name: `command`, and `status` if it is not 0."""
    return tomllib.loads((HERE / "cases.toml").read_text())


def expected(name: str) -> Path:
    """Where the text of a case is."""
    return HERE / f"{name}.out"


def run(case: dict[str, object]) -> tuple[int, str]:
    """Exit status and text of a case: standard output, then standard error."""
    words = [sys.executable, "-m", "analyze", *map(str, case["command"])]  # type: ignore[call-overload]
    environment = {**os.environ, **ENVIRONMENT, "PYTHONPATH": str(ROOT)}
    ran = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    return ran.returncode, ran.stdout + ran.stderr


def main() -> None:
    """Write the texts of the cases named, or of all."""
    for name, case in cases().items():
        if name in (sys.argv[1:] or [name]):
            status, text = run(case)
            if status != case.get("status", 0):
                sys.exit(f"{name}: exit status {status}\n{text}")
            expected(name).write_text(text)


if __name__ == "__main__":
    main()
