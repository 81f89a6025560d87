"""Progress: a line for a person at a terminal, nothing at all for a pipe."""

from __future__ import annotations

import io
import time
from types import SimpleNamespace

import pytest

from orion.cli import progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Standard error is a terminal, and every command is long."""
    shown = Terminal()
    monkeypatch.setattr(progress, "sys", SimpleNamespace(stderr=shown))
    monkeypatch.setattr(progress, "LATE_SECONDS", 0.001)
    monkeypatch.setattr(progress, "AGAIN_SECONDS", 0)
    return shown


def test_a_bar_says_what_is_done_of_how_much() -> None:
    assert progress.bar("Deleting", 1_000, 4_000) == f"Deleting  [{'#' * 8}{'.' * 22}]  25%  1,000 of 4,000"
    assert "100%  0 of 0" in progress.bar("Deleting", 0, 0)


def test_a_line_takes_the_place_of_the_bar_which_goes_in_the_end(
    terminal: Terminal, capsys: pytest.CaptureFixture[str]
) -> None:
    for number, say in progress.each("Working", range(2)):
        time.sleep(0.002)
        say(f"did {number}")
    assert terminal.getvalue().count("1 of 2") == 1 and terminal.getvalue().endswith("\r\x1b[K")
    assert capsys.readouterr().out == "did 0\ndid 1\n"


def test_work_without_a_measure_shows_its_seconds_until_it_is_done(terminal: Terminal) -> None:
    with progress.waiting("Copying"):
        end = time.monotonic() + 30
        while "Copying  0 s" not in terminal.getvalue() and time.monotonic() < end:
            time.sleep(0.001)
    assert "Copying  0 s" in terminal.getvalue() and terminal.getvalue().endswith("\r\x1b[K")


def test_a_pipe_is_told_nothing(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "LATE_SECONDS", 0)
    with progress.waiting("Copying"):
        assert [item for item, _ in progress.each("Working", "ab")] == ["a", "b"]
    assert capsys.readouterr() == ("", "")
