"""From the tree of a filter to SQL. Every value is bound: the text holds field expressions from fields.csv, operators,
and `getvariable('f_0')[1]`, nothing that a user wrote.

A test on a field without a value (NULL) is false, whatever the operator, and `not` of it true: two-valued logic.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from analyze.filter import calls, values
from analyze.filter.parse import Junction, Negation, Node, Test, Word, parse, refuse

COMPARISONS = {"=": "=", "!=": "<>", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
OPERATORS = {
    "text": ("=", "!=", "in", "contains", "icontains", "startswith", "endswith", "glob", "iglob", "regex", "exists"),
    "int": (*COMPARISONS, "in", "between", "exists"),
    "duration": (*COMPARISONS, "between", "exists"),
    "time": (*COMPARISONS, "between"),
    "flag": ("flag", "=", "!="),
}
TEXT = {
    "contains": "contains({x}, {v})",
    "icontains": "contains(lower({x}), lower({v}))",
    "startswith": "starts_with({x}, {v})",
    "endswith": "ends_with({x}, {v})",
    "glob": "{x} GLOB {v}",
    "iglob": "lower({x}) GLOB lower({v})",
    "regex": "regexp_matches({x}, {v})",
}
SHORT = 16
"""Values that a list has one by one in the SQL."""


@dataclass(frozen=True)
class Context:
    """What the values of a filter depend on."""

    span: Callable[[], values.Span]
    """When the captures began and ended; only asked for if the filter has a time."""
    regex_error: Callable[[str], str | None]
    """Why a regular expression is none, in DuckDB's words; None if it is one."""
    hosts: int = 1


@dataclass
class Compiled:
    """A filter as SQL over `calls`, as SQL over `losses`, and the variables both read.

    `losses` keeps whatever may have matched: what was lost is known by call, CPU and time only.
    """

    text: str
    where: str = "true"
    losses: str = "true"
    variables: dict[str, list[object]] = field(default_factory=dict)


def compile_filter(text: str, context: Context, prefix: str = "f") -> Compiled:
    """Compile a filter; its variables are called PREFIX_0, PREFIX_1, ... Raises FilterError."""
    compiled = Compiled(text)
    writer = _Writer(text, context, compiled.variables, prefix)
    node = parse(text)
    compiled.where = writer.sql(node)
    compiled.losses = writer.possible(node, True)
    return compiled


class _Writer:
    def __init__(self, text: str, context: Context, variables: dict[str, list[object]], prefix: str) -> None:
        self.text = text
        self.context = context
        self.variables = variables
        self.prefix = prefix
        self.bound: dict[int, list[str]] = {}

    def sql(self, node: Node) -> str:
        """What holds for the calls that the filter keeps."""
        match node:
            case Junction(word, parts):
                return "(" + f" {word} ".join(self.sql(part) for part in parts) + ")"
            case Negation(part):
                return f"({self.sql(part)}) IS NOT TRUE"
            case Test():
                return self._test(node)

    def possible(self, node: Node, wanted: bool) -> str:
        """What holds for losses among which the node may have been `wanted` for some call."""
        match node:
            case Junction(word, parts):
                joined = word if wanted else {"AND": "OR", "OR": "AND"}[word]
                return "(" + f" {joined} ".join(self.possible(part, wanted) for part in parts) + ")"
            case Negation(part):
                return self.possible(part, not wanted)
            case Test(field, operator, _, _):
                column = field.loss
                if not column or operator == "exists":
                    return "true"
                if column == "ts":
                    return f"coalesce({self._overlap(node)}, true)" if wanted else "true"
                condition = self._condition(node, column)
                return f"coalesce({condition if wanted else f'NOT ({condition})'}, true)"

    def _overlap(self, test: Test) -> str:
        """A loss is spread over an interval, which must reach into the time that the test allows."""
        begin, end = "ts", "coalesce(try(ts + to_microseconds(coalesce(dur_ns, 0) // 1000 + 1)), ts)"
        terms = self._terms(test)
        match test.operator:
            case "<" | "<=":
                return f"{begin} {test.operator} {terms[0]}"
            case ">" | ">=":
                return f"{end} {test.operator} {terms[0]}"
            case "between":
                return f"({end} >= {terms[0]} AND {begin} <= {terms[1]})"
            case "=":
                return f"({end} >= {terms[0]} AND {begin} <= {terms[0]})"
        return "true"

    def _test(self, test: Test) -> str:
        self._check_operator(test)
        if not test.field.within:
            return self._condition(test, test.field.sql)
        view, _, key = test.field.within.partition(".")
        keys = f"(host, {key})" if self.context.hosts > 1 else key
        listed = keys.strip("()")
        if test.operator == "!=":
            positive = Test(test.field, "=", test.values, test.where)
            return f"{keys} NOT IN (SELECT {listed} FROM {view} WHERE {self._condition(positive, test.field.sql)})"
        return f"{keys} IN (SELECT {listed} FROM {view} WHERE {self._condition(test, test.field.sql)})"

    def _check_operator(self, test: Test) -> None:
        allowed = OPERATORS[test.field.type]
        if test.operator == "flag" and "flag" not in allowed:
            refuse(
                self.text,
                test.where,
                f"{test.field.name} needs an operator and a value; {_forms(test.field.name, allowed)}",
            )
        if test.operator not in allowed:
            refuse(
                self.text, test.where, f"{test.field.name} has no `{test.operator}`; {_forms(test.field.name, allowed)}"
            )

    def _condition(self, test: Test, x: str) -> str:
        if test.operator == "exists":
            return f"{x} IS NOT NULL"
        if test.operator == "flag":
            return x
        terms = self._terms(test)
        if test.field.type == "flag":
            return f"({x}) {COMPARISONS[test.operator]} {terms[0]}"
        if test.operator == "between":
            return f"{x} BETWEEN {terms[0]} AND {terms[1]}"
        if test.operator == "in" or len(terms) != 1:
            negation = "NOT " if test.operator == "!=" else ""
            listed = ", ".join(terms) if len(terms) <= SHORT else f"SELECT unnest({terms[0].removesuffix('[1]')})"
            return f"{x} {negation}IN ({listed})"
        if test.operator in TEXT:
            return TEXT[test.operator].format(x=x, v=terms[0])
        return f"{x} {COMPARISONS[test.operator]} {terms[0]}"

    def _terms(self, test: Test) -> list[str]:
        """The test's values, bound once however often they are used."""
        if id(test.where) not in self.bound:
            name = f"{self.prefix}_{len(self.variables)}"
            bound = self._values(test)
            self.variables[name] = bound
            terms = [f"getvariable('{name}')[{index}]" for index in range(1, len(bound) + 1)]
            self.bound[id(test.where)] = [
                f"make_timestamp_ns({term})" if test.field.type == "time" else term for term in terms
            ]
        return self.bound[id(test.where)]

    def _values(self, test: Test) -> list[object]:
        found: list[object] = []
        for word in test.values:
            try:
                found += self._value(test, word)
            except ValueError as error:
                refuse(self.text, word, str(error))
        return found

    def _value(self, test: Test, word: Word) -> list[object]:
        match test.field.type:
            case "int":
                return [values.integer(word.text)]
            case "duration":
                return [values.duration(word.text)]
            case "time":
                return [values.moment(word.text, self.context.span())]
            case "flag":
                return [values.flag(word.text)]
        if test.operator == "regex" and (reason := self.context.regex_error(word.text)):
            raise ValueError(f"no regular expression: {reason}")
        if test.field.name == "evt.type" and test.operator in ("=", "!=", "in"):
            return list(_calls(word))
        return [word.text]


def _calls(word: Word) -> list[str]:
    """The system calls that a name or a class means."""
    if word.text.startswith("%") and not word.quoted:
        members = calls.members(word.text)
        if members is None:
            near = calls.nearest(word.text)
            raise ValueError(f"no class is called {word.text}" + (f"; did you mean {near}?" if near else ""))
        return sorted(members)
    if not calls.is_known(word.text):
        near = calls.nearest(word.text)
        raise ValueError(f"no system call is called {word.text}" + (f"; did you mean {near}?" if near else ""))
    return [word.text]


def _forms(name: str, operators: tuple[str, ...]) -> str:
    return f"use {', '.join(one if one != 'flag' else f'{name} alone' for one in operators)}"
