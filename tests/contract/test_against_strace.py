"""Real programs, recorded by capture and by strace at the same time: both must say the same."""

import shutil
from pathlib import Path

import pytest

from tests.contract import strace_log
from tests.contract.compare_strace import compare
from tests.contract.strace_workloads import EARLIER_PROGRAMS, NEEDS, OTHERS, WORKLOADS


@pytest.mark.root
@pytest.mark.bpf
@pytest.mark.slow
@pytest.mark.parametrize("name", WORKLOADS)
def test_a_capture_says_what_strace_says(name: str, tmp_path: Path) -> None:
    """Every call strace saw is there, in order per thread, with its result; paths, addresses, argv and lines agree."""
    if missing := [program for program in NEEDS if shutil.which(program) is None]:
        pytest.skip(f"needs {', '.join(missing)}")
    found = compare(WORKLOADS[name], tmp_path)
    said = found.text()
    assert found.lines.total > 500, said
    assert found.missing == [], said
    assert found.signals == [], said
    assert found.kinds["path"].share >= 0.999, said
    assert found.kinds["sockaddr"].share >= 0.999, said
    assert found.kinds["argv"].share == 1, said
    assert found.kinds["fd"].share >= 0.99, said
    assert found.lines.share >= 0.95, said


@pytest.mark.root
@pytest.mark.bpf
@pytest.mark.parametrize("name", ["rare", "earlier"])
def test_rare_calls_and_earlier_programs_too(name: str, tmp_path: Path) -> None:
    """Calls that few programs make; descriptors of a program that was there before, and of its children."""
    if missing := [program for program in ("strace", "cc", "python3") if shutil.which(program) is None]:
        pytest.skip(f"needs {', '.join(missing)}")
    found = compare((OTHERS | EARLIER_PROGRAMS)[name], tmp_path, earlier=name in EARLIER_PROGRAMS)
    said = found.text()
    assert found.lines.total > 500, said
    assert found.missing == [], said
    assert found.kinds["path"].share >= 0.999, said
    assert found.kinds["argv"].share == 1, said
    assert found.kinds["fd"].share >= 0.99, said
    assert found.lines.share >= 0.99, said


def test_lines_of_strace_are_taken_apart() -> None:
    """Strings, structures, names, comments and results, unfinished and resumed calls, signals and ends."""
    threads = strace_log.parse(
        [
            r'7 1.5 openat(AT_FDCWD</a,b>, "q\"), (", O_RDONLY) = 3</x(y)> <0.000012>',
            "7 1.6 read(3,  <unfinished ...>",
            "8 1.6 poll([{fd=4, events=POLLIN}], 1, 0) = 0 (Timeout) <0.000001>",
            '7 1.7 <... read resumed>"a)", 10)      = -1 EINTR (Interrupted system call) <0.1>',
            "7 1.7 --- SIGCHLD {si_signo=SIGCHLD, si_code=CLD_EXITED, si_pid=8} ---",
            '7 1.8 execve("/x", ["x"], 0x7f /* 2, vars */) = 0 <0.1>',
            "8 1.9 getpid()                          = 8 <0.1>",
            "8 1.9 futex(0x5, FUTEX_WAIT, 0, NULL <unfinished ...>) = ?",
            "7 2.0 exit_group(0)                     = ?",
            "7 2.0 +++ exited with 0 +++",
        ]
    )
    opened, read, execve, _ = threads[7].calls
    assert (opened.args, opened.result) == (["AT_FDCWD</a,b>", r'"q\"), ("', "O_RDONLY"], "3")
    assert (read.args, read.result, read.errno) == (["3", '"a)"', "10"], "-1", "EINTR")
    assert execve.args == ['"/x"', '["x"]', "0x7f /* 2, vars */"]
    assert [(one.name, len(one.args), one.result) for one in threads[8].calls] == [
        ("poll", 3, "0"),
        ("getpid", 0, "8"),
        ("futex", 4, "?"),
    ]
    assert (len(threads[7].signals), len(threads[7].ends)) == (1, 1)


def test_a_line_that_is_not_straces_is_refused() -> None:
    """The comparison does not pass over what it does not understand."""
    with pytest.raises(ValueError, match="no line of strace's"):
        strace_log.parse(["strace: Process 7 attached"])
    with pytest.raises(ValueError, match="no call of strace's"):
        strace_log.parse(["7 1.5 read(3, 4)"])
