"""`capture doctor` and the least privileges, on the real kernel: as root, as nobody, with exactly what is needed."""

import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from capture.preflight import LEAST
from tests.contract.harness import CAPTURE, WHY_NOT, Recording

pytestmark = [pytest.mark.root, pytest.mark.bpf, pytest.mark.slow]

NOBODY = 65534
LOADERS = [
    pytest.param(name, marks=pytest.mark.skipif(bool(reason), reason=str(reason))) for name, reason in WHY_NOT.items()
]


def as_nobody(*capabilities: str) -> list[str]:
    """The words that run a command as an ordinary user with exactly these capabilities, in every set."""
    if shutil.which("setpriv") is None:
        pytest.skip("needs setpriv: apt-get install util-linux")
    flags = ",".join(f"+{name.removeprefix('CAP_').lower()}" for name in capabilities)
    user = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    if subprocess.run([*user, CAPTURE, "-V"], capture_output=True, check=False).returncode != 0:
        pytest.skip(f"an ordinary user cannot read {CAPTURE}")
    bounding = f"--bounding-set=-all{flags and ','}{flags}"
    sets = [f"--inh-caps=-all,{flags}", f"--ambient-caps=-all,{flags}"] if flags else ["--inh-caps=-all"]
    return [*user, *sets, bounding]


def run(words: Sequence[str]) -> "subprocess.CompletedProcess[str]":
    """The command's end, and what it said."""
    return subprocess.run(words, capture_output=True, text=True, check=False, timeout=120, cwd="/")


def diagnose(*prefix: str, options: Sequence[str] = ()) -> dict[str, Any]:
    """What `capture doctor --json` says; its exit status is the one it announces."""
    done = run([*prefix, CAPTURE, "doctor", "--json", *options])
    found: dict[str, Any] = json.loads(done.stdout)
    assert (done.returncode, done.stderr) == (found["exit_status"], "")
    return found


def way(found: dict[str, Any], name: str) -> dict[str, Any]:
    """What is said of one loader."""
    return next(one for one in found["ways"] if one["name"] == name)


def test_root_records_the_known_calls() -> None:
    """As root each loader that can run here records exactly the 1,009 calls, and loses none."""
    found = diagnose()
    assert found["exit_status"] == 0
    for name, reason in WHY_NOT.items():
        assert way(found, name)["can_record"] == (reason is None)
        if reason is None:
            test = way(found, name)["test"]
            assert (test["passed"], test["found"], test["lost"]) == (True, 1009, 0)
            assert test["recording_after"] is not None


def test_the_report_is_readable() -> None:
    """Within 80 columns, without colours where there is no terminal, and with what comes next."""
    done = run([CAPTURE, "doctor", "--no-test"])
    assert done.returncode == 0
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert "\x1b" not in done.stdout
    assert done.stdout.endswith("Next: capture -w trace.parquet\n")


def test_the_least_privileges_pass_the_self_test() -> None:
    """An ordinary user with CAP_BPF and CAP_PERFMON alone, in every set, records with each loader."""
    found = diagnose(*as_nobody(*LEAST))
    assert found["exit_status"] == 0
    for name, reason in WHY_NOT.items():
        if reason is None:
            assert way(found, name)["test"]["passed"], way(found, name)["test"]
    notes = [check["name"] for check in found["checks"] if check["state"] == "note"]
    assert "others' files" in notes


@pytest.fixture
def open_folder(tmp_path: Path) -> Path:
    """A folder that nobody owns and can reach."""
    folder = Path("/tmp") / f"systape-{os.getpid()}-{tmp_path.name}"
    folder.mkdir()
    os.chown(folder, NOBODY, NOBODY)
    return folder


@pytest.mark.parametrize("loader", LOADERS)
def test_the_least_privileges_record_the_whole_host(open_folder: Path, loader: str) -> None:
    """With them a capture of everything holds other users' calls, its account balances, and it knows what hangs."""
    path = open_folder / "t.parquet"
    try:
        words = [*as_nobody(*LEAST), CAPTURE, "--loader", loader, "-w", str(path), "-c", "2003"]
        with subprocess.Popen(words, stderr=subprocess.PIPE, text=True, cwd="/") as process:
            assert process.stderr is not None
            said = process.stderr.readline()
            assert "recording" in said, said
            while process.poll() is None:  # as root: calls of another user
                subprocess.run(["true"], check=True)
            recording = Recording(path, process.returncode, said + process.stderr.read())
        assert recording.status == 0, recording.said
        recording.audit()
        assert recording.counters.written == 2003
        assert recording.calls(uid=0).num_rows > 0
        assert "not known" not in recording.metadata["systape.notes"]
    finally:
        shutil.rmtree(open_folder)


@pytest.mark.parametrize(("held", "missing"), [((), LEAST), (LEAST[:1], LEAST[1:]), (LEAST[1:], LEAST[:1])])
def test_less_than_the_least_is_named(held: tuple[str, ...], missing: tuple[str, ...]) -> None:
    """Without one of them, or both, nothing records: exit status 3, exactly these are named, and a remedy is given."""
    found = diagnose(*as_nobody(*held))
    assert found["exit_status"] == 3
    lacking = [check for check in found["checks"] if check["state"] == "missing" and check["privilege"]]
    assert [check["name"] for check in lacking] == ["capabilities"]
    for name in LEAST:
        assert (name in lacking[0]["found"]) == (name in missing)
    assert lacking[0]["remedy"]
    assert all(one["test"] is None for one in found["ways"])


@pytest.mark.parametrize("loader", LOADERS)
def test_the_kernel_agrees_that_it_is_the_least(loader: str) -> None:
    """Loading without one of them is refused by the kernel itself, whatever our own check says."""
    code = (
        "from capture.loaders import choose; from capture.session import Options, Session\n"
        "from capture.errors import PrivilegeError\n"
        f"try:\n with choose('{loader}').load(Session(Options(argv=()), None).settings) as program: program.attach()\n"
        "except PrivilegeError as error: print('refused:', error)"
    )
    python = str(Path(CAPTURE).with_name("python"))
    for one in LEAST:
        assert "refused:" in run([*as_nobody(one), python, "-c", code]).stdout
    done = run([*as_nobody(*LEAST), python, "-c", code])
    assert (done.stdout, done.returncode) == ("", 0), done.stderr


@pytest.mark.parametrize("loader", LOADERS)
def test_a_capture_without_privileges_is_one_line(open_folder: Path, loader: str) -> None:
    """`capture` as an ordinary user says what is missing in one line, exits with 3, and leaves nothing behind."""
    try:
        words = [CAPTURE, "--loader", loader, "-w", str(open_folder / "t.parquet"), "--", "true"]
        done = run([*as_nobody(), *words])
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (3, "", 1)
        assert "CAP_BPF and CAP_PERFMON are missing" in done.stderr
        assert list(open_folder.iterdir()) == []
    finally:
        shutil.rmtree(open_folder)


@pytest.mark.parametrize(
    ("namespace", "status", "word"), [("--user", 3, "user namespace"), ("--pid", 4, "--pid=host")], ids=["user", "pid"]
)
def test_a_namespace_of_its_own(namespace: str, status: int, word: str) -> None:
    """In a user namespace root counts for nothing (3); in a pid namespace capture would not know itself (4)."""
    prefix = ["unshare", "--fork", namespace, *(["--map-root-user"] if namespace == "--user" else ["--mount-proc"])]
    if subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip(f"no {namespace} namespace can be made here")
    done = run([*prefix, CAPTURE, "doctor", "--no-test"])
    assert done.returncode == status, done.stdout
    assert word in done.stdout
    captured = run([*prefix, CAPTURE, "-q", "--backend", "ebpf", "-w", "/dev/null", "--", "true"])
    assert (captured.returncode, captured.stderr.count("\n")) == (status, 1)
    by_ptrace = run([*prefix, CAPTURE, "-q", "-w", "/dev/null", "--", "true"])
    assert (by_ptrace.returncode, by_ptrace.stderr.count("\n")) == (0, 1)
    assert "recording by ptrace" in by_ptrace.stderr
