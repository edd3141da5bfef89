"""The command that a capture starts, without a capture."""

import re
import shutil
import subprocess
import sys
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


@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace: apt-get install strace")
def test_the_collector_may_trace_until_the_command_runs(tmp_path: Path) -> None:
    """Under Yama the tracer, no ancestor of the command, needs its leave: it is given, and taken back before execve."""
    run = (
        "import os; from capture.launch import Child\n"
        "child = Child(['/bin/true'], None); print(os.getpid(), flush=True); child.release(); os.waitpid(child.pid, 0)"
    )
    log = tmp_path / "log"
    words = ["strace", "-f", "-e", "trace=prctl,execve", "-o", str(log), sys.executable, "-c", run]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=True)
    found = re.findall(r"PR_SET_PTRACER, (\d+)|execve\(\"(/bin/true)\"", log.read_text())
    assert found == [(done.stdout.strip(), ""), ("0", ""), ("", "/bin/true")]
