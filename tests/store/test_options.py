"""The settings that a store obeys."""

from __future__ import annotations

import logging
from pathlib import Path

import psycopg
import pytest

from orion.errors import DatabaseError, QueryTooSlow
from orion.settings import temporary_settings
from orion.store import Role, open_store, upkeep
from orion.store.base import Options
from orion.store.url import parse
from tests.store.test_group_commit import ENDLESS
from tests.store.test_seam import names, put


@pytest.mark.row("DB-06")
def test_defaults() -> None:
    assert Options.of(Role.SERVER) == Options(timeout=10, busy=15, synchronous="full", pool=8, echo=False)
    assert Options.of(Role.CLOCK).busy == 15
    assert Options.of(Role.EPHEMERAL).busy == 30


@pytest.mark.row("DB-12")
def test_echo_logs_every_statement(database_url: str, caplog: pytest.LogCaptureFixture) -> None:
    for wanted in (False, True):
        with temporary_settings({"ORION_DATABASE_ECHO": wanted}), caplog.at_level(logging.INFO):
            caplog.clear()
            store = open_store(database_url)
            store.read_now(names)
            store.close()
            assert any("SELECT name FROM setting" in message for message in caplog.messages) is wanted


@pytest.mark.row("DB-06")
def test_the_timeout_stops_a_statement(sqlite_url: str) -> None:
    with temporary_settings({"ORION_DATABASE_TIMEOUT": 0.1}):
        store = open_store(sqlite_url)
        assert store.options.timeout == 0.1
        with pytest.raises(QueryTooSlow):
            store.read_now(lambda conn: conn.one(ENDLESS))
        store.close()


@pytest.mark.row("DB-06")
@pytest.mark.parametrize(("query", "seconds"), [("", "5"), ("?connect_timeout=9", "9"), ("?timeout=7", "7")])
def test_a_connection_is_given_up_after_five_seconds_or_those_of_the_url(
    query: str, seconds: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def deaf(url: str, autocommit: bool, **given: object) -> None:
        found = psycopg.conninfo.conninfo_to_dict(url, **given)
        raise psycopg.OperationalError(f"deaf for {found['connect_timeout']} s")

    monkeypatch.setattr(psycopg, "connect", deaf)
    for use in (open_store, upkeep.stats):
        with pytest.raises(DatabaseError, match=f"cannot be reached: deaf for {seconds} s"):
            use(f"postgresql://me@127.0.0.1/x{query}")


@pytest.mark.row("DB-07")
def test_a_schema_that_is_behind_is_refused_when_starting_may_not_upgrade_it(empty_url: str) -> None:
    with temporary_settings({"ORION_DATABASE_MIGRATE_ON_START": False}):
        with pytest.raises(DatabaseError, match="orion database upgrade"):
            open_store(empty_url)
        upkeep.upgrade(empty_url)
        store = open_store(empty_url)
        assert store.write_now(put, "a") == "a"
        store.close()


@pytest.mark.row("DB-03")
def test_the_password_is_put_into_the_url_whatever_it_is_made_of() -> None:
    url = "postgresql://me:${ORION_DATABASE_PASSWORD}@host/name"
    with temporary_settings({"ORION_DATABASE_PASSWORD": "p@ss/w:rd", "ORION_DATABASE_URL": url}) as settings:
        parts = psycopg.conninfo.conninfo_to_dict(parse(settings.database_url).url)
    assert (parts["password"], parts["host"], parts["dbname"]) == ("p@ss/w:rd", "host", "name")


@pytest.mark.row("DB-03")
@pytest.mark.parametrize(
    ("url", "warned"), [("sqlite://", True), ("sqlite:///${ORION_DATABASE_PASSWORD}.db", False)]
)
def test_a_password_that_the_url_does_not_use_is_warned_of(
    url: str, warned: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    with temporary_settings({"ORION_DATABASE_PASSWORD": "secret", "ORION_DATABASE_URL": url}) as settings:
        open_store(settings.database_url).close()
    assert ("ORION_DATABASE_PASSWORD is set" in caplog.text) is warned
    assert "secret" not in caplog.text
