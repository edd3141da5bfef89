"""The options of `capture`: what they become, and what is said of those that make no sense."""

import re
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import capture.session
from capture import cli
from capture.cli import record as command
from capture.cli.units import nanoseconds, size
from capture.errors import TargetError, UsageError
from capture.session import Options
from schemas.expr import select
from schemas.version import SCHEMA_VERSION, TOOL_VERSION

Run = Callable[..., Options]


@pytest.fixture
def options(monkeypatch: pytest.MonkeyPatch) -> Run:
    """What a command line makes of itself, without recording."""

    def run(*arguments: str) -> Options:
        found: list[Options] = []
        monkeypatch.setattr(capture.session, "record", lambda given: found.append(given) or 7)
        assert status(monkeypatch, *arguments) == 7
        return found[0]

    return run


def status(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """The exit status of a command line."""
    monkeypatch.setattr(sys, "argv", ["capture", *arguments])
    return cli.run()


def test_defaults(options: Run) -> None:
    """Everything, live, the first backend that can run, no payload, two seconds."""
    plain = options()
    assert plain == Options(argv=("capture",))
    assert plain.filter.describe() == "everything"
    assert (plain.target, plain.flush, plain.data_bytes, plain.limit, plain.ring_size) == (None, 2.0, 0, None, None)


def test_every_option_arrives(options: Run) -> None:
    """Each in the member of its name, in the units of the rest of the program."""
    sizes = ("-w", "t.parquet", "-s", "100", "-c", "5", "-B", "64k", "--flush", "0.5")
    arguments = (*sizes, "--force", "--stats", "3", "-q", "-v", "--loader", "bcc")
    found = options(*arguments)
    assert (found.target, found.data_bytes, found.limit, found.ring_size) == ("t.parquet", 100, 5, 65536)
    assert (found.flush, found.force, found.stats, found.quiet, found.verbose) == (0.5, True, 3.0, True, True)
    assert (found.loader, found.backend, found.argv) == ("bcc", "ebpf", ("capture", *arguments))


def test_every_filter_arrives(options: Run) -> None:
    """Values of repeated options are together; users by name too."""
    chosen = options(
        *("-p", "7", "-p", "8", "--no-follow", "-e", "openat", "-e", "!close", "--comm", "a", "--comm", "b"),
        *("--uid", "root", "--uid", "33", "-P", "/etc", "--failed-only", "--min-latency", "1.5ms"),
    ).filter
    assert (chosen.pids, chosen.follow, chosen.comms, chosen.uids) == ((7, 8), False, ("a", "b"), (0, 33))
    assert (chosen.paths, chosen.failed_only, chosen.min_latency) == (("/etc",), True, 1_500_000)
    assert chosen.expression == "openat, !close"
    assert chosen.cells is not None
    assert np.array_equal(chosen.cells, select(["openat", "!close"]).cells)


def test_an_expression_that_means_everything_is_no_filter(options: Run) -> None:
    """The kernel need not look at a list that has all calls."""
    assert options("-e", "all").filter.cells is None


@pytest.mark.parametrize(
    ("arguments", "run"),
    [
        (("--", "ls", "-l", "-w"), ("ls", "-l", "-w")),
        (("ls", "-w", "x"), ("ls", "-w", "x")),
        (("-u", "root", "--", "doctor"), ("doctor",)),
        (("--", "ls", "--", "x"), ("ls", "--", "x")),
    ],
)
def test_what_stands_behind_the_command_is_the_commands(
    arguments: tuple[str, ...], run: tuple[str, ...], options: Run
) -> None:
    """Its options are not ours, with or without the two dashes."""
    assert options(*arguments).command == run


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("-e nosuchcall", "nosuchcall"),
        ("--uid nosuchuser", "--uid nosuchuser: there is no such user; .getent passwd. lists them"),
        ("--uid ²", "there is no such user"),
        ("--uid 4294967295", "below 4294967295"),
        ("--uid 99999999999999999999999", "no such user"),
        ("--comm averyverylongname", "1 to 15 bytes"),
        ("--min-latency soon", "--min-latency soon: not a time"),
        ("--min-latency 99999999999h", "longer than any call"),
        ("-B lots", "-B lots: not a size"),
        ("-B 1k", "a ring takes 4k to 1g"),
        ("-B 2g", "a ring takes 4k to 1g"),
        ("--loader best", "the loaders are core and bcc"),
        ("--backend best", "the backends are ebpf and ptrace"),
        ("--backend ptrace --loader core", "leave it out with --backend ptrace"),
        ("-p 7 -- ls", "-p and a command"),
        ("-u root", "-u USER is for a command"),
        ("-c 0", "-c"),
        ("-s 65536", "-s"),
        ("-s -1", "-s"),
        ("--flush 0", "--flush"),
        ("--nosuchoption", "--nosuchoption"),
    ],
)
def test_bad_input_is_one_line(
    arguments: str, message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It names the option and what to do, status 2, nothing on standard output, and nothing is begun."""
    monkeypatch.setattr(capture.session, "record", lambda _: pytest.fail("it was begun"))
    assert status(monkeypatch, *arguments.split()) == 2
    out, err = capsys.readouterr()
    assert out == ""
    (line,) = err.splitlines()
    assert line.startswith("capture: ")
    assert re.search(message, line)


def test_bytes_that_are_no_text(options: Run) -> None:
    """A name or a path is given as bytes: as anybody may have called it."""
    found = options("--comm", "caf\udce9", "-P", "/caf\udce9", "--", "x\udcff")
    assert found.filter.describe() == "comm caf\\xe9; path /caf\\xe9"
    assert found.command == ("x\udcff",)


def test_describe(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """-d says what the kernel filters, and records nothing."""
    assert status(monkeypatch, "-d", "-p", "7", "--failed-only", "--comm", "\udcff") == 0
    assert capsys.readouterr().out == "in the kernel: pid 7 and descendants; comm \\xff; failed only\n"


def test_version(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Of the tool and of the schema."""
    assert status(monkeypatch, "-V") == 0
    assert capsys.readouterr().out == f"capture {TOOL_VERSION}, schema {SCHEMA_VERSION}\n"


def test_errors_have_their_own_status(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """One line on standard error, and the status of its kind; a reader that has gone is no error."""

    def fail(_: Options) -> Any:
        raise TargetError("no such thing; do that")

    monkeypatch.setattr(capture.session, "record", fail)
    assert status(monkeypatch) == TargetError.exit_code
    assert capsys.readouterr().err == "capture: no such thing; do that\n"


@settings(deadline=None)
@given(st.text(max_size=12) | st.from_regex(r"\d{0,30}(\.\d{0,30})? ?[a-z]{0,2}", fullmatch=True))
def test_any_text_is_a_number_or_refused(text: str) -> None:
    """Sizes and times never end in anything else, and fit what they are kept in."""
    for parse, option in ((size, "-B"), (nanoseconds, "--min-latency")):
        try:
            found = parse(text, option)
        except UsageError as error:
            assert str(error).startswith(f"{option} ")
        else:
            assert 0 <= found < (2**63 if parse is nanoseconds else 2**100)


def test_loader_and_backend_names() -> None:
    """Without a wish none is chosen here; a loader is a wish for eBPF."""
    assert command._backend(None, None) is None
    assert command._backend("ptrace", None) == "ptrace"
    assert command._backend(None, "core") == "ebpf"
