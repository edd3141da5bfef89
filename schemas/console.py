"""What both commands do alike at the console: one line for wrong words, and a quiet end where nobody can be told."""

import os
import sys

import typer


def usage_line(error: typer.TyperException, program: str) -> str:
    """The parser's message in one line, then where the help is; escape sequences in the words are made visible."""
    context = getattr(error, "ctx", None)
    command = context.command_path if context else program
    message = " ".join(error.format_message().split()).rstrip(".")
    shown = "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in message)
    return f"{program.partition(' ')[0]}: {shown[:1].lower()}{shown[1:]}; try: {command} -h"


def system_line(error: OSError, program: str) -> str:
    """An error of the system that nothing closer to its cause explained: the file that it names, else the output."""
    return f"{program.partition(' ')[0]}: {error.filename or 'standard output'}: {error.strerror or error}"


def give_up_output() -> None:
    """Let what is still to be written go nowhere, so that Python's end does not try, and fail, once more."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
