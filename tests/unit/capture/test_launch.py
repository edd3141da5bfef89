"""The command that a capture starts, without a capture."""

from pathlib import Path

import pytest

from capture.errors import TargetError
from capture.launch import NOT_RUNNABLE, Child


def test_a_program_that_the_kernel_refuses_leaves_no_child(tmp_path: Path) -> None:
    """It is a TargetError with the shell's status, and giving up the child, which is gone, is no error."""
    program = tmp_path / "program"
    program.write_text("not a program")
    program.chmod(0o755)
    child = Child([str(program)], None)
    with pytest.raises(TargetError, match="Exec format error") as caught:
        child.release()
    assert caught.value.exit_code == NOT_RUNNABLE
    child.abandon()
    assert child.poll() == NOT_RUNNABLE
