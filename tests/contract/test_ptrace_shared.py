"""The contract that was written for eBPF, held by ptrace: the same tests, recorded by the other backend.

What ptrace cannot know, or knows better, is left out by name, each with its reason.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.contract import harness, test_calls, test_filters, test_signals, test_unfinished
from tests.contract.conftest import Build

MODULES = (test_calls, test_filters, test_unfinished, test_signals)
WHOLE_HOST = "ptrace records chosen processes"
LEFT_OUT = {
    "test_calls_that_seccomp_refuses": "ptrace stops before a program's own seccomp filter refuses: it knows more",
    "test_every_hanging_process_shows_system_wide": WHOLE_HOST,
    "test_signals_stop": WHOLE_HOST,
    "test_usr1_shows_the_counters_and_goes_on": WHOLE_HOST,
    "test_a_reader_that_goes_ends_a_live_capture_quietly": WHOLE_HOST,
    "test_nothing_stays_in_the_kernel": "it puts nothing there",
    "test_a_stream_on_standard_output": "of the sink, whatever records",
    "test_the_environment_of_the_command_is_the_callers": "it does not start captures by the harness",
    "test_the_command_ignores_what_the_caller_ignores": "it does not start captures by the harness",
    "test_a_collector_killed_before_it_records_takes_its_command_along": "it does not start captures by the harness",
    "test_strace_saw_the_same_calls": "a process has one tracer at most",
    "test_a_program_that_is_not_begun_yet": WHOLE_HOST,
    "test_threads_that_end_together_all_end": "a race between CPUs; its tracer is one process",
    "test_a_32_bit_call_that_hangs_all_along": "/proc tells no ABI: made again, it is a new call",
    "test_without_the_program_that_looks": "it needs none",
    "test_the_program_sees_what_proc_shows": "it needs none",
    "test_nobody_tells_the_program_what_to_read": "it needs none",
}


def by(options: tuple[str, ...]) -> list[str]:
    """The options, for ptrace: a loader is eBPF's."""
    words = ["--backend", "ptrace", *options]
    if "--loader" in words:
        at = words.index("--loader")
        del words[at : at + 2]
    return words


def record(path: Path, *options: str, **rest: Any) -> harness.Recording:
    """As the harness does, by ptrace."""
    return harness.record(path, *by(options), **rest)


def recording(path: Path, *options: str, **rest: Any) -> Any:
    """As the harness does, by ptrace."""
    return harness.recording(path, *by(options), **rest)


@pytest.fixture(scope="module", autouse=True)
def by_ptrace() -> Iterator[None]:
    """Whatever these modules record is recorded by ptrace."""
    with pytest.MonkeyPatch.context() as patch:
        for module in MODULES:
            for name, value in (("record", record), ("recording", recording)):
                if hasattr(module, name):
                    patch.setattr(module, name, value)
        yield


@pytest.fixture(scope="module")
def loader() -> str:
    """None of eBPF's."""
    return "none"


@pytest.fixture(scope="module")
def lives(workload: Build, tmp_path_factory: pytest.TempPathFactory) -> test_calls.Lives:
    """The programs of test_calls.py, none of them below strace."""
    folder = tmp_path_factory.mktemp("lives")
    words = "; ".join(str(workload(name)) for name in test_calls.PROGRAMS)
    result = record(folder / "t.parquet", command=["sh", "-c", words])
    assert result.status == 0, result.said
    assert len([json.loads(line) for line in result.out.splitlines()]) == len(test_calls.PROGRAMS)
    return test_calls.Lives(result.audit(), folder / "strace.out")


for shared in MODULES:
    tests = {name: value for name, value in vars(shared).items() if name.startswith("test_") and name not in LEFT_OUT}
    globals().update(tests)

group = test_filters.group
