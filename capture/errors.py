"""What can go wrong while capturing, and the exit status of each kind.

    CaptureError            1   anything below that has no status of its own
    ├── UsageError          2   the options contradict each other, or a value is not understood
    ├── PrivilegeError      3   the kernel refuses: root, a capability, lockdown
    ├── UnsupportedError    4   this machine lacks what was asked for: BTF, bcc, headers, a kernel feature
    ├── TargetError         5   the process or command to trace is not there or cannot be run
    ├── SinkError           6   the capture cannot be written where it was asked for
    │   └── ReaderGone      6   whoever read the stream has gone; a quiet end
    └── AccountingError     7   calls were seen that are neither written nor counted as dropped

`capture -- CMD` passes on the command's own status, 128 + N after signal N; 126 and 127 are the shell's for a command
that cannot be run or found.
"""


class CaptureError(Exception):
    """One line for the user: what, where, and what to do next."""

    exit_code = 1


class UsageError(CaptureError):
    """The options contradict each other, or a value is not understood."""

    exit_code = 2


class PrivilegeError(CaptureError):
    """The kernel refuses."""

    exit_code = 3


class UnsupportedError(CaptureError):
    """This machine lacks what was asked for."""

    exit_code = 4


class TargetError(CaptureError):
    """The process or command to trace is not there or cannot be run."""

    exit_code = 5


class SinkError(CaptureError):
    """The capture cannot be written where it was asked for."""

    exit_code = 6


class ReaderGone(SinkError):
    """Whoever read the stream has gone."""


class AccountingError(CaptureError):
    """Calls were seen that are neither written nor counted as dropped."""

    exit_code = 7
