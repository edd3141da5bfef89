"""Sizes and times as people write them."""

import pytest

from capture.cli.units import nanoseconds, size
from capture.errors import UsageError


@pytest.mark.parametrize(
    ("text", "bytes_"),
    [
        ("0", 0),
        ("4096", 4096),
        ("64k", 65536),
        ("64K", 65536),
        ("16m", 1 << 24),
        ("1g", 1 << 30),
        ("1 MiB", 1 << 20),
        ("2kb", 2048),
        ("7b", 7),
        (" 8k ", 8192),
    ],
)
def test_sizes(text: str, bytes_: int) -> None:
    """Powers of two, in either case, with or without a B."""
    assert size(text, "-B") == bytes_


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("1ms", 10**6),
        ("500us", 500000),
        ("500µs", 500000),
        ("2s", 2 * 10**9),
        ("1.5ms", 1500000),
        ("3", 3 * 10**9),
        ("7ns", 7),
        ("2m", 120 * 10**9),
        ("1h", 3600 * 10**9),
        ("0.1", 10**8),
    ],
)
def test_times(text: str, ns: int) -> None:
    """With a unit; seconds without."""
    assert nanoseconds(text, "--min-latency") == ns


@pytest.mark.parametrize("text", ["", "k", "-1", "1.5k", "1x", "1 2", "0x10", "lots", "1kk"])
def test_no_sizes(text: str) -> None:
    """One line with the option, the text and examples."""
    with pytest.raises(UsageError, match=r"^-B .*: not a size; write 64k"):
        size(text, "-B")


@pytest.mark.parametrize("text", ["", "ms", "-1ms", "1e3", "1y", "1ms2", "soon"])
def test_no_times(text: str) -> None:
    """As for sizes."""
    with pytest.raises(UsageError, match=r"^--min-latency .*: not a time; write 500us"):
        nanoseconds(text, "--min-latency")
