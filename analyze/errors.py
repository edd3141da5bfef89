"""What can go wrong while answering, and the exit status of each kind.

AnalyzeError            1   anything below that has no status of its own
├── UsageError          2   the options contradict each other, or a value is not understood
│   └── FilterError     2   the filter text; the message points at the column
├── CaptureFileError    3   an input is not there, cannot be read, is no capture, or is too new
├── QueryError          4   the query is refused, or fails
├── ReportError         5   a report's own file is wrong: its header, or what it returns
├── OutputError         6   the answer cannot be written where it was asked for
│   └── ReaderGone      0   whoever read the answer has gone, as `head` does; a quiet end
├── NotUnderstood       7   import --strict: a log has lines that are none of strace's
└── ChangeFound         8   diff --fail-if: a change is as described
"""


class AnalyzeError(Exception):
    """One line for the user: what, where, and what to do next."""

    exit_code = 1


def first_line(error: Exception) -> str:
    """What an error says, without what its library adds below; the name of its kind if it says nothing."""
    return next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)


class UsageError(AnalyzeError):
    """The options contradict each other, or a value is not understood."""

    exit_code = 2


class FilterError(UsageError):
    """The filter text cannot be read; the message points at the column."""


class CaptureFileError(AnalyzeError):
    """An input is not there, cannot be read, is no capture, or is too new."""

    exit_code = 3


class QueryError(AnalyzeError):
    """The query is refused, or fails."""

    exit_code = 4


class ReportError(AnalyzeError):
    """A report's own file is wrong."""

    exit_code = 5


class OutputError(AnalyzeError):
    """The answer cannot be written where it was asked for."""

    exit_code = 6


class ReaderGone(OutputError):
    """Whoever read the answer has gone."""

    exit_code = 0


class NotUnderstood(AnalyzeError):
    """A log has lines that are none of strace's."""

    exit_code = 7


class ChangeFound(AnalyzeError):
    """Two captures differ in a way that the user does not want."""

    exit_code = 8
