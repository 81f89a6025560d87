"""Database URLs in the forms that people have."""

from __future__ import annotations

from pathlib import Path

import pytest

from orion.errors import SettingError
from orion.store.url import mask, parse


@pytest.mark.row("DB-02")
@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:////data/orion.db", "/data/orion.db"),
        ("sqlite+aiosqlite:////data/orion.db", "/data/orion.db"),
        ("SQLite:////data/with%20blank.db?timeout=5", "/data/with blank.db"),
        ("sqlite:///~/orion.db", str(Path.home() / "orion.db")),
        ("sqlite:///near.db", str(Path.cwd() / "near.db")),
        ("sqlite+aiosqlite:///file:/data/orion.db?cache=shared", "/data/orion.db"),
    ],
)
def test_sqlite_files(url: str, path: str) -> None:
    place = parse(url)
    assert (place.dialect, str(place.path), place.in_memory) == ("sqlite", path, False)


@pytest.mark.row("DB-04")
@pytest.mark.parametrize(
    "url", ["sqlite://", "sqlite:///:memory:", "sqlite+aiosqlite:///file::memory:?cache=shared"]
)
def test_sqlite_in_memory(url: str) -> None:
    assert parse(url).in_memory


@pytest.mark.row("DB-02")
@pytest.mark.parametrize(
    ("url", "driver"),
    [
        ("postgres://me:pw@host:5433/name", "postgresql://me:pw@host:5433/name"),
        ("postgresql://host/name", "postgresql://host/name"),
        ("postgresql+asyncpg://me@host/name?ssl=require", "postgresql://me@host/name?sslmode=require"),
        ("postgresql+asyncpg://host/n?prepared_statement_cache_size=0", "postgresql://host/n"),
        ("postgresql+psycopg2:///name?host=/run/pg", "postgresql:///name?host=%2Frun%2Fpg"),
    ],
)
def test_postgres(url: str, driver: str) -> None:
    place = parse(url)
    assert (place.dialect, place.url, place.path) == ("postgres", driver, None)


@pytest.mark.parametrize("url", ["", "orion.db", "mysql://host/name", "postgresql://host", "sqlite"])
def test_other_forms_are_refused_with_what_to_write(url: str) -> None:
    with pytest.raises(SettingError, match="database URL"):
        parse(url)


def test_messages_hide_the_password() -> None:
    assert mask("postgresql://me:secret@host/name") == "postgresql://me:********@host/name"
    assert str(parse("postgres://me:secret@host:1/name")) == "postgresql://me:********@host:1/name"
    with pytest.raises(SettingError) as caught:
        parse("mysql://me:secret@host/name")
    assert "secret" not in str(caught.value)
