"""The reports: one .sql file each. Finds them by name, in this folder and in the user's own, or by path."""

import difflib
import os
from importlib.resources import files
from pathlib import Path

from analyze.errors import ReportError, UsageError
from analyze.reports.header import Field, Param, Report, parse

__all__ = ["Field", "Param", "Report", "built_in", "find", "folder_of_user", "names", "parse"]

SUFFIX = ".sql"


def folder_of_user() -> Path:
    """Where a user's own reports are; it need not exist."""
    base = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(base) / "systape" / "reports"


def names() -> dict[str, Path]:
    """The file of every report by name. A user's own does not take the place of a built-in one."""
    own = folder_of_user()
    found = {path.stem: path for path in sorted(own.glob(f"*{SUFFIX}"))} if own.is_dir() else {}
    return {**found, **built_in()}


def built_in() -> dict[str, Path]:
    """The file of every report that comes with systape, by name."""
    folder = Path(str(files("analyze") / "reports"))
    return {path.stem: path for path in sorted(folder.glob(f"*{SUFFIX}"))}


def find(name: str) -> Report:
    """A report by name, or by the path of its file. Raises UsageError if there is none, ReportError if it is wrong."""
    if name.endswith(SUFFIX):
        return _load(Path(name).stem, Path(name))
    known = names()
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"; did you mean {near[0]}?" if near else f"; there are: {', '.join(sorted(known))}"
        raise UsageError(f"no report {name}{hint}")
    return _load(name, known[name])


def _load(name: str, path: Path) -> Report:
    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise ReportError(f"{path}: {getattr(error, 'strerror', None) or 'is not UTF-8 text'}") from error
    return parse(name, path, text)
