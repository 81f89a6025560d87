"""`orion database`: nothing is lost without being asked, and what is refused is left as it was."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from orion.store import open_store
from orion.store.migrate import latest
from tests.cli.conftest import Orion


def rows(file: Path) -> int:
    with closing(sqlite3.connect(file)) as raw:
        return int(raw.execute("SELECT count(*) FROM flow").fetchone()[0])


def add_flow(file: Path) -> None:
    with closing(sqlite3.connect(file)) as raw, raw:
        raw.execute("INSERT INTO flow (id, created, updated, name) VALUES ('1', 0, 0, 'f')")


@pytest.fixture
def file(orion: Orion, home: Path) -> Path:
    orion("database", "upgrade")
    path = home / "orion.db"
    add_flow(path)
    return path


def set_version(file: Path, version: int) -> None:
    with closing(sqlite3.connect(file)) as raw:
        raw.execute(f"PRAGMA user_version = {version}")


@pytest.mark.row("DB-08")
def test_reset_asks_and_without_a_terminal_needs_yes(orion: Orion, file: Path) -> None:
    assert "add --yes" in orion("database", "reset", code=2).err
    assert rows(file) == 1
    orion("database", "reset", "-y")
    assert rows(file) == 0


@pytest.mark.row("DB-08")
@pytest.mark.postgres
def test_reset_empties_postgres(orion: Orion, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests import databases

    url = databases.new_postgres()
    try:
        monkeypatch.setenv("ORION_DATABASE_URL", url)
        orion("database", "reset", "-y")
        assert "is sound" in orion("database", "check").out
        open_store(url).close()
    finally:
        databases.drop_postgres(url)


@pytest.mark.row("CLI-03")
@pytest.mark.row("DB-09")
def test_upgrade_makes_the_schema_and_then_has_nothing_to_do(orion: Orion, home: Path) -> None:
    assert "is up to date" in orion("database", "upgrade", "-y").out
    with closing(sqlite3.connect(home / "orion.db")) as raw:
        assert raw.execute("PRAGMA user_version").fetchone()[0] == latest("sqlite")
    assert orion("database", "upgrade", "--dry-run").out == ""


@pytest.mark.row("CLI-03")
@pytest.mark.row("DB-09")
def test_a_dry_run_prints_the_sql_and_makes_nothing(orion: Orion, home: Path) -> None:
    text = orion("database", "upgrade", "--dry-run").out
    assert "CREATE TABLE flow_run " in text and text.startswith("-- 0001")
    assert not (home / "orion.db").exists()


@pytest.mark.row("CLI-03")
@pytest.mark.row("DB-09")
def test_downgrade_puts_the_last_backup_back(orion: Orion, file: Path) -> None:
    copy = orion("database", "backup").out.strip()
    orion("database", "reset", "-y")
    assert copy in orion("database", "downgrade", "-y").out
    assert rows(file) == 1


def test_restore_takes_a_named_backup_and_refuses_a_missing_one(orion: Orion, file: Path) -> None:
    first = orion("database", "backup").out.strip()
    orion("database", "reset", "-y")
    orion("database", "backup")
    orion("database", "restore", first, "-y")
    assert rows(file) == 1
    assert "There is no backup" in orion("database", "restore", "/nowhere", "-y", code=1).err


def test_check_finds_a_damaged_page(orion: Orion, file: Path) -> None:
    assert "is sound" in orion("database", "check").out
    content = bytearray(file.read_bytes())
    middle = len(content) // 2 // 4096 * 4096
    content[middle : middle + 4096] = b"\xff" * 4096
    file.write_bytes(content)
    assert orion("database", "check", code=3).err.count("\n") >= 2


@pytest.mark.parametrize("command", ["upgrade", "check"])
def test_a_database_from_the_future_is_refused_and_left_alone(orion: Orion, file: Path, command: str) -> None:
    set_version(file, 9999)
    before = file.read_bytes()
    answer = orion("database", command, code=3)
    assert "written by a newer orion (schema 9999" in answer.err and "Traceback" not in answer.err
    assert file.read_bytes() == before


def test_a_file_that_is_no_database_is_refused_and_left_alone(orion: Orion, home: Path) -> None:
    home.mkdir(parents=True)
    file = home / "orion.db"
    file.write_bytes(b"not a database at all, but long enough to be looked at" * 100)
    before = file.read_bytes()
    for command in (("upgrade",), ("check",)):
        assert "no SQLite database" in orion("database", *command, code=3).err
    assert file.read_bytes() == before


def test_an_unknown_form_of_url_is_refused(orion: Orion, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORION_DATABASE_URL", "mysql://me:sekret@host/x")
    answer = orion("database", "upgrade", code=2)
    assert "sqlite:////path" in answer.err and "sekret" not in answer.err
