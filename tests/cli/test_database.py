"""`orion database`: nothing is lost without being asked, and what is refused is left as it was."""

from __future__ import annotations

import io
import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from orion.store import Store, open_store, upkeep
from orion.store.lock import Ownership
from orion.store.migrate import latest
from tests.cli.conftest import Orion
from tests.conftest import fresh_database
from tests.orchestration.world import World


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
def test_reset_on_a_terminal_waits_for_a_yes(
    orion: Orion, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    for said, left, code in (("n\n", 1, 1), ("\n", 1, 1), ("y\n", 0, 0)):
        monkeypatch.setattr("sys.stdin", Terminal(said))
        assert "Delete everything in " in orion("database", "reset", code=code).out
        assert rows(file) == left


def test_a_backup_into_a_folder_that_is_not_there_is_no_damage(orion: Orion, file: Path) -> None:
    refused = orion("database", "backup", str(file.parent / "none" / "b.db"), code=1).err
    assert "There is no folder" in refused and "damaged" not in refused


@pytest.mark.row("DB-08")
@pytest.mark.postgres
def test_reset_empties_postgres(orion: Orion, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests import databases

    url = databases.new_postgres(alone=True)
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
def test_an_upgrade_can_stop_at_a_schema(orion: Orion, home: Path) -> None:
    last = latest("sqlite")
    assert "with schema 2." in orion("database", "upgrade", "-y", "-r", "2").out
    with closing(sqlite3.connect(home / "orion.db")) as raw:
        assert raw.execute("PRAGMA user_version").fetchone()[0] == 2
    assert "is up to date with schema 1." in orion("database", "upgrade", "-y", "-r", "1").out
    dry = orion("database", "upgrade", "--dry-run", "--revision", "3").out
    assert dry.startswith("-- 0003") and "-- 0004" not in dry
    refused = orion("database", "upgrade", "-y", "-r", str(last + 1), code=1)
    assert f"There is no schema {last + 1}: this orion knows those up to {last}." in refused.err
    assert "What was there before is in" in orion("database", "upgrade", "-y").out
    with closing(sqlite3.connect(home / "orion.db")) as raw:
        assert raw.execute("PRAGMA user_version").fetchone()[0] == last


@pytest.mark.postgres
def test_an_upgrade_of_postgres_can_stop_at_a_schema(
    orion: Orion, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for url in fresh_database("postgres", tmp_path, empty=True):
        monkeypatch.setenv("ORION_DATABASE_URL", url)
        assert "with schema 2." in orion("database", "upgrade", "-y", "-r", "2").out
        assert next(step.number for step in upkeep.pending(url)) == 3


@pytest.mark.row("CLI-03")
@pytest.mark.row("DB-09")
def test_a_dry_run_prints_the_sql_and_makes_nothing(orion: Orion, home: Path) -> None:
    text = orion("database", "upgrade", "--dry-run").out
    assert "CREATE TABLE flow_run " in text and text.startswith("-- 0001")
    assert not (home / "orion.db").exists()


@pytest.mark.row("CLI-03")
@pytest.mark.row("DB-09")
def test_downgrade_puts_the_newest_backup_of_an_older_schema_back(orion: Orion, file: Path) -> None:
    def backup(schema: int, moment: int) -> str:
        copy = orion("database", "backup").out.strip()
        set_version(Path(copy), schema)
        os.utime(copy, (moment, moment))
        return copy

    now = latest("sqlite")
    own = backup(now, 4000)
    assert "lies no backup of an older schema" in orion("database", "downgrade", "-y", code=1).err
    oldest, last = backup(now - 2, 1000), backup(now - 1, 3000)
    orion("database", "reset", "-y")
    told = orion("database", "downgrade", "--dry-run").out
    assert told.startswith(f"{last} (schema {now - 1}) would take the place of ") and rows(file) == 0
    assert oldest in orion("database", "downgrade", "--dry-run", "-r", str(now - 2)).out
    assert "no backup of the schema 1." in orion("database", "downgrade", "-r", "1", code=1).err
    assert "add --yes" in orion("database", "downgrade", code=2).err and rows(file) == 0
    assert last in orion("database", "downgrade", "-y").out
    assert rows(file) == 1
    set_version(file, 9999)  # a newer orion was here: what this one can use comes back
    assert own in orion("database", "downgrade", "-y").out
    assert orion("database", "check").out.endswith("is sound.\n")


def test_restore_takes_a_named_backup_and_refuses_a_missing_one(orion: Orion, file: Path) -> None:
    first = orion("database", "backup").out.strip()
    orion("database", "reset", "-y")
    orion("database", "backup")
    orion("database", "restore", first, "-y")
    assert rows(file) == 1
    for none in (file.with_name("nowhere"), file.parent):
        assert f"There is no backup {none}." in orion("database", "restore", str(none), "-y", code=1).err


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


def test_stats_tell_the_rows_and_the_size_of_each_table(orion: Orion, file: Path) -> None:
    found = json.loads(orion("database", "stats", "--json").out)
    rows_of = {table["name"]: table["rows"] for table in found["tables"]}
    assert (rows_of["flow"], rows_of["flow_run"]) == (1, 0)
    assert (found["bytes"], found["schema_version"]) == (file.stat().st_size, latest("sqlite"))
    lines = orion("database", "stats").out.splitlines()
    assert any(line.split("\t")[:2] == ["flow", "1"] for line in lines)
    file.unlink()
    assert json.loads(orion("database", "stats", "--json").out)["tables"] == []


def test_a_vacuum_gives_the_room_of_deleted_rows_back(orion: Orion, file: Path) -> None:
    with closing(sqlite3.connect(file)) as raw, raw:
        raw.executemany(
            "INSERT INTO flow (id, created, updated, name) VALUES (?, 0, 0, ?)",
            [(str(n), "x" * 500 + str(n)) for n in range(2, 2000)],
        )
    with closing(sqlite3.connect(file)) as raw, raw:
        raw.execute("DELETE FROM flow WHERE id <> '1'")
    assert json.loads(orion("database", "stats", "--json").out)["free"] > 1_000_000
    gave = json.loads(orion("database", "vacuum", "--json").out)
    assert gave["after"] == file.stat().st_size < gave["before"] - 1_000_000
    assert rows(file) == 1
    owned = Ownership(file, "http://127.0.0.1:4200/api")
    assert "127.0.0.1:4200" in orion("database", "vacuum", code=3).err
    owned.release()


def test_a_backup_goes_where_it_is_told_and_never_over_a_file(
    orion: Orion, file: Path, tmp_path: Path
) -> None:
    target = tmp_path / "copy.db"
    said = json.loads(orion("database", "backup", str(target), "--json").out)
    assert said == {"file": str(target), "bytes": target.stat().st_size} and rows(target) == 1
    assert "is there already" in orion("database", "backup", str(target), code=1).err
    answer = json.loads(orion("database", "check", "--json").out)
    assert (answer["sound"], answer["faults"]) == (True, [])


@pytest.mark.postgres
def test_postgres_is_copied_put_back_measured_and_vacuumed(
    orion: Orion, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from tests import databases

    url, copy = databases.new_postgres(alone=True), str(tmp_path / "copy.zip")
    monkeypatch.setenv("ORION_DATABASE_URL", url)
    try:
        with closing(open_store(url)) as store:
            world = World(store)
            run = world.flow_run("RUNNING", tags=["a\tb\\", "ü"])
            world.task_run(run.id)
            before = everything(store)
        orion("database", "backup", copy)
        orion("database", "reset", "-y")
        with closing(open_store(url)) as store:
            assert everything(store) != before
            assert "other sessions" in orion("database", "restore", copy, "-y", code=3).err
        orion("database", "restore", copy, "-y")
        with closing(open_store(url)) as store:
            assert everything(store) == before
            world.store = store
            assert world.flow(run.id, "COMPLETED").status == "ACCEPT"
        sizes = {
            table["name"]: table["rows"]
            for table in json.loads(orion("database", "stats", "--json").out)["tables"]
        }
        assert (sizes["flow_run"], sizes["task_run"], sizes["flow_run_state"]) == (1, 1, 2)
        assert json.loads(orion("database", "vacuum", "--full", "--json").out)["after"] > 0
        assert "is sound" in orion("database", "check").out
        (tmp_path / "odd.zip").write_bytes(b"no zip")
        assert "is no backup" in orion("database", "restore", str(tmp_path / "odd.zip"), "-y", code=3).err
    finally:
        databases.drop_postgres(url)


def everything(store: Store) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of what a copy must bring back."""
    tables = ("flow", "flow_run", "flow_run_state", "flow_run_tag", "task_run", "task_run_state", "counter")
    return {
        table: sorted(store.read_now(lambda conn, t=table: conn.all(f"SELECT * FROM {t}")), key=repr)
        for table in tables
    }
