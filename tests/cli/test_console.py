"""What commands print: tables for a person at a terminal."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest

from orion.cli import console


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """What `show_rows` shows where both streams are one terminal that wants colours."""

    def show(*args: Any) -> str:
        terminal = Terminal()
        with monkeypatch.context() as patch:
            patch.setattr(console, "_colours", lambda stream: True)
            patch.setattr("sys.stdout", terminal)
            patch.setattr("sys.stderr", terminal)
            console.show_rows(*args)
        return terminal.getvalue()

    return show


def test_states_have_colours_and_a_full_list_says_that_there_may_be_more(shown: Callable[..., str]) -> None:
    rows = [("Failed", "Late", "now"), ("b", "Cancelled", "now")]
    heading, late, cancelled, more = shown(("Name", "State", "When"), rows, 2).splitlines()
    assert heading == "\x1b[1mName    State      When\x1b[0m"
    assert late == "Failed  \x1b[33mLate\x1b[0m       now"
    assert cancelled == "b       \x1b[90mCancelled\x1b[0m  now"
    assert "These are the first 2; --limit shows more." in more


def test_an_empty_list_is_no_bare_heading(shown: Callable[..., str]) -> None:
    assert shown(("Name",), []) == "\x1b[90mNothing to show.\x1b[0m\n"


def test_one_is_not_many() -> None:
    assert [console.count(n, "run") for n in (0, 1, 1234)] == ["0 runs", "1 run", "1,234 runs"]
