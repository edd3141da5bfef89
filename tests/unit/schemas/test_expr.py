"""The expressions of -e, in strace's grammar."""

import shutil
import subprocess

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.expr import ExprError, select
from schemas.record import CELL_OTHER, CELLS, CELLS_PER_ABI, Abi
from schemas.syscalls import table


def native(*expressions: str) -> set[str]:
    """The x86_64 calls that the expressions select."""
    return set(select(expressions, Abi.X86_64).names(Abi.X86_64))


def compat(*expressions: str) -> set[str]:
    """The i386 calls that they select."""
    return set(select(expressions, Abi.X86_64).names(Abi.I386))


@pytest.mark.parametrize("text", ["open,close", "trace=open,close", "t=open,close", "open,,close", ",close,open,"])
def test_names(text: str) -> None:
    """Names are separated by commas; trace= may stand before them; a name counts in every table that has it."""
    assert native(text) == compat(text) == {"open", "close"}


def test_calls_without_a_cell_are_kept_only_by_all_and_inversion() -> None:
    """Numbers beyond the tables are selected if everything or everything but something is."""
    for text in ("all", "!open", "!none", "open,all"):
        assert select([text], Abi.X86_64).cells[CELL_OTHER:].all()
    for text in ("open", "none", "!all", "%file", "/."):
        assert not select([text], Abi.X86_64).cells[CELL_OTHER:].any()


def test_inversion_is_of_the_whole_list() -> None:
    """`!a,b` means all but a and b."""
    everything = set(table(Abi.X86_64).names)
    assert native("!open,close") == native("t=!open,close") == everything - {"open", "close"}


def test_classes() -> None:
    """%class, %network for %net, %%stat, and the old names without %."""
    assert {"socket", "connect"} <= native("%net") == native("%network") == native("network")
    assert native("%%stat") == {"stat", "fstat", "lstat", "newfstatat", "statx"}
    assert native("stat") == {"stat"}
    assert native("file") == native("%file") > {"open", "execve"}


def test_regular_expressions() -> None:
    """/regex is searched for anywhere in the name."""
    assert native("/^open") == {"open", "openat", "openat2", "open_tree", "open_tree_attr", "open_by_handle_at"}
    assert native("/fork") == {"fork", "vfork"}


def test_suffixes() -> None:
    """@64, @32 and @x32 limit a word to one table."""
    assert (native("open@64"), compat("open@64")) == ({"open"}, set())
    assert (native("/^open$@32"), compat("/^open$@32")) == (set(), {"open"})
    x32 = select(["open@x32"], Abi.X86_64)
    assert x32.others and not x32.cells[:CELL_OTHER].any()


def test_numbers_mean_that_number_in_each_table() -> None:
    """As in strace, 5 is fstat and i386's open; a number without a name is a call of a newer kernel."""
    assert (native("5"), compat("5")) == ({"fstat"}, {"open"})
    assert np.flatnonzero(select(["511"], Abi.X86_64).cells).tolist() == [511, CELLS_PER_ABI + 511]


def test_unknown_words_are_allowed_behind_a_question_mark() -> None:
    """?name selects nothing if it is unknown, and the call if it is known."""
    assert native("?no_such_call,open") == native("?open") == {"open"}
    assert native("?%nothing", "?/nothing") == set()


def test_expressions_combine() -> None:
    """Several expressions: the union of the plain ones less the inverted ones, in any order."""
    assert native("%file", "!open,creat") == native("!open,creat", "%file") == native("%file") - {"open", "creat"}
    assert native("open", "close") == {"open", "close"}
    assert native("!open", "!close") == set(table(Abi.X86_64).names) - {"open", "close"}
    assert select([], Abi.X86_64).everything


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("opena", "-e 'opena', column 1: unknown system call 'opena'; nearest: openat, open, openat2"),
        ("t=read,opnat", "-e 't=read,opnat', column 8: unknown system call 'opnat'; nearest: openat, openat2, open"),
        ("!%fil", "-e '!%fil', column 2: unknown class of system calls '%fil'; nearest: %file, profil"),
        ("xyzzy", "-e 'xyzzy', column 1: unknown system call 'xyzzy'; '?xyzzy' would be ignored where it is unknown"),
        (
            "waitpid@64",
            "-e 'waitpid@64', column 1: unknown system call 'waitpid' in the table @64; nearest: waitid, wait4",
        ),
        ("open@9", "-e 'open@9', column 1: '@9' in 'open@9' is no table; use @64, @32 or @x32"),
        ("/nothing", "-e '/nothing', column 1: no system call matches '/nothing'"),
        ("all,!open", "-e 'all,!open', column 5: '!' may stand only before the first word: it inverts the whole list"),
        ("", "-e '', column 1: no system call is named; 'none' selects none"),
        ("!", "-e '!', column 2: no system call is named; 'none' selects none"),
        ("signal=all", "-e 'signal=all', column 1: 'signal=' is not supported, only 'trace=' is"),
        ("999", "-e '999', column 1: unknown system call '999'; '?999' would be ignored where it is unknown"),
    ],
)
def test_errors_say_what_and_where(text: str, message: str) -> None:
    """The one line names the word, its column, and what is near."""
    with pytest.raises(ExprError) as caught:
        select([text], Abi.X86_64)
    assert str(caught.value) == message


@pytest.mark.parametrize("text", ["/(", "/[[:alpha:]]", "/*"])
def test_bad_regular_expressions(text: str) -> None:
    """What Python's re cannot read is an error of ours, not a traceback or a warning."""
    with pytest.raises(ExprError, match="is no regular expression"):
        select([text], Abi.X86_64)


@given(st.lists(st.text(alphabet="!?%/@,open26=t(", max_size=12), max_size=3))
def test_any_text_selects_or_is_refused(expressions: list[str]) -> None:
    """Whatever is typed, the answer is a selection or one line."""
    try:
        assert select(expressions, Abi.X86_64).cells.shape == (CELLS,)
    except ExprError as error:
        assert "\n" not in str(error)


def test_keeps_follows_the_cells() -> None:
    """Calls are selected by number and ABI, those without a cell with the rest."""
    nr = np.array([2, 5, 2, 0xFFFF_FFFF], np.uint32)
    abi = np.array([Abi.X86_64, Abi.I386, Abi.I386, Abi.X86_64], np.uint8)
    assert select(["open"], Abi.X86_64).keeps(nr, abi).tolist() == [True, True, False, False]
    assert select(["!open"], Abi.X86_64).keeps(nr, abi).tolist() == [False, False, True, True]


def test_description_is_the_shorter_one() -> None:
    """A person reads what is selected, or what is left out."""
    assert select([], Abi.X86_64).describe() == "all system calls"
    assert select(["open"], Abi.X86_64).describe() == "1 of x86_64 (open), 1 of i386 (open)"
    assert select(["!open"], Abi.X86_64).describe() == "all but 1 of x86_64 (open), 1 of i386 (open)"
    assert select(["none"], Abi.X86_64).describe() == "0 of x86_64, 0 of i386"
    assert select(["/^open"], Abi.X86_64).describe().startswith("6 of x86_64 (open, open_by_handle_at, ")
    assert select(["open@x32"], Abi.X86_64).describe().endswith(" and those without a name")


@pytest.mark.parametrize("text", ["%file", "!%file", "%desc,%memory", "/^(open|close)", "?nothing,%%stat", "!/s"])
def test_strace_selects_the_same(text: str) -> None:
    """The real strace, given the same expression, prints exactly the selected calls of a program."""
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is not installed")
    true = shutil.which("true") or "/bin/true"

    def traced(expression: str) -> list[str]:
        run = subprocess.run([strace, "-q", "-e", f"trace={expression}", true], capture_output=True, text=True)
        if "ptrace" in run.stderr and run.returncode:
            pytest.skip(f"strace cannot trace here: {run.stderr.splitlines()[0]}")
        return [line.partition("(")[0] for line in run.stderr.splitlines() if "(" in line]

    selected = native(text)
    assert traced(text) == [name for name in traced("all") if name in selected]
