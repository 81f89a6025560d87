"""Progress: a line for a person at a terminal, nothing at all for a pipe."""

from __future__ import annotations

import io
import re
import time
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from orion.blocks import LocalFileSystem, snapshots
from orion.cli import progress
from orion.cli.api import Api
from orion.sdk.client import SyncClient


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True

    def shows(self, words: str) -> bool:
        """Whether it has shown some work and its seconds, which are 0 where the machine does not stand still."""
        return re.search(rf"{words}  \d+ s", self.getvalue()) is not None


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


def test_an_upload_shows_how_many_files_are_sent(terminal: Terminal, tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / f"f{number}.py").write_text(str(number))
    storage = LocalFileSystem(basepath=str(tmp_path / "store"))
    with progress.counting("Uploading") as tell:

        def slowly(done: int, total: int) -> None:
            time.sleep(0.002)
            tell(done, total)

        sent = snapshots.upload(storage, tmp_path, snapshots.look(tmp_path, None, []), "code", slowly)
    assert sent.sent == 3
    assert [f"{number} of 3" in terminal.getvalue() for number in (1, 2, 3)] == [True] * 3
    assert terminal.getvalue().endswith("\r\x1b[K")


def test_work_without_a_measure_shows_its_seconds_until_it_is_done(terminal: Terminal) -> None:
    with progress.waiting("Copying"):
        end = time.monotonic() + 30
        while not terminal.shows("Copying") and time.monotonic() < end:
            time.sleep(0.001)
    assert terminal.shows("Copying") and terminal.getvalue().endswith("\r\x1b[K")


def test_a_list_of_many_pages_shows_the_seconds_while_it_is_read(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    end = time.monotonic() + 30

    def page(server: Api, path: str, body: dict[str, int]) -> list[dict[str, int]]:
        while body["offset"] and not terminal.shows("Reading") and time.monotonic() < end:
            time.sleep(0.001)
        return [{"n": body["offset"]}] * (body["limit"] if body["offset"] < 400 else 7)

    monkeypatch.setattr(Api, "post", page)
    assert len(Api(cast(SyncClient, None)).rows("/flows/filter", {}, 10_000)) == 407
    assert terminal.shows("Reading") and terminal.getvalue().endswith("\r\x1b[K")


def test_who_waits_for_a_busy_server_sees_that_he_does(terminal: Terminal) -> None:
    end = time.monotonic() + 30

    def busy(request: object) -> list[object]:
        while not terminal.shows("") and time.monotonic() < end:
            time.sleep(0.001)
        return []

    api = Api(cast(SyncClient, SimpleNamespace(send=busy)))
    assert api.get("/flows") == []
    assert terminal.shows("Waiting for the server") and terminal.getvalue().endswith("\r\x1b[K")
    terminal.seek(0)
    terminal.truncate()
    assert api.rows("/flows/filter", {}, 10_000) == []  # which says what it does
    assert terminal.shows("Reading") and "Waiting" not in terminal.getvalue()


def test_a_pipe_is_told_nothing(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "LATE_SECONDS", 0)
    with progress.waiting("Copying"):
        assert [item for item, _ in progress.each("Working", "ab")] == ["a", "b"]
    assert capsys.readouterr() == ("", "")
