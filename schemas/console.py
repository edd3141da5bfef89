"""What both commands do alike at the console: one line for wrong words, and a quiet end where nobody can be told."""

import errno
import os
import signal
import sys
from collections.abc import Callable

import typer

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""What only writing meets; where we write to a file, the error names it."""
TRACEBACK = "SYSTAPE_TRACEBACK"
INTERRUPTED = 130
"""The exit status after Ctrl-C, as a shell has it."""
LONGEST = 500
"""Characters of a line of an error; a hostile name in it may be of any length."""


def error_line(message: object, program: str) -> str:
    """A message with the program's name before it, each of its lines as the terminal may have it."""
    lines = (visible(line if len(line) <= LONGEST else f"{line[:LONGEST]}...") for line in str(message).split("\n"))
    return f"{program.partition(' ')[0]}: " + "\n".join(lines)


def visible(text: str) -> str:
    """The text with whatever a terminal would not show as it is (control and direction characters) escaped."""
    return text if text.isprintable() else "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def usage_line(error: typer.TyperException, program: str) -> str:
    """The parser's message in one line, then where the help is; escape sequences in the words are made visible."""
    context = getattr(error, "ctx", None)
    command = context.command_path if context else program
    message = " ".join(error.format_message().split()).rstrip(".")
    return error_line(f"{message[:1].lower()}{message[1:]}; try: {command} -h", program)


def system_line(error: OSError, program: str) -> str:
    """An error of the system that nothing closer to its cause explained, with the file that it names, if any."""
    where = error.filename or ("standard output" if error.errno in FULL else None)
    return error_line(f"{where}: {error.strerror}" if where else error, program)


def unexpected_line(error: Exception, program: str, remedy: str) -> str:
    """An error that nothing foresaw, as of a library that was given damaged values. Raises it if that is asked for.

    `remedy` is what to do or to know; that it is to be reported follows.
    """
    if TRACEBACK in os.environ:
        raise error
    said = next((line for line in str(error).splitlines() if line.strip()), "")
    what = f"{type(error).__name__}: {said}" if said else type(error).__name__
    return error_line(f"unexpected {what}; {remedy}, report what {TRACEBACK}=1 shows", program)


def to_the_end(run: Callable[[], int]) -> int:
    """The exit status of `run`, a program's last work; while it says an error, and afterwards, Ctrl-C has no traceback.

    From then on it ends the program at once: Python's own handler would tell where it was while it ends.
    """
    try:
        return run()
    except KeyboardInterrupt:
        return INTERRUPTED
    finally:
        if signal.getsignal(signal.SIGINT) != signal.SIG_IGN:
            signal.signal(signal.SIGINT, signal.SIG_DFL)


def give_up_output() -> None:
    """Let what is still to be written go nowhere, so that Python's end does not try, and fail, once more."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
