"""The doctor's verdicts, its report and its exit status, without a kernel to ask."""

import json
import resource
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from capture import doctor
from capture.doctor import Diagnosis, host, kernel, privileges, render, selftest
from capture.doctor.check import EBPF, Check, State, Way, judge
from capture.doctor.selftest import Result
from capture.errors import SinkError
from capture.loaders import LOADERS, bcc, core
from capture.preflight import CAPABILITIES, Privileges

NOBODY = Privileges(65534, frozenset(), frozenset(CAPABILITIES), initial_user_namespace=True, seccomp=False)


def check(state: State, *ways: str, privilege: bool = False, name: str = "thing") -> Check:
    """A check that matters to these ways."""
    return Check("group", name, state, "found", ("do this",), ways, privilege)


def diagnosis(*checks: Check, results: tuple[Result, ...] = ()) -> Diagnosis:
    """What these checks and self-tests come to."""
    ways = (*(judge(name, checks) for name in EBPF), Way("ptrace", built=False))
    return Diagnosis(checks, ways, results)


PRIVILEGE = check(State.MISSING, "core", "bcc", privilege=True, name="capabilities")
NO_BTF = check(State.MISSING, "core", name="BTF")
NO_BCC = check(State.MISSING, "bcc", name="bcc")
PASSED, REFUSED = Result("core", found=1009), Result("core", status=3, error="the kernel refuses")
BROKEN = Result("core", status=4, error="the kernel cannot")


@pytest.mark.parametrize(
    ("checks", "results", "status"),
    [
        ((), (), 0),
        ((NO_BTF,), (), 0),
        ((NO_BTF, NO_BCC), (), 4),
        ((PRIVILEGE,), (), 3),
        ((PRIVILEGE, NO_BTF), (), 3),
        ((PRIVILEGE, NO_BTF, NO_BCC), (), 4),
        ((check(State.NOTE, "core", "bcc"),), (), 0),
        ((), (PASSED, replace(BROKEN, loader="bcc")), 0),
        ((), (BROKEN, replace(BROKEN, loader="bcc")), 4),
        ((NO_BCC,), (REFUSED,), 3),
        ((NO_BCC,), (replace(PASSED, found=1008),), 4),
        ((NO_BCC,), (replace(PASSED, lost=1),), 4),
    ],
)
def test_exit_status(checks: tuple[Check, ...], results: tuple[Result, ...], status: int) -> None:
    """0 if anything can record, 3 if some way lacks privileges alone, else 4; the self-test has the last word."""
    assert diagnosis(*checks, results=results).exit_status == status


def test_a_way_lacks_only_what_it_needs() -> None:
    """A missing thing stops the ways that need it, and no other."""
    core_way, bcc_way = judge("core", [NO_BTF, NO_BCC]), judge("bcc", [NO_BTF, NO_BCC])
    assert (core_way.lacks, bcc_way.lacks) == (("BTF",), ("bcc",))
    assert not core_way.can_record


def test_only_what_can_record_is_tested() -> None:
    """The self-test runs for each way that the checks let pass, once."""
    asked: list[str] = []

    def run(loader: str) -> Result:
        asked.append(loader)
        return Result(loader, found=1009)

    tested = doctor.test(diagnosis(NO_BTF), run)
    assert asked == ["bcc"]
    assert [tested.can_record(way) for way in tested.ways] == [False, True, False]


@pytest.mark.parametrize("colour", [False, True])
def test_the_report_fits_the_terminal(colour: bool) -> None:
    """No line is wider than 80 columns but for colours, which are there only if asked for."""
    long = Check("group", "long", State.MISSING, "word " * 60, ("step " * 40, "--flag=value " * 4), ("core",))
    report = render.text(diagnosis(long, PRIVILEGE, results=(replace(BROKEN, error="why " * 50),)), colour=colour)
    plain = report.replace("\x1b[0m", "")
    for code in ("\x1b[32m", "\x1b[33m", "\x1b[31m"):
        plain = plain.replace(code, "")
    assert max(map(len, plain.splitlines())) <= 80
    assert ("\x1b" in report) == colour
    assert "--flag=value" in plain


def test_a_command_to_copy_is_not_broken() -> None:
    """Each line of a remedy that fits is printed as it is."""
    line = "sudo setpriv --reuid=$(id -u) --regid=$(id -g) --init-groups \\"
    report = render.text(diagnosis(replace(PRIVILEGE, remedy=(line,))), colour=False)
    assert f"{line}\n" in report


def test_the_report_says_how_to_go_on() -> None:
    """It ends with the loader that capture takes and the next command, or with what keeps everything from recording."""
    assert render.text(diagnosis(), colour=False).endswith("capture takes core. Next: capture -w trace.parquet\n")
    assert "privileges alone" in render.text(diagnosis(PRIVILEGE), colour=False).splitlines()[-1]
    assert "Nothing can record" in render.text(diagnosis(NO_BTF, NO_BCC), colour=False).splitlines()[-1]


def test_json_holds_it_all() -> None:
    """Programs get every check, every way with its self-test, and the exit status, as one object."""
    found = json.loads(render.to_json(diagnosis(NO_BCC, results=(PASSED,))))
    assert found["exit_status"] == 0
    assert [one["name"] for one in found["checks"]] == ["bcc"]
    ways = {way["name"]: way for way in found["ways"]}
    assert ways["core"]["test"]["passed"] is True
    assert (ways["bcc"]["can_record"], ways["bcc"]["lacks"], ways["bcc"]["test"]) == (False, ["bcc"], None)
    assert ways["ptrace"]["built"] is False


def test_a_result_in_one_line() -> None:
    """Numbers with thousands, the loss, and when recording began; or capture's own words."""
    assert replace(PASSED, recording_after=0.24).line() == "core: 1,009 of 1,009 calls, 0 lost, recording after 0.2 s"
    assert REFUSED.line() == "core: the kernel refuses"


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("import sys; sys.stderr.write('noise\\ncapture: no memory\\n'); sys.exit(4)", "no memory"),
        ("import sys; sys.exit(7)", "exit status 7 without a word"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "ended by signal 9, after: nothing"),
    ],
)
def test_a_capture_that_fails_is_quoted(monkeypatch: pytest.MonkeyPatch, code: str, reason: str) -> None:
    """The self-test gives capture's last line as the error, or how it ended."""
    monkeypatch.setattr(selftest, "_CAPTURE", code)
    result = selftest.run("core")
    assert (result.error, result.passed, result.recording_after) == (reason, False, None)


def test_a_capture_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """The self-test waits only so long."""
    monkeypatch.setattr(selftest, "_CAPTURE", "import time; time.sleep(60)")
    monkeypatch.setattr(selftest, "PATIENCE", 0.3)
    assert "signal 9" in (selftest.run("core").error or "")


def test_no_temporary_folder_is_an_error_of_its_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing can be written the self-test says so, and how to do without."""

    def refuse(prefix: str) -> None:
        raise FileNotFoundError(2, "No usable temporary directory found")

    monkeypatch.setattr("tempfile.TemporaryDirectory", refuse)
    with pytest.raises(SinkError, match="--no-test"):
        selftest.run("core")


def test_the_workload_makes_so_many_calls() -> None:
    """The child runs by itself, as a user's program would."""
    words = [sys.executable, "-I", "-S", "-c", selftest._WORKLOAD]
    assert subprocess.run(words, check=True, capture_output=True).stdout == b""
    assert selftest.CALLS == 1009


def break_btf(patch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A kernel that does not tell its types."""
    patch.setattr(core, "BTF", tmp_path / "none")
    patch.setattr(kernel, "BTF", tmp_path / "none")
    patch.setattr(bcc, "btf_readable", lambda: False)
    patch.setattr(bcc, "matching_headers", lambda: None)


def break_object(patch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A checkout in which nothing is built."""
    patch.setattr(core, "OBJECT", tmp_path / "collector.bpf.o")


def break_libbpf(patch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A host without libbpf 1."""

    def absent() -> None:
        raise OSError("libbpf.so.1: cannot open shared object file")

    patch.setattr("capture.loaders._libbpf.library", absent)


def break_bcc(patch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A host without bcc's Python binding."""

    def absent() -> None:
        raise ImportError("No module named 'bcc'")

    patch.setattr(bcc, "bcc_module", absent)


def break_headers(patch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A host without headers."""
    patch.setattr(bcc, "headers", lambda: None)
    patch.setattr(bcc, "matching_headers", lambda: None)


@pytest.mark.parametrize("what", [None, break_btf, break_object, break_libbpf, break_bcc, break_headers])
def test_doctor_and_loaders_agree(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, what: object) -> None:
    """A loader that says it is unavailable is one that the doctor says cannot record, whatever is broken."""
    if callable(what):
        what(monkeypatch, tmp_path)
    checks = [one for one in (*kernel.checks(), *host.checks()) if one.group != "kernel" or one.name == "BTF"]
    for loader in LOADERS:
        assert judge(loader.name, checks).can_record == (loader.unavailable() is None), loader.unavailable()
    assert all(one.remedy for one in checks if one.state is State.MISSING)


@pytest.mark.parametrize(
    ("release", "limit", "capabilities", "state"),
    [
        ("6.1.0-18-amd64", 65536, (), State.OK),
        ("5.11.0", 65536, (), State.OK),
        ("5.10.0-28", 65536, (), State.MISSING),
        ("5.10.0-28", 65536, ("CAP_SYS_RESOURCE",), State.OK),
        ("5.4.0", resource.RLIM_INFINITY, (), State.OK),
    ],
)
def test_locked_memory_matters_to_old_kernels_only(
    release: str, limit: int, capabilities: tuple[str, ...], state: State
) -> None:
    """Since 5.11 BPF memory is not counted against RLIMIT_MEMLOCK; before, the loaders raise it if they may."""
    mine = replace(NOBODY, capabilities=frozenset(capabilities))
    assert privileges._locked_memory(mine, limit, release).state is state


def test_a_locked_down_kernel_stops_ebpf_alone() -> None:
    """Confidentiality stops both loaders, and counts as a privilege; integrity stops nothing."""
    stopped = judge("core", [privileges._lockdown("confidentiality")])
    assert (stopped.can_record, stopped.only_privileges) == (False, True)
    assert judge("ptrace", [privileges._lockdown("confidentiality")]).can_record
    assert judge("core", [privileges._lockdown("integrity")]).can_record


def test_an_ordinary_user_is_shown_the_least_command() -> None:
    """The remedy names what is missing and a command that gives no more; a container's root gets no sudo."""
    lines = privileges._capabilities(NOBODY).remedy
    assert any("--ambient-caps=+bpf,+perfmon" in line for line in lines)
    contained = privileges._capabilities(replace(NOBODY, uid=0)).remedy
    assert not any("sudo" in line for line in contained)


@pytest.mark.parametrize(
    ("made", "state"),
    [
        (kernel._jit("1"), State.OK),
        (kernel._jit("0"), State.NOTE),
        (kernel._jit(None), State.NOTE),
        (kernel._clock("tsc"), State.OK),
        (kernel._clock("hpet"), State.NOTE),
        (kernel._delays("17 3 1"), State.OK),
        (kernel._delays("0 0 0"), State.NOTE),
        (kernel._delays(None), State.NOTE),
        (kernel._stats("0"), State.OK),
        (kernel._stats("1"), State.NOTE),
        (kernel._tracefs("none /sys/kernel/tracing tracefs rw 0 0"), State.OK),
        (kernel._tracefs(""), State.OK),
    ],
)
def test_what_only_makes_a_capture_poorer_stops_nothing(made: Check, state: State) -> None:
    """JIT, clock, scheduler figures, bpf_stats and tracefs are remarks at most."""
    assert made.state is state
    assert made.needed_by == ()


def test_rings_that_are_too_large_are_remarked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the default rings would take more than a quarter of what is available, the doctor proposes smaller ones."""
    assert host._rings().state in (State.OK, State.NOTE)
    monkeypatch.setattr(host, "_available", lambda: 64 << 20)
    made = host._rings()
    assert made.state is State.NOTE
    assert "-B" in made.remedy[0]


def test_no_hierarchy_means_no_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without control groups the doctor says which column is empty; with v1 it says so."""
    monkeypatch.setattr(host, "hierarchy", lambda: None)
    assert "NULL" in host._cgroups().found
    monkeypatch.setattr(host, "hierarchy", lambda: SimpleNamespace(root=Path("/sys/fs/cgroup/pids"), v1_index=12))
    assert "v1" in host._cgroups().found
