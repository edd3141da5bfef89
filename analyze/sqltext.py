"""Names and values as SQL text, for where DuckDB binds none: in the definition of a view."""


def identifier(name: str) -> str:
    """A name, quoted."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A string, quoted."""
    return "'" + text.replace("'", "''") + "'"
