"""How often the tests that hunt for rare instants try: a few times, or with `--long` as often as before a release."""

import pytest
from hypothesis import settings

_long = False


def configure(config: pytest.Config) -> None:
    """Before tests are collected: is this a long run?"""
    global _long
    _long = config.getoption("--long")
    settings.register_profile("long", max_examples=1000)
    if _long:
        settings.load_profile("long")


def often(usual: int, long: int) -> int:
    """The first of them, or with `--long` the second."""
    return long if _long else usual
