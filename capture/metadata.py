"""What a capture file says of itself: who recorded what, where, when and how."""

import grp
import json
import os
import platform
import pwd
import shlex
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from capture.clock import Clock
from schemas.arrow import Key
from schemas.counters import Counters
from schemas.version import SCHEMA_VERSION, TOOL_VERSION


def at_start(
    clock: Clock, command: Sequence[str], effective: str, backend: str, loader: str, part: int = 0
) -> dict[str, str]:
    """All that is known before the first row. `effective` is the filter as it works.

    `part` counts the files of a capture that rotates: all have one offset of the clock, so that order holds from file
    to file.
    """
    return {
        Key.SCHEMA_VERSION: SCHEMA_VERSION,
        Key.TOOL_VERSION: TOOL_VERSION,
        Key.HOST: platform.node(),
        Key.KERNEL: f"{platform.release()} {platform.version()}",
        Key.MACHINE: platform.machine(),
        Key.BOOT_ID: Path("/proc/sys/kernel/random/boot_id").read_text().strip(),
        Key.CLOCK: json.dumps(clock.samples[:1]),
        Key.USERS: _users(),
        Key.GROUPS: _groups(),
        Key.COMMAND: os.fsencode(shlex.join(command)).decode(errors="backslashreplace"),
        Key.FILTER: effective,
        Key.BACKEND: backend,
        Key.LOADER: loader,
        Key.START: _iso(clock.samples[0][1] if not part else clock.now()),
        Key.PART: str(part),
    }


def at_end(clock: Clock, counters: Counters, notes: Sequence[str]) -> dict[str, str]:
    """What is known only now: end, clock samples, accounting, and what the loader could not give."""
    clock.end()
    now = clock.offset + clock.samples[-1][0]
    return {
        Key.END: _iso(now),
        Key.CLOCK: json.dumps(clock.samples),
        Key.COUNTERS: counters.to_json(),
        Key.NOTES: json.dumps(list(notes)),
    }


@cache
def _users() -> str:
    """Asked once: where a directory service has them it can take seconds, and between two files nobody may wait."""
    return json.dumps({str(one.pw_uid): one.pw_name for one in pwd.getpwall()})


@cache
def _groups() -> str:
    return json.dumps({str(one.gr_gid): one.gr_name for one in grp.getgrall()})


def _iso(wall: int) -> str:
    whole, nanoseconds = divmod(wall, 1_000_000_000)
    return f"{datetime.fromtimestamp(whole, UTC):%Y-%m-%dT%H:%M:%S}.{nanoseconds:09d}Z"
