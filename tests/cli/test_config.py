"""`orion config` and `orion profile`."""

from __future__ import annotations

import errno
import stat
from pathlib import Path

import httpx
import pytest

from orion.settings import current
from tests.cli.conftest import Orion


@pytest.mark.row("CLI-07")
def test_set_view_and_unset(orion: Orion) -> None:
    orion("config", "set", "ORION_PORT=5000", "PREFECT_API_URL=http://x/api")
    assert "ORION_PORT\t5000\tprofile default" in orion("config", "view").out
    assert "ORION_API_URL\thttp://x/api\tprofile default" in orion("config", "view").out
    orion("config", "set", "ORION_HOST=::1")
    orion("config", "unset", "ORION_PORT", "PREFECT_API_URL")
    left = [line for line in orion("config", "view").out.splitlines() if line.endswith("profile default")]
    assert left == ["profile default", "ORION_HOST\t::1\tprofile default"]


@pytest.mark.row("CLI-07")
@pytest.mark.row("SET-05")
def test_view_hides_defaults_and_shows_sources_unless_told_otherwise(orion: Orion) -> None:
    orion("config", "set", "ORION_PORT=5000")
    plain = orion("config", "view").out
    assert "ORION_SERVER_LOG_LEVEL" not in plain and "profile default" in plain
    everything = orion("config", "view", "--show-defaults").out
    assert "ORION_SERVER_LOG_LEVEL\twarning\tdefault" in everything
    assert orion("config", "view", "--hide-sources").out.splitlines()[-1] == "ORION_PORT\t5000"


@pytest.mark.row("CLI-07")
def test_view_names_a_variable_that_is_no_setting(orion: Orion, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORION_PROT", "4300")
    monkeypatch.setenv("ORION_LOGGING_HANDLERS_CONSOLE_LEVEL", "INFO")  # overrides logging.yml
    told = orion("config", "view").err
    assert "ORION_PROT in the environment is no setting of orion.\n" in told and "CONSOLE" not in told


def test_view_tells_which_variable_won(orion: Orion, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_API_URL", "http://older/api")
    assert orion("config", "view", "--json").json["ORION_API_URL"] == {
        "value": "http://older/api",
        "source": "environment PREFECT_API_URL",
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ORION_PORT", "'ORION_PORT' has no value; write ORION_PORT=VALUE."),
        ("ORION_PROT=1", "There is no setting 'ORION_PROT'. Did you mean ORION_PORT?"),
        ("ORION_PORT=many", "ORION_PORT must be a whole number, but it is 'many'."),
        (
            "ORION_HOME=/x",
            "ORION_HOME decides which profile is read, so it can only be set in the environment.",
        ),
        ("ORION_API_URL=${ORION_HOUSE}", "ORION_API_URL holds ${ORION_HOUSE}, which is not a setting."),
    ],
)
def test_what_cannot_be_set_is_refused_and_nothing_is_written(
    orion: Orion, home: Path, text: str, message: str
) -> None:
    assert orion("config", "set", "ORION_DEBUG_MODE=true", text, code=2).err.strip() == message
    assert not (home / "profiles.toml").exists()


def test_a_variable_that_hides_the_new_value_is_mentioned(
    orion: Orion, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORION_PORT", "1")
    assert "The environment ORION_PORT comes first" in orion("config", "set", "ORION_PORT=2").err


def test_unsetting_what_is_not_set_is_refused(orion: Orion) -> None:
    assert "ORION_PORT is not set in profile 'default'" in orion("config", "unset", "ORION_PORT", code=2).err


def test_secrets_are_masked_everywhere_and_the_file_is_private(orion: Orion, home: Path) -> None:
    orion("config", "set", "ORION_API_KEY=sekret", "ORION_DATABASE_URL=postgresql://me:sekret@h/d")
    shown = orion("config", "view").out + orion("profile", "inspect").out + orion("version", "--json").out
    assert "sekret" not in shown and "********" in shown
    assert stat.S_IMODE((home / "profiles.toml").stat().st_mode) == 0o600


@pytest.mark.parametrize("value", ['a"b', "back\\slash", "new\nline", "Grüße ☃", "tab\t", "'single'", "\x7f"])
def test_any_text_survives_the_file(orion: Orion, value: str) -> None:
    orion("config", "set", f"ORION_LOGGING_EXTRA_LOGGERS={value}")
    assert orion("config", "view", "--json").json["ORION_LOGGING_EXTRA_LOGGERS"]["value"] == value


@pytest.mark.row("CLI-13")
@pytest.mark.row("SET-04")
def test_profiles_are_created_used_and_listed(orion: Orion) -> None:
    orion("config", "set", "ORION_PORT=5000")
    orion("profile", "create", "copy", "--from", "default")
    orion("profile", "create", "empty")
    orion("profile", "use", "copy")
    assert orion("profile", "ls").out == "  default\n* copy\n  empty\n"
    assert orion("profile", "ls", "--json").json[1] == {"name": "copy", "active": True}
    assert orion("profile", "inspect").out == "ORION_PORT\t5000\n"
    assert orion("profile", "inspect", "empty").out == ""
    assert "ORION_PORT" not in orion("-p", "empty", "config", "view").out


@pytest.mark.row("CLI-13")
def test_a_profile_file_is_the_old_one_or_the_new_one_and_private(
    orion: Orion, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the disk is full, or the machine goes down, while it is written."""
    orion("config", "set", "ORION_PORT=5000")
    path = current().profiles_path
    was = path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600

    def gone(self: Path, target: Path) -> None:
        assert "6000" in self.read_text() and path.read_text() == was
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "replace", gone)
    assert "the disk is full" in orion("config", "set", "ORION_PORT=6000", code=1).err
    assert path.read_text() == was and not [*path.parent.glob("profiles.toml.*")]


@pytest.mark.row("CLI-13")
def test_a_profile_can_be_renamed_and_stays_active(orion: Orion) -> None:
    orion("profile", "create", "a")
    orion("profile", "use", "a")
    orion("profile", "rename", "a", "b")
    assert orion("profile", "ls").out == "  default\n* b\n"
    assert "no profile 'a'" in orion("profile", "inspect", "a", code=2).err


@pytest.mark.row("SET-03")
def test_deleting_default_empties_it(orion: Orion) -> None:
    orion("config", "set", "ORION_PORT=5000")
    orion("profile", "delete", "default")
    assert orion("profile", "ls").out == "* default\n"
    assert "ORION_PORT" not in orion("config", "view").out


@pytest.mark.row("CLI-13")
def test_the_active_profile_and_a_taken_name_are_refused(orion: Orion) -> None:
    orion("profile", "create", "a")
    orion("profile", "use", "a")
    assert "is active" in orion("profile", "delete", "a", code=2).err
    assert "already" in orion("profile", "create", "a", code=2).err
    orion("profile", "use", "default")
    orion("profile", "delete", "a")
    assert orion("profile", "ls").out == "* default\n"


@pytest.mark.row("CLI-13")
def test_using_a_profile_says_when_its_api_does_not_answer(
    orion: Orion, monkeypatch: pytest.MonkeyPatch
) -> None:
    orion("profile", "create", "far")
    orion("-p", "far", "config", "set", "ORION_API_URL=http://127.0.0.1:9/api")
    answer = orion("profile", "use", "far", code=1)
    assert "Profile 'far' is active." in answer.out
    assert "http://127.0.0.1:9/api does not answer" in answer.err

    def deaf(url: str, timeout: float, **_: object) -> None:
        raise httpx.ReadTimeout(f"no answer in {timeout} s")

    monkeypatch.setattr(httpx, "get", deaf)
    assert "does not answer: no answer in 3 s" in orion("profile", "use", "far", code=1).err
