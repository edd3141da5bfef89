"""Whatever is written as a filter either compiles and runs, or is refused with one clear line."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analyze.errors import FilterError
from analyze.filter import Context, Span, compile_filter, fields
from analyze.filter.values import duration, integer
from analyze.session import Session
from tests.often import often
from tests.unit.analyze.captures import START, make_rows, write_parquet

FEW = settings(max_examples=often(50, 1000), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """A small capture."""
    with Session([str(write_parquet(tmp_path_factory.mktemp("c") / "x.parquet", make_rows(30)))]) as opened:
        yield opened


def context(session: Session) -> Context:
    """As a session makes it."""
    return Context(lambda: Span(START, START + 10**12), session._regex_error)


def run(session: Session, text: str) -> int | None:
    """How many calls a filter keeps; None if it is refused."""
    try:
        compiled = compile_filter(text, context(session))
    except FilterError as error:
        first, *rest = str(error).splitlines()
        assert first
        assert len(rest) in (0, 2)
        return None
    for name, values in compiled.variables.items():
        session.bind(name, values)
    session.fetch(f"SELECT count(*) FROM losses WHERE {compiled.losses}")
    return int(session.fetch(f"SELECT count(*) FROM calls WHERE {compiled.where}")[0][0])


words = st.one_of(
    st.sampled_from(
        [*fields(), "and", "or", "not", "in", "between", "exists", "(", ")", ",", "=", "!=", "<", ">=", "!"]
    ),
    st.sampled_from(
        ["contains", "startswith", "glob", "regex", "%file", "%net", "1ms", "12:00:01", "0x10", "true", "''"]
    ),
    st.sampled_from(
        ["nginx", "read", "ENOENT", "'a b'", '"', "'", "\\", "[", "(?i", "*", "--", ";", "$1", "{}", "\x00", "é"]
    ),
    st.text(max_size=8),
)


@FEW
@given(st.lists(words, max_size=12).map(" ".join))
def test_any_words_compile_or_are_refused(session: Session, text: str) -> None:
    """Words of the language in any order, and others among them."""
    run(session, text)


@FEW
@given(st.text(max_size=60))
def test_any_text_compiles_or_is_refused(session: Session, text: str) -> None:
    """Nothing else ever happens."""
    run(session, text)


def quoted(text: str) -> str:
    """A value in quotes."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


SAMPLES = {
    "text": st.text(max_size=6).map(quoted),
    "int": st.one_of(st.integers(-(2**63), 2**63 - 1).map(str), st.integers(0, 2**63 - 1).map(hex)),
    "duration": st.one_of(st.integers(0, 10**12).map(str), st.integers(0, 10**6).map("{}us".format)),
    "time": st.one_of(st.integers(0, 10**5).map(str), st.times().map(lambda time: time.strftime("%H:%M:%S"))),
    "flag": st.sampled_from(["true", "false"]),
}
COMPARED = {"text": ["=", "!=", "contains", "startswith", "endswith"], "flag": ["=", "!="]}
NUMERIC = ["=", "!=", "<", "<=", ">", ">="]


@st.composite
def a_test(draw: st.DrawFn) -> str:
    """A test that is right."""
    field = draw(st.sampled_from([field for field in fields().values() if field.name != "evt.type"]))
    operator = draw(st.sampled_from(COMPARED.get(field.type, NUMERIC)))
    return f"{field.name} {operator} {draw(SAMPLES[field.type])}"


right = st.recursive(
    a_test(),
    lambda inner: st.one_of(
        inner.map("not ({})".format),
        st.tuples(inner, inner).map(lambda pair: "({}) and ({})".format(*pair)),
        st.tuples(inner, inner).map(lambda pair: "({}) or ({})".format(*pair)),
    ),
    max_leaves=4,
)


@FEW
@given(right)
def test_what_is_right_runs_and_negates(session: Session, text: str) -> None:
    """A right filter is never refused, and every call passes either it or its negation."""
    kept, left = run(session, text), run(session, f"not ({text})")
    assert kept is not None
    assert left is not None
    assert kept + left == 30


@FEW
@given(right, right)
def test_de_morgan_holds(session: Session, one: str, other: str) -> None:
    """Two-valued logic, whatever is NULL."""
    assert run(session, f"not ({one} or {other})") == run(session, f"(not ({one})) and (not ({other}))")
    assert run(session, f"({one}) and ({other})") == run(session, f"({other}) and ({one})")


@given(st.integers(-(2**63), 2**63 - 1))
def test_integers_are_read_as_written(number: int) -> None:
    """In every base."""
    assert integer(str(number)) == integer(hex(number)) == integer(bin(number)) == number


@given(st.integers(0, 10**9), st.integers(0, 999))
def test_durations_are_read_exactly(whole: int, part: int) -> None:
    """Decimals are not rounded through floating point."""
    assert duration(f"{whole}.{part:03d}us") == whole * 1000 + part
