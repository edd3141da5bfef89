"""What the machine offers and refuses, told apart and named."""

from dataclasses import replace
from pathlib import Path

import pytest

from capture import preflight
from capture.errors import PrivilegeError, UnsupportedError
from capture.preflight import CAPABILITIES, Privileges

EVERYTHING = frozenset(CAPABILITIES)
NOBODY = Privileges(65534, frozenset(), EVERYTHING, initial_user_namespace=True, seccomp=False)


def holding(*names: str) -> Privileges:
    """An ordinary user with these capabilities."""
    return replace(NOBODY, capabilities=frozenset(names))


@pytest.mark.parametrize(
    ("held", "missing"),
    [
        ((), ("CAP_BPF", "CAP_PERFMON")),
        (("CAP_BPF",), ("CAP_PERFMON",)),
        (("CAP_PERFMON",), ("CAP_BPF",)),
        (("CAP_BPF", "CAP_PERFMON"), ()),
        (("CAP_SYS_ADMIN",), ()),
        (("CAP_SYS_PTRACE", "CAP_SYS_RESOURCE"), ("CAP_BPF", "CAP_PERFMON")),
    ],
)
def test_exactly_what_is_missing_is_named(held: tuple[str, ...], missing: tuple[str, ...]) -> None:
    """The least set is CAP_BPF and CAP_PERFMON, for which CAP_SYS_ADMIN stands too; each missing one is named."""
    mine = holding(*held)
    assert mine.missing() == missing
    assert (mine.problem() is None) == (missing == ())
    assert all(name in (mine.problem() or "") for name in missing)


def test_before_cap_bpf_there_was_sys_admin() -> None:
    """A kernel that does not know CAP_BPF is asked for CAP_SYS_ADMIN."""
    assert replace(NOBODY, known=EVERYTHING - {"CAP_BPF", "CAP_PERFMON"}).missing() == ("CAP_SYS_ADMIN",)


def test_root_of_a_user_namespace_is_nobody() -> None:
    """Capabilities of another user namespace count for nothing, and the remedy is to leave it."""
    mine = replace(NOBODY, uid=0, capabilities=EVERYTHING, initial_user_namespace=False)
    assert mine.missing() == ("CAP_BPF", "CAP_PERFMON")
    assert "user namespace" in (mine.problem() or "")
    assert "outside" in mine.remedy()


def test_the_remedy_suits_who_asks() -> None:
    """A user is told of sudo; a root without capabilities is told what its container must add."""
    assert "sudo" in holding("CAP_BPF").remedy()
    contained = replace(holding("CAP_BPF"), uid=0)
    assert "sudo" not in contained.remedy()
    assert "--cap-add=PERFMON" in contained.remedy()
    assert "--cap-add=BPF" not in contained.remedy()


def test_what_others_have_open_takes_two_more() -> None:
    """/proc/PID/fd takes CAP_SYS_PTRACE and passing its mode 0500, which CAP_DAC_OVERRIDE does too."""
    assert holding("CAP_SYS_PTRACE").missing_for_proc() == ("CAP_DAC_READ_SEARCH",)
    assert holding("CAP_SYS_PTRACE", "CAP_DAC_OVERRIDE").missing_for_proc() == ()
    assert holding("CAP_DAC_READ_SEARCH").missing_for_proc() == ("CAP_SYS_PTRACE",)


def test_privileges_are_read_from_proc(tmp_path: Path) -> None:
    """The effective set is CapEff, the user the effective one, the kernel's last capability bounds what it knows."""
    status, last = tmp_path / "status", tmp_path / "cap_last_cap"
    status.write_text("Name:\ta:b\nUid:\t1000\t1001\t1000\t1000\nCapEff:\t000000c000000000\nSeccomp:\t2\n")
    last.write_text("40\n")
    mine = preflight.privileges(status, last)
    assert (mine.uid, mine.capabilities, mine.seccomp) == (1001, {"CAP_BPF", "CAP_PERFMON"}, True)
    last.write_text("37\n")
    assert preflight.privileges(status, last).needed == ("CAP_SYS_ADMIN",)


@pytest.mark.parametrize(
    ("text", "mode"),
    [
        ("[none] integrity confidentiality\n", "none"),
        ("none [integrity] confidentiality\n", "integrity"),
        ("none integrity [confidentiality]\n", "confidentiality"),
        (None, None),
    ],
)
def test_lockdown_is_the_word_in_brackets(tmp_path: Path, text: str | None, mode: str | None) -> None:
    """The file lists all modes and marks one; where there is no file there is no lockdown."""
    path = tmp_path / "lockdown"
    if text is not None:
        path.write_text(text)
    assert preflight.lockdown(path) == mode


@pytest.mark.parametrize(
    ("mine", "mode", "word"),
    [
        (NOBODY, "confidentiality", "CAP_BPF"),
        (holding("CAP_SYS_ADMIN"), "confidentiality", "locked down"),
        (replace(holding("CAP_SYS_ADMIN"), seccomp=True), "integrity", "seccomp"),
        (holding("CAP_SYS_ADMIN"), None, "security module"),
    ],
)
def test_a_refusal_finds_its_likeliest_cause(
    monkeypatch: pytest.MonkeyPatch, mine: Privileges, mode: str | None, word: str
) -> None:
    """Missing capabilities first, then lockdown, then a seccomp filter, and what is left is a security module."""
    monkeypatch.setattr(preflight, "privileges", lambda: mine)
    monkeypatch.setattr(preflight, "lockdown", lambda: mode)
    reason = preflight.refused_because()
    assert word in reason
    assert "\n" not in reason


def test_no_privilege_is_an_error_of_its_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the capabilities a capture ends before it starts, in one line, with PrivilegeError."""
    monkeypatch.setattr(preflight, "privileges", lambda: holding("CAP_BPF"))
    with pytest.raises(PrivilegeError, match=r"^CAP_PERFMON is missing: .*capture doctor") as caught:
        preflight.check_privileges()
    assert "\n" not in str(caught.value)


def test_a_real_time_kernel_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is known by a file in /sys or, without one, by its version's words; then UnsupportedError says so."""
    path = tmp_path / "realtime"
    path.write_text("1\n")
    assert preflight.is_real_time(path)
    path.write_text("0\n")
    assert not preflight.is_real_time(path)
    monkeypatch.setattr("platform.version", lambda: "#1 SMP PREEMPT_RT")
    assert preflight.is_real_time(tmp_path / "none")
    monkeypatch.setattr(preflight, "is_real_time", lambda: True)
    with pytest.raises(UnsupportedError, match="PREEMPT_RT"):
        preflight.check_preemption()


def test_another_pid_namespace_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where our pid is not the kernel's, UnsupportedError names the container's option."""
    monkeypatch.setattr(preflight, "in_initial_pid_namespace", lambda: False)
    with pytest.raises(UnsupportedError, match="--pid=host"):
        preflight.check_namespace()


def test_rings_and_pids_have_room_for_all() -> None:
    """There is a ring for this CPU's every number, and a place for every pid up to the next power of two."""
    assert preflight.cpus() >= 1
    size = preflight.pids()
    assert size & (size - 1) == 0
    assert size >= int(Path("/proc/sys/kernel/pid_max").read_text())
