"""The command in this process: as quick as a call, and what it says can be captured."""

import sys

import pytest

from analyze import cli


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    """`analyze WORDS`; returns its exit status. Not `main`, which bounds the memory of the process that it ends."""
    monkeypatch.setattr(sys, "argv", ["analyze", *words])
    return cli.run()
