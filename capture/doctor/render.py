"""The doctor's findings as text for people, at most 80 columns wide, and as JSON for programs."""

import json
import platform
import textwrap
from collections.abc import Iterator
from dataclasses import asdict
from itertools import groupby

from capture.doctor import Diagnosis
from capture.doctor.check import Check, State, Way
from capture.doctor.kernel import release
from schemas.version import TOOL_VERSION

WIDTH = 80
_NAME = 17
_MARKS = {State.OK: "ok", State.NOTE: "note", State.MISSING: "missing"}
_COLOURS = {State.OK: "\x1b[32m", State.NOTE: "\x1b[33m", State.MISSING: "\x1b[31m"}
_PLAIN = "\x1b[0m"
_INDENT = 2 + 8 + _NAME


def text(diagnosis: Diagnosis, *, colour: bool) -> str:
    """The whole report."""
    lines = [f"systape {TOOL_VERSION} on {release()}"]
    for group, checks in groupby(diagnosis.checks, lambda check: check.group):
        lines += ["", group]
        for check in checks:
            lines += _check(check, colour)
    lines += ["", "ways to record"]
    for way in diagnosis.ways:
        lines += _way(diagnosis, way, colour)
    if diagnosis.results:
        lines += ["", "self-test"]
        for result in diagnosis.results:
            state = State.OK if result.passed else State.MISSING
            lines += textwrap.wrap(
                result.line(), WIDTH, initial_indent=_mark(state, colour), subsequent_indent=" " * 10
            )
    return "\n".join([*lines, "", *_next(diagnosis), ""])


def to_json(diagnosis: Diagnosis) -> str:
    """One object: `checks`, `ways` (with `test`, null where none ran) and `exit_status`."""
    ways = []
    for way in diagnosis.ways:
        result = diagnosis.result(way)
        outcome = None if result is None else {**asdict(result), "passed": result.passed}
        ways.append({**asdict(way), "can_record": diagnosis.can_record(way), "test": outcome})
    about = {
        "tool_version": TOOL_VERSION,
        "host": platform.node(),
        "kernel": platform.release(),
        "machine": platform.machine(),
    }
    checks = [asdict(check) for check in diagnosis.checks]
    return json.dumps({**about, "checks": checks, "ways": ways, "exit_status": diagnosis.exit_status}, indent=2)


def _mark(state: State, colour: bool) -> str:
    mark = f"{_MARKS[state]:<8}"
    return f"  {_COLOURS[state]}{mark}{_PLAIN}" if colour else f"  {mark}"


def _row(state: State, name: str, found: str, colour: bool) -> Iterator[str]:
    first, *rest = textwrap.wrap(found, WIDTH - _INDENT, break_on_hyphens=False) or [""]
    yield f"{_mark(state, colour)}{name:<{_NAME}}{first}"
    for line in rest:
        yield " " * _INDENT + line


def _check(check: Check, colour: bool) -> Iterator[str]:
    yield from _row(check.state, check.name, check.found, colour)
    for line in check.remedy:
        # A line of a command is left whole, so that it can be copied.
        yield from (
            [f"{' ' * 10}{line}"]
            if len(line) <= WIDTH - 10
            else textwrap.wrap(line, WIDTH, initial_indent=" " * 10, subsequent_indent=" " * 12, break_on_hyphens=False)
        )


def _way(diagnosis: Diagnosis, way: Way, colour: bool) -> Iterator[str]:
    name = way.name if not way.built or way.name == "ptrace" else f"ebpf/{way.name}"
    if diagnosis.can_record(way):
        yield from _row(State.OK, name, "can record", colour)
    elif not way.built:
        yield from _row(State.NOTE, name, "slow, for a command or -p, and needs none of this: --backend ptrace", colour)
    else:
        lacks = ", ".join(way.lacks) or "the self-test failed"
        yield from _row(State.MISSING, name, f"cannot record: {lacks}", colour)


def _next(diagnosis: Diagnosis) -> list[str]:
    best = next((way for way in diagnosis.ways if diagnosis.can_record(way)), None)
    if best is not None:
        return [f"capture takes {best.name}. Next: capture -w trace.parquet"]
    if diagnosis.exit_status == 3:
        return ["Nothing can record for want of privileges alone: see `missing` above."]
    return ["Nothing can record here: see `missing` above."]
