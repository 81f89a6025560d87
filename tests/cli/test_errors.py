"""What a person sees when something goes wrong: one line for what can be expected, a traceback for the rest."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from orion import cli
from orion.cli import console
from orion.settings import load
from orion.store import open_store
from orion.web.factory import build_app
from tests.cli.conftest import Orion
from tests.sdk.conftest import Served
from tests.servers import CHECKOUT


@pytest.mark.row("CLI-17")
def test_an_expected_error_is_one_line_on_stderr(orion: Orion) -> None:
    answer = orion("flow", "inspect", "nope", code=1)
    assert answer.out == ""
    assert answer.err == "There is no flow 'nope'. See what there is: orion flow ls\n"


@pytest.mark.row("CLI-17")
def test_an_expected_error_is_red_on_a_terminal(monkeypatch: pytest.MonkeyPatch, orion: Orion) -> None:
    monkeypatch.setattr(console, "_colours", lambda stream: True)
    assert orion("flow", "inspect", "nope", code=1).err.startswith("\x1b[31mThere is no flow")


def test_ctrl_c_while_modules_are_loaded_shows_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(args: list[str]) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "_any_command", interrupted)
    with pytest.raises(SystemExit) as end:
        cli.main(["flow", "ls"])
    assert end.value.code == 130


@pytest.mark.row("CLI-17")
def test_an_unexpected_error_is_a_traceback_and_says_so(
    monkeypatch: pytest.MonkeyPatch, orion: Orion
) -> None:
    from orion.cli import flows

    def broken() -> None:
        raise ZeroDivisionError("by surprise")

    monkeypatch.setattr(flows, "api", broken)
    answer = orion("flow", "ls", code=1)
    assert "Traceback" in answer.err and "ZeroDivisionError: by surprise" in answer.err
    assert answer.err.endswith("An exception occurred.\n")


@pytest.mark.row("CLI-17")
@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ((errno.EROFS, "Read-only file system", "{home}/profiles.toml"), "{home}/profiles.toml cannot be used: "
         "Read-only file system. ORION_HOME names another folder."),
        ((errno.EACCES, "Permission denied", "/srv/x.yaml"), "/srv/x.yaml cannot be used: Permission denied."),
        ((errno.ENOSPC, "No space left on device"), "A file cannot be written: the disk is full. "
         "Make room there, then try again."),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_written_is_one_line(
    monkeypatch: pytest.MonkeyPatch, orion: Orion, fault: tuple[Any, ...], told: str
) -> None:
    from orion.cli import profile_file

    home = str(load().home)
    fault = tuple(part.format(home=home) if isinstance(part, str) else part for part in fault)

    def refused(*_: object) -> None:
        raise OSError(*fault)

    monkeypatch.setattr(profile_file.ProfileFile, "save", refused)
    answer = orion("config", "set", "ORION_PORT=4300", code=1)
    assert answer.err == told.format(home=home) + "\n" and answer.out == ""


@pytest.mark.row("CLI-17")
def test_another_fault_of_the_system_is_a_traceback(monkeypatch: pytest.MonkeyPatch, orion: Orion) -> None:
    from orion.cli import profile_file

    def refused(*_: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(profile_file.ProfileFile, "save", refused)
    assert "Traceback" in orion("config", "set", "ORION_PORT=4300", code=1).err


@pytest.mark.parametrize(
    "args", [("nope",), ("flow", "nope"), ("flow", "ls", "--limit", "many"), ("flow", "ls", "-x")]
)
def test_wrong_usage_exits_2_with_a_hint(orion: Orion, args: tuple[str, ...]) -> None:
    answer = orion(*args, code=2)
    assert "--help' for help" in answer.err and "Traceback" not in answer.err


def test_a_command_that_is_nearly_right_is_suggested(orion: Orion) -> None:
    assert "Did you mean 'flow-run', 'flow'?" in orion("flow-runs", code=2).err


def test_a_server_that_is_away_is_named_with_the_remedy(
    orion: Orion, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORION_API_URL", "http://127.0.0.1:9/api")
    monkeypatch.setenv("ORION_CLIENT_MAX_RETRIES", "0")
    answer = orion("flow", "ls", code=1)
    assert "http://127.0.0.1:9/api cannot be reached" in answer.err and "orion start" in answer.err
    assert "Traceback" not in answer.err


@pytest.mark.row("API-31")
def test_a_key_that_is_missing_is_asked_for_with_the_setting_and_where_to_set_it(
    orion: Orion, monkeypatch: pytest.MonkeyPatch, sqlite_url: str, home: Path
) -> None:
    store = open_store(sqlite_url)
    app = build_app(load({"ORION_HOME": str(home), "ORION_ADMIN_KEY": "right"}), store, services=False)
    served = Served(app)
    try:
        monkeypatch.setenv("ORION_API_URL", served.url)
        for key in ("", "wrong"):
            monkeypatch.setenv("ORION_API_KEY", key)
            for command in (("flow", "ls"), ("profile", "use", "default")):
                answer = orion(*command, code=2)
                assert "set ORION_API_KEY to a key that it knows, in the environment or with" in answer.err
                assert "orion config set ORION_API_KEY=" in answer.err and answer.err.count("\n") == 1
                assert "Authorization" not in answer.err
        monkeypatch.setenv("ORION_API_KEY", "right")
        orion("flow", "ls")
    finally:
        served.stop()
        store.close()


def test_a_bad_setting_is_named(orion: Orion, monkeypatch: pytest.MonkeyPatch) -> None:
    orion("profile", "ls")
    answer = orion("-p", "nope", "config", "view", code=2)
    assert "There is no profile 'nope'" in answer.err


@pytest.mark.parametrize("args", [("version",), ("config", "view", "--show-defaults")])
def test_a_reader_that_has_left_is_no_fault(home: Path, args: tuple[str, ...]) -> None:
    """As in `orion config view | head -1`."""
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "orion", *args],
        env={"ORION_HOME": str(home), "PATH": os.environ["PATH"], "PYTHONPATH": str(CHECKOUT)},
        stdout=writer, stderr=subprocess.PIPE, timeout=60,
    )  # fmt: skip
    os.close(writer)
    assert (done.returncode, done.stderr) == (1, b"")
