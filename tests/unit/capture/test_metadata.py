"""What a capture file says of itself."""

import json
import os
import platform
import pwd
import re
from datetime import datetime

import pyarrow as pa
import pytest

from capture.clock import Clock
from capture.metadata import at_end, at_start
from schemas.arrow import EVENTS, Key
from schemas.counters import Cell, Counters
from schemas.version import SCHEMA_VERSION, TOOL_VERSION

ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z")
CLOCK = Clock([(10**9, 1_700_000_000_123_456_789)])


def test_all_that_is_known_before_the_first_row() -> None:
    """Every key but those of the end, each as text."""
    start = at_start(CLOCK, ("capture", "-w", "a b"), "pid 7", "ebpf", "core")
    assert set(start) == set(Key) - {Key.END, Key.COUNTERS, Key.NOTES}
    assert (start[Key.SCHEMA_VERSION], start[Key.TOOL_VERSION]) == (SCHEMA_VERSION, TOOL_VERSION)
    assert (start[Key.HOST], start[Key.MACHINE]) == (platform.node(), platform.machine())
    assert start[Key.KERNEL].startswith(platform.release())
    assert re.fullmatch(r"[0-9a-f-]{36}", start[Key.BOOT_ID])
    assert start[Key.COMMAND] == "capture -w 'a b'"
    assert (start[Key.FILTER], start[Key.BACKEND], start[Key.LOADER]) == ("pid 7", "ebpf", "core")
    assert start[Key.START] == "2023-11-14T22:13:20.123456789Z"
    assert json.loads(start[Key.CLOCK]) == [list(CLOCK.samples[0])]
    assert json.loads(start[Key.USERS])[str(os.geteuid())] == pwd.getpwuid(os.geteuid()).pw_name
    assert json.loads(start[Key.GROUPS])["0"]


def test_all_that_is_known_at_the_end() -> None:
    """End, clock samples, accounts and notes; the end is on the file's own clock."""
    ours = Clock()
    counters = Counters(cells=[Cell(0, "x86_64", 0, "read", 3, 2, {"writer": 1})])
    end = at_end(ours, counters, ["no groups"])
    assert set(end) == {Key.END, Key.CLOCK, Key.COUNTERS, Key.NOTES}
    assert Counters.from_json(end[Key.COUNTERS]) == counters
    assert json.loads(end[Key.NOTES]) == ["no groups"]
    assert ISO.fullmatch(end[Key.END])
    start = at_start(ours, (), "", "", "")[Key.START]
    assert 0 <= seconds(end[Key.END]) - seconds(start) < 10


def seconds(text: str) -> float:
    """Since the epoch."""
    return datetime.fromisoformat(text[:26] + "Z").timestamp()


@pytest.mark.parametrize("argument", ["caf\udce9", "\udcff\udcfe", "ü\\"])
def test_arguments_of_any_bytes(argument: str) -> None:
    """A command line that is no UTF-8 does not keep a file from being written."""
    start = at_start(CLOCK, ("capture", argument), "", "", "")
    schema = EVENTS.with_metadata(start)
    assert schema.metadata[b"systape.command"].decode() == start[Key.COMMAND]
    assert isinstance(schema, pa.Schema)
