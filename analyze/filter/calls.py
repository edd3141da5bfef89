"""Names and classes of system calls, straight from the tables: schemas.syscalls would load numpy for every filter."""

import csv
import difflib
from functools import cache
from importlib.resources import files


@cache
def names_by_class() -> dict[str, frozenset[str]]:
    """The names of each class (`file`, `%stat`), over all tables; all of them under ''."""
    found: dict[str, set[str]] = {"": set()}
    for table in (files("schemas") / "tables").iterdir():
        if not table.name.endswith(".csv"):
            continue
        for row in csv.DictReader(table.read_text(encoding="utf-8").splitlines()):
            for tag in ("", *row["classes"].split()) if "classes" in row else ():
                found.setdefault(tag, set()).add(row["name"])
    return {tag: frozenset(names) for tag, names in found.items()}


def members(tag: str) -> frozenset[str] | None:
    """The names of a class as strace writes it (`%file`, `%network`); None if there is no such class."""
    word = tag.removeprefix("%")
    return names_by_class().get({"network": "net"}.get(word, word)) if word else None


def is_known(name: str) -> bool:
    """Whether some table has a call of this name, or it is a name for a number without one."""
    return name in names_by_class()[""] or (name.startswith("syscall_") and name[8:].lstrip("-").isdigit())


def nearest(name: str) -> str | None:
    """The name or class that a wrong one was most likely meant to be."""
    known = names_by_class()
    words = [f"%{tag}" for tag in known if tag] if name.startswith("%") else known[""]
    return next(iter(difflib.get_close_matches(name, words, n=1)), None)
