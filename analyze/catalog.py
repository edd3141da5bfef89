"""Views and macros, each defined when a statement first names it.

Most statements need few of them, and to define them all takes longer than many reports run.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

USE = re.compile(
    r'(?:\b(?:FROM|JOIN|TABLE|DESCRIBE|SUMMARIZE|PIVOT|UNPIVOT)\s+|,\s*)"?(?P<view>\w+)|\b(?P<macro>\w+)\s*\(',
    re.IGNORECASE,
)
"""Where a statement may name a view or a macro; too often rather than too seldom, but not at every column so called."""
COMMENT = re.compile(r"--.*")
DEFINES = re.compile(r"CREATE (?:OR REPLACE )?TEMP (?:VIEW|MACRO|TABLE) (\w+)", re.IGNORECASE)
LOOKS_ROUND = re.compile(r"\b(show|duckdb_\w+|information_schema|pg_\w+|sqlite_master)\b", re.IGNORECASE)
"""Words of a statement that asks what there is."""


@dataclass(frozen=True)
class _Definition:
    names: frozenset[str]
    run: Callable[[], None]


class Catalog:
    """What can be defined, by name."""

    def __init__(self) -> None:
        """Empty."""
        self._waiting: dict[str, _Definition] = {}

    def add(self, text: str, define: Callable[[str], None]) -> None:
        """Keep a text of CREATE statements, to be run by `define` when one of its names is needed."""
        self.add_names(DEFINES.findall(text), lambda: define(text))

    def add_names(self, names: Iterable[str], run: Callable[[], None]) -> None:
        """Keep what defines these names."""
        definition = _Definition(frozenset(name.lower() for name in names), run)
        self._waiting.update(dict.fromkeys(definition.names, definition))

    def need(self, statement: str) -> None:
        """Define what a statement names. What a definition needs itself is up to what runs it."""
        if not self._waiting:
            return
        for view, macro in dict.fromkeys(USE.findall(COMMENT.sub("", statement))):
            self._define((view or macro).lower())

    def need_all(self) -> bool:
        """Define everything; returns whether that changed anything."""
        missing = list(self._waiting)
        for name in missing:
            self._define(name)
        return bool(missing)

    def _define(self, name: str) -> None:
        definition = self._waiting.get(name)
        if definition is not None:
            for one in definition.names:
                del self._waiting[one]
            definition.run()


def looks_round(statement: str) -> bool:
    """Whether a statement asks what views there are, so that all must be there."""
    return LOOKS_ROUND.search(statement) is not None
