"""What a failing load says: what, why, and what to do next, by kind."""

import errno

import pytest

from capture import preflight
from capture.errors import CaptureError, PrivilegeError, UnsupportedError
from capture.loaders.core import refusal

VERIFIER = ["0: R1=ctx()\nprogram of this type cannot use helper bpf_probe_read_kernel#113\nprocessed 2 insns"]


@pytest.mark.parametrize(
    ("number", "lines", "kind", "word"),
    [
        (errno.EPERM, [], PrivilegeError, "because of this"),
        (errno.EACCES, [], PrivilegeError, "because of this"),
        (errno.EACCES, VERIFIER, UnsupportedError, "cannot use helper"),
        (errno.EINVAL, VERIFIER, UnsupportedError, "capture doctor"),
        (errno.ENOMEM, [], UnsupportedError, "-B 1m"),
        (errno.E2BIG, [], UnsupportedError, "newer kernel"),
    ],
)
def test_a_refusal_has_its_kind_and_a_remedy(
    monkeypatch: pytest.MonkeyPatch, number: int, lines: list[str], kind: type[CaptureError], word: str
) -> None:
    """Privileges, memory, the verifier's limit and the rest are told apart; the log's last words are kept."""
    monkeypatch.setattr(preflight, "refused_because", lambda: "because of this")
    monkeypatch.setattr(preflight, "lockdown", lambda: None)
    error = refusal(OSError(number, "reason", "load the program"), lines)
    assert type(error) is kind
    assert word in str(error)
    assert "\n" not in str(error)


def test_a_locked_down_kernel_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Under lockdown the verifier refuses a helper; the cause is the lockdown, so that is said."""
    monkeypatch.setattr(preflight, "lockdown", lambda: "confidentiality")
    monkeypatch.setattr(preflight, "refused_because", lambda: "the kernel is locked down")
    error = refusal(OSError(errno.EINVAL, "reason", "load the program"), VERIFIER)
    assert type(error) is PrivilegeError
    assert "locked down" in str(error)
