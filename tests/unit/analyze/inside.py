"""The command in this process: as quick as a call, and what it says can be captured."""

import sys

import pytest

from analyze import cli


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    """`analyze WORDS`; returns its exit status."""
    monkeypatch.setattr(sys, "argv", ["analyze", *words])
    with pytest.raises(SystemExit) as caught:
        cli.main()
    assert isinstance(caught.value.code, int)
    return caught.value.code
