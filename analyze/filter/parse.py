"""From the text of a filter to a tree of tests; what is wrong is pointed at in the text."""

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, NoReturn

from analyze.errors import FilterError
from analyze.filter.fields import Field, fields, nearest

if TYPE_CHECKING:
    import lark

ESCAPE = re.compile(r"\\(.)", re.DOTALL)
LONGEST = 10_000
DEEPEST = 100
EXPECTED = {
    "FIELD": "a field (`analyze fields` lists them)",
    "OPERATOR": "an operator (= != < > <= >=)",
    "TEXT_OPERATOR": "contains, startswith, endswith, glob or regex",
    "IN": "in (...)",
    "WORD": "a value",
    "STRING": "a quoted value",
    "LPAR": "(",
    "COMMA": "a comma",
    "RPAR": ")",
    "_AND": "and",
    "_OR": "or",
}


@dataclass(frozen=True)
class Word:
    """A word of the text: what it means, where it stands, and whether it was quoted."""

    text: str
    start: int
    length: int
    quoted: bool = False


@dataclass(frozen=True)
class Test:
    """One condition: a field, an operator (`flag` for a field alone), its values."""

    field: Field
    operator: str
    values: tuple[Word, ...]
    where: Word


@dataclass(frozen=True)
class Negation:
    """True where its part is not, also where that has no value."""

    part: "Node"


@dataclass(frozen=True)
class Junction:
    """AND or OR."""

    word: str
    parts: tuple["Node", ...]


Node = Test | Negation | Junction


def parse(text: str) -> Node:
    """The tree of a filter. Raises FilterError."""
    import lark

    if len(text) > LONGEST:
        raise FilterError(f"the filter is {len(text):,} characters long; {LONGEST:,} are allowed")
    if not text.strip():
        raise FilterError("the filter is empty; write for instance: proc.name = nginx and evt.failed")
    _check_depth(text)
    try:
        tree = _parser().parse(text)
    except lark.UnexpectedInput as error:
        _refuse(text, error)
    return _build(tree, text)


def point(text: str, start: int, length: int, message: str) -> str:
    """The message, and below it the part of the text that it is about, underlined."""
    line = re.sub(r"\s", " ", text)
    first = max(0, start - 40)
    shown = line[first : first + 76]
    marks = "^" * max(1, min(length, len(shown) - (start - first)))
    return f"{message}\n  {shown}\n  {' ' * (start - first)}{marks}"


def refuse(text: str, word: Word, message: str) -> NoReturn:
    """Raise FilterError about a word."""
    raise FilterError(point(text, word.start, word.length, f"filter, column {word.start + 1}: {message}"))


@cache
def _parser() -> "lark.Lark":
    import lark

    grammar = (files("analyze") / "filter" / "grammar.lark").read_text()
    return lark.Lark(grammar, parser="lalr", maybe_placeholders=False)


def _check_depth(text: str) -> None:
    if text.count("(") > DEEPEST or len(re.findall(r"\bnot\b|!", text)) > DEEPEST:
        raise FilterError(f"the filter is nested too deeply: more than {DEEPEST} parentheses or negations")


def _refuse(text: str, error: "lark.UnexpectedInput") -> NoReturn:
    wanted: set[str] = set(
        getattr(error, "accepts", None) or getattr(error, "expected", None) or getattr(error, "allowed", None) or ()
    )
    expected = ", ".join(meaning for name, meaning in EXPECTED.items() if name in wanted)
    start = error.pos_in_stream if error.pos_in_stream is not None and error.pos_in_stream >= 0 else len(text)
    token = getattr(error, "token", None)
    if start >= len(text) or (token is not None and token.type == "$END"):
        raise FilterError(point(text, len(text.rstrip()), 1, f"the filter ends too early; expected {expected}"))
    rest = re.match(r"[\w.]+|\S", text[start:].lstrip() or " ")
    word = Word(rest.group() if rest else "", start, len(rest.group()) if rest else 1)
    refuse(text, word, f"`{word.text}` does not fit here; expected {expected or 'the end'}")


def _build(tree: Any, text: str) -> Node:  # noqa: ANN401 - lark has no type for what a rule yields
    if tree.data in ("either", "both"):
        word = "OR" if tree.data == "either" else "AND"
        return Junction(word, tuple(_build(part, text) for part in tree.children))
    if tree.data == "negation":
        return Negation(_build(tree.children[0], text))
    words = [_word(token) for token in tree.children]
    if tree.data == "class":
        return Test(fields()["evt.type"], "in", (words[0],), words[0])
    field = _field(words[0], text)
    if tree.data == "flag":
        return Test(field, "flag", (), words[0])
    return Test(field, "=" if words[1].text == "==" else words[1].text.lower(), tuple(words[2:]), words[0])


def _word(token: "lark.Token") -> Word:
    start = token.start_pos or 0
    if token.type == "STRING":
        return Word(ESCAPE.sub(r"\1", token.value[1:-1]), start, len(token.value), quoted=True)
    return Word(token.value, start, len(token.value))


def _field(word: Word, text: str) -> Field:
    found = fields().get(word.text.lower())
    if found is None:
        near = nearest(word.text.lower())
        hint = f"did you mean {near}?" if near else "`analyze fields` lists them"
        refuse(text, word, f"no field is called {word.text}; {hint}")
    return found
