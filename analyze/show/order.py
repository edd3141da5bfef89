"""In which order rows are shown."""

from enum import StrEnum


class Order(StrEnum):
    """By which time rows are sorted; unsorted they come as they lie in the file, nearly in order of return."""

    ENTRY = "entry"
    RETURN = "return"
