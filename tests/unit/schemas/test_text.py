"""Bytes from anybody as text, and back."""

from hypothesis import given
from hypothesis import strategies as st

from schemas.text import escape, is_text, to_bytes


@given(st.binary())
def test_escape_can_be_turned_back(value: bytes) -> None:
    """Whatever the bytes, and the text is always text."""
    assert to_bytes(escape(value), escaped=True) == value
    escape(value).encode()


@given(st.text())
def test_text_without_a_backslash_stays_itself(value: str) -> None:
    """Escaping changes nothing but backslashes in what is UTF-8."""
    assert is_text(value.encode())
    assert escape(value.encode()) == value.replace("\\", "\\\\")


def test_examples() -> None:
    """As the schema says."""
    assert escape(b"a\xff\\b") == "a\\xff\\\\b"
    assert not is_text(b"\xff")
    assert not is_text("\ud800".encode(errors="surrogatepass"))
    assert to_bytes("\\\\xff", escaped=True) == b"\\xff"
