"""Error names."""

import errno
import os

import pytest

from schemas.errno import ERRNO_NAMES, errno_name, errno_names, errno_text


def test_names_are_the_machines() -> None:
    """All numbers that this machine's C library knows have its name and text."""
    aliases = {errno.EDEADLOCK: "EDEADLK", errno.EOPNOTSUPP: "EOPNOTSUPP"}
    for number, name in errno.errorcode.items():
        assert errno_name(number) == aliases.get(number, name)
        assert errno_text(number) == os.strerror(number)


@pytest.mark.parametrize(
    ("number", "name"),
    [(512, "ERESTARTSYS"), (516, "ERESTART_RESTARTBLOCK"), (524, "ENOTSUPP"), (530, "ERECALLCONFLICT")],
)
def test_kernel_has_its_own(number: int, name: str) -> None:
    """Errors that never reach a program, but a tracer, have names too."""
    assert errno_name(number) == name
    assert errno_text(number)


def test_list_has_every_result() -> None:
    """There is a name, and only one number, for each of the results that are errors."""
    names = errno_names()
    assert len(names) == len(set(names)) == ERRNO_NAMES
    assert names[2] == "ENOENT"
    assert names[133] == "EHWPOISON"
    assert names[134] == "errno_134"
    assert names[4095] == "errno_4095"
    assert errno_text(134) == ""
