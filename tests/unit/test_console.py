"""What both commands do at the console: shell completion, and help that shows how each command is used."""

import os
import subprocess
import sys

import pytest

from capture.cli import SUBCOMMANDS

PROGRAMS = {"capture": "from capture.cli import main", "analyze": "from analyze.cli import main"}


def run(program: str, *words: str, **environment: str) -> str:
    """What the program prints."""
    code = f"import sys; sys.argv[0] = {program!r}; {PROGRAMS[program]}; main()"
    given = {**os.environ, **environment}
    return subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, env=given).stdout


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("capture --ba", "--backend"),
        ("capture do", "doctor"),
        ("capture doctor --n", "--no-test"),
        ("analyze sum", "summary"),
        ("analyze top --fo", "--format"),
        ("analyze top --by proc", "process"),
        ("analyze top --by call,err", "call,error"),
        ("analyze top --by cg", "cgroup"),
        ("analyze summary -S p9", "p99_ns"),
        ("analyze top -f proc.n", "proc.name"),
        ("analyze show -f evt.lat", "evt.latency"),
    ],
)
def test_a_shell_is_told_how_a_word_can_go_on(typed: str, offered: str) -> None:
    """Options, sub-commands and their options, as the script of `--install-completion` asks for them."""
    program, *words = typed.split()
    asked = {f"_{program.upper()}_COMPLETE": "complete_bash", "COMP_WORDS": typed, "COMP_CWORD": str(len(words))}
    assert offered in run(program, **asked).splitlines()


@pytest.mark.parametrize("name", ["", *SUBCOMMANDS])
def test_the_help_of_capture_has_examples(name: str) -> None:
    """Of the command itself and of each sub-command."""
    text = run("capture", *name.split(), "-h")
    assert f"Examples:\n    capture {name}".rstrip() in text
