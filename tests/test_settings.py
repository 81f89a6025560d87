"""Settings: their types, where they come from, and who wins."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from orion.errors import SettingError
from orion.settings import ALIASES, SETTINGS, current, load, temporary_settings


def environment(home: Path, **more: str) -> dict[str, str]:
    return {"ORION_HOME": str(home), **more}


def write_profiles(home: Path, text: str) -> None:
    (home / "profiles.toml").write_text(text)


WORK = '[profiles.work]\nORION_API_URL = "http://office/api"\nORION_PORT = "5000"\n'


@pytest.mark.row("SET-01")
def test_every_setting_has_a_type_a_default_that_fits_it_and_a_help() -> None:
    defaults = load({}).values
    for setting in SETTINGS:
        value = defaults[setting.name]
        assert setting.help.endswith(".")
        assert (
            value is None
            if setting.default is None and setting.name != "ORION_PROFILE"
            else value is not None
        )
        assert value is None or isinstance(value, setting.type)


@pytest.mark.row("SET-01")
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ORION_PORT", "many"),
        ("ORION_PORT", "-1"),
        ("ORION_PORT", "65536"),
        ("ORION_UI_ENABLED", "perhaps"),
        ("ORION_AGENT_POLL_SECONDS", "soon"),
        ("ORION_HEARTBEAT_SECONDS", "nan"),
        ("ORION_LOGGING_LEVEL", "loud"),
        ("ORION_LOGGING_FORMAT", "xml"),
    ],
)
def test_a_bad_value_names_the_setting_and_the_value(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(SettingError, match=f"{name} must be .* {value!r}"):
        load(environment(tmp_path, **{name: value}))


@pytest.mark.row("SET-01")
def test_values_have_their_types(tmp_path: Path) -> None:
    settings = load(
        environment(tmp_path, ORION_PORT="4_300", ORION_UI_ENABLED="off", ORION_AGENT_POLL_SECONDS="2.5")
    )
    assert (settings.port, settings.ui_enabled, settings.agent_poll_seconds) == (4300, False, 2.5)


@pytest.mark.row("DB-01")
def test_by_default_the_database_is_a_file_in_the_home() -> None:
    assert load({}).database_url == f"sqlite:///{Path.home()}/.orion/orion.db"


@pytest.mark.row("SET-02")
def test_environment_comes_before_profile_before_default(tmp_path: Path) -> None:
    write_profiles(tmp_path, f'active = "work"\n{WORK}')
    settings = load(environment(tmp_path, ORION_PORT="6000"))
    assert (settings.port, settings.sources["ORION_PORT"]) == (6000, "environment")
    assert (settings.api_url, settings.sources["ORION_API_URL"]) == ("http://office/api", "profile work")
    assert (settings.host, settings.sources["ORION_HOST"]) == ("127.0.0.1", "default")


@pytest.mark.row("SET-02")
def test_a_profile_that_is_asked_for_comes_before_the_environment(tmp_path: Path) -> None:
    write_profiles(tmp_path, WORK)
    settings = load(environment(tmp_path, ORION_PORT="6000", ORION_HOST="::1"), profile="work")
    assert (settings.port, settings.host) == (5000, "::1")
    sources = [settings.sources[name] for name in ("ORION_PORT", "ORION_HOST")]
    assert sources == ["profile work", "environment"]


@pytest.mark.row("SET-04")
def test_a_profile_that_is_asked_for_comes_before_the_one_of_the_environment(tmp_path: Path) -> None:
    write_profiles(tmp_path, f'{WORK}\n[profiles.play]\nORION_PORT = "7000"\n')
    given = environment(tmp_path, ORION_PROFILE="play")
    assert (load(given).profile, load(given).port) == ("play", 7000)
    assert (load(given, profile="work").profile, load(given, profile="work").port) == ("work", 5000)


@pytest.mark.row("SET-03")
def test_profiles_are_read_from_the_path_that_a_setting_names(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere.toml"
    elsewhere.write_text(f'active = "work"\n{WORK}')
    assert load(environment(tmp_path, ORION_PROFILES_PATH=str(elsewhere))).port == 5000


@pytest.mark.row("SET-03")
def test_the_profile_default_exists_without_a_file(tmp_path: Path) -> None:
    settings = load(environment(tmp_path), profile="default")
    assert (settings.profile, settings.profiles_path) == ("default", settings.home / "profiles.toml")


@pytest.mark.row("SET-04")
def test_the_environment_can_choose_a_profile(tmp_path: Path) -> None:
    write_profiles(tmp_path, WORK)
    assert load(environment(tmp_path)).port == 4200
    assert load(environment(tmp_path, ORION_PROFILE="work")).port == 5000


@pytest.mark.row("SET-04")
def test_a_profile_that_is_not_there_is_refused_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="no profile 'home'.*orion profile create home"):
        load(environment(tmp_path, ORION_PROFILE="home"))


def test_a_broken_profiles_file_is_refused_by_its_path(tmp_path: Path) -> None:
    write_profiles(tmp_path, "active = ")
    with pytest.raises(SettingError, match=r"profiles\.toml cannot be read"):
        load(environment(tmp_path))


@pytest.mark.row("SET-06")
def test_temporary_settings_end_with_their_block() -> None:
    before = current().port
    with temporary_settings({"ORION_PORT": "1234"}):
        assert current().port == 1234
        with temporary_settings(restore_defaults=("ORION_PORT",)):
            assert current().port == 4200
        assert current().port == 1234
    assert current().port == before


@pytest.mark.row("SET-06")
def test_temporary_settings_hold_in_all_threads_until_their_own_block_ends() -> None:
    def seen() -> int:
        with ThreadPoolExecutor(1) as pool:
            return int(pool.submit(lambda: current().port).result())

    before = seen()
    with temporary_settings({"ORION_PORT": "1234"}):
        with temporary_settings({"ORION_PORT": "2345"}):
            assert seen() == 2345
        assert seen() == 1234
    assert seen() == before


@pytest.mark.row("SET-06")
def test_temporary_defaults_yield_to_what_is_set() -> None:
    with temporary_settings({"ORION_PORT": 1234}):
        with temporary_settings(set_defaults={"ORION_PORT": 1, "ORION_AGENT_LIMIT": 7}):
            assert (current().port, current().agent_limit) == (1234, 7)


@pytest.mark.row("SET-07")
def test_values_may_hold_home_and_password(tmp_path: Path) -> None:
    url = "postgresql://me:${ORION_DATABASE_PASSWORD}@db/x"
    settings = load(environment(tmp_path, ORION_DATABASE_URL=url, ORION_DATABASE_PASSWORD="s3cret"))
    assert settings.database_url == "postgresql://me:s3cret@db/x"
    assert settings.local_storage_path == tmp_path / "storage"
    assert "s3cret" not in str(settings.masked())


@pytest.mark.row("SET-07")
def test_a_password_of_any_letters_stays_one_word_of_the_address(tmp_path: Path) -> None:
    url = "postgresql://me:${ORION_DATABASE_PASSWORD}@db/x"
    settings = load(environment(tmp_path, ORION_DATABASE_URL=url, ORION_DATABASE_PASSWORD="p@ss/w:r d"))
    assert settings.database_url == "postgresql://me:p%40ss%2Fw%3Ar%20d@db/x"


@pytest.mark.row("SET-07")
def test_a_placeholder_that_is_no_setting_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="ORION_API_URL holds \\${ORION_HOUSE}"):
        load(environment(tmp_path, ORION_API_URL="http://${ORION_HOUSE}/api"))


@pytest.mark.row("SET-08")
def test_a_log_line_may_not_be_larger_than_a_batch(tmp_path: Path) -> None:
    sizes = {"ORION_LOGGING_TO_API_MAX_LOG_SIZE": "10", "ORION_LOGGING_TO_API_BATCH_SIZE": "9"}
    with pytest.raises(SettingError, match="MAX_LOG_SIZE.*may not exceed.*BATCH_SIZE"):
        load(environment(tmp_path, **sizes))


@pytest.mark.row("SET-09")
def test_a_child_process_gets_every_value_that_differs(tmp_path: Path) -> None:
    write_profiles(tmp_path, f'active = "work"\n{WORK}')
    parent = load(environment(tmp_path, ORION_UI_ENABLED="false"))
    child = load(
        {
            **parent.environment(),
            "ORION_PROFILES_PATH": str(tmp_path / "none.toml"),
            "ORION_PROFILE": "default",
        }
    )
    assert (child.port, child.ui_enabled, child.api_url) == (5000, False, "http://office/api")


@pytest.mark.parametrize(
    ("older", "name"),
    [
        ("PREFECT_API_URL", "ORION_API_URL"),
        ("PREFECT_API_KEY", "ORION_API_KEY"),
        ("PREFECT_ORION_DATABASE_CONNECTION_URL", "ORION_DATABASE_URL"),
        ("DATABASE_URL", "ORION_DATABASE_URL"),
        ("PORT", "ORION_PORT"),
        ("PREFECT_LOGGING_ORION_ENABLED", "ORION_LOGGING_TO_API_ENABLED"),
    ],
)
def test_older_names_are_fallbacks_that_say_so(tmp_path: Path, older: str, name: str) -> None:
    text = {"PORT": "1", "PREFECT_LOGGING_ORION_ENABLED": "true"}.get(older, "sqlite:///x")
    other = {"PORT": "2", "PREFECT_LOGGING_ORION_ENABLED": "false"}.get(older, "sqlite:///y")
    assert ALIASES[older] == name
    assert load(environment(tmp_path, **{older: text})).sources[name] == f"environment {older}"
    both = load(environment(tmp_path, **{older: text, name: other}))
    assert both.sources[name] == "environment"
    assert str(both.values[name]).lower() == other


def test_secrets_are_masked(tmp_path: Path) -> None:
    keys = {setting.name: "sekret" for setting in SETTINGS if setting.secret and "URL" not in setting.name}
    assert keys and "sekret" not in str(load(environment(tmp_path, **keys)).masked())
