"""The prompt: queries of several lines, commands with a dot, errors that do not end it."""

from pathlib import Path

import pytest
from prompt_toolkit.application import create_app_session
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput

from analyze.cli.options import Format
from analyze.cli.output import Output
from analyze.cli.prompt import Prompt, history_file
from analyze.session import Session
from tests.unit.analyze.captures import make_rows, write_parquet


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The history goes where the test can see it."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def typed(tmp_path: Path, text: str) -> None:
    """What a user types, with Ctrl-D at the end."""
    path = write_parquet(tmp_path / "x.parquet", make_rows(42))
    with create_pipe_input() as keys, Session([str(path)]) as session, create_app_session(keys, DummyOutput()):
        keys.send_text(text + "\x04")
        Prompt(session, Output(Format.TABLE)).run()


def test_a_query_ends_with_its_semicolon(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Over several lines, and into the history."""
    typed(tmp_path, "SELECT count(*) AS n\nFROM calls;\n")
    assert capsys.readouterr().out.split()[-2:] == ["n", "42"]
    assert "FROM calls;" in history_file().read_text()


def test_commands_and_errors(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each answered, none ends the prompt; .quit does."""
    typed(
        tmp_path,
        ".help\n.tables\n.schema losses\n.schema\n.nonsense\nSELECT nonsense;\nDROP VIEW calls;\n;\n"
        ".quit\nSELECT 77;\n",
    )
    out, err = capsys.readouterr()
    for words in ("the columns of a view", "selected", "cause", "dur_ns"):
        assert words in out
    for words in ("no such command: .nonsense", 'Referenced column "nonsense"', "DROP is refused"):
        assert words in err
    assert "77" not in out


def test_interrupt_drops_what_was_typed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Ctrl-C, and one starts again."""
    typed(tmp_path, "SELECT nonsense\n\x03SELECT 5 AS five;\n")
    out, err = capsys.readouterr()
    assert out.split()[-2:] == ["five", "5"]
    assert "nonsense" not in err
