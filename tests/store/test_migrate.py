"""The schema's history: made, upgraded, interrupted, refused; the same on both databases."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from orion import errors
from orion.store import Conn, Role, migrate, open_store, sqlite_conn
from orion.store.base import Options
from orion.store.lock import turn
from orion.store.migrate import Step, latest, steps
from orion.store.url import parse
from tests.conftest import fresh_database
from tests.store.test_seam import names, put

GROW = Step(9001, "grow", "CREATE TABLE grown (id TEXT);\nINSERT INTO grown VALUES ('x');\n")
BREAK = Step(9002, "break", "CREATE TABLE broken (id TEXT);\nINSERT INTO nowhere VALUES ('x');\n")


def version(conn: Conn) -> int:
    sql = "PRAGMA user_version" if conn.dialect == "sqlite" else "SELECT MAX(version) FROM schema_version"
    row = conn.one(sql)
    assert row is not None
    return int(row[0])


def tables(conn: Conn) -> dict[str, set[str]]:
    """Every table's columns."""
    if conn.dialect == "sqlite":
        found = conn.all("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
        return {name: {row[1] for row in conn.all(f"PRAGMA table_info({name})")} for (name,) in found}
    columns = conn.all(
        "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'"
    )
    return {name: {column for table, column in columns if table == name} for name, _ in columns}


def add(monkeypatch: pytest.MonkeyPatch, *more: Step) -> None:
    """A later orion, with more steps."""
    known = {dialect: (*steps(dialect), *more) for dialect in ("sqlite", "postgres")}
    monkeypatch.setattr(migrate, "steps", lambda dialect: known[dialect])


@pytest.mark.row("DB-01")
@pytest.mark.row("DB-07")
def test_the_first_opening_makes_the_latest_schema(empty_url: str) -> None:
    store = open_store(empty_url)
    assert store.read_now(version) == latest(store.dialect)
    store.close()


def test_both_databases_get_the_same_tables_and_columns(tmp_path: Path) -> None:
    found = []
    for kind in ("sqlite", "postgres"):
        for url in fresh_database(kind, tmp_path):
            store = open_store(url)
            found.append(store.read_now(tables))
            store.close()
    found[1].pop("schema_version")
    assert found[0] == found[1]
    assert len(found[0]) > 30


@pytest.mark.row("DB-07")
def test_an_upgrade_keeps_the_rows(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    store = open_store(database_url)
    store.write_now(put, "kept")
    store.close()
    add(monkeypatch, GROW)
    store = open_store(database_url)
    assert store.read_now(names) == ["kept"]
    assert store.read_now(lambda conn: conn.all("SELECT id FROM grown")) == [("x",)]
    assert store.read_now(version) == GROW.number
    store.close()


def test_a_failing_step_leaves_the_steps_before_it_and_nothing_of_its_own(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(monkeypatch, GROW, BREAK)
    with pytest.raises(errors.DatabaseError):
        open_store(database_url)
    monkeypatch.undo()
    add(monkeypatch, GROW)
    store = open_store(database_url)
    assert store.read_now(version) == GROW.number
    assert "broken" not in store.read_now(tables)
    store.close()


def test_a_database_from_the_future_is_refused_and_left_alone(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(monkeypatch, GROW)
    open_store(database_url).close()
    monkeypatch.undo()
    path = parse(database_url).path
    before = path and path.read_bytes()
    with pytest.raises(errors.DatabaseFromFuture, match="Upgrade orion") as caught:
        open_store(database_url)
    assert caught.value.exit_code == 3
    assert before == (path and path.read_bytes())


OPEN = (
    "import sys; from orion.store import Role, open_store; open_store(sys.argv[1], role=Role.CLOCK).close()"
)


def test_two_processes_may_make_the_schema_at_once(empty_url: str) -> None:
    children = [subprocess.Popen([sys.executable, "-c", OPEN, empty_url]) for _ in range(3)]
    assert [child.wait(60) for child in children] == [0, 0, 0]
    store = open_store(empty_url)
    assert store.read_now(version) == latest(store.dialect)
    store.close()


DIE = """
import os, sys
from orion.store import migrate, open_store

whole = migrate._statements

def cut(text):
    for number, statement in enumerate(whole(text)):
        if number == int(sys.argv[2]):
            os._exit(137)
        yield statement

migrate._statements = cut
open_store(sys.argv[1])
"""


@pytest.mark.fault
@pytest.mark.parametrize("statement", [0, 1, 40, 100])
def test_a_crash_in_the_middle_leaves_the_old_schema(tmp_path: Path, statement: int) -> None:
    url = f"sqlite:///{tmp_path}/orion.db"
    died = subprocess.run([sys.executable, "-c", DIE, url, str(statement)])
    assert died.returncode == 137
    with closing(sqlite3.connect(tmp_path / "orion.db")) as raw:
        done = raw.execute("PRAGMA user_version").fetchone()[0]
        made = raw.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        assert (made > 0) == (done > 0)
    store = open_store(url)
    assert store.read_now(version) == latest("sqlite")
    store.close()


def test_a_file_is_copied_before_its_upgrade(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path = parse(sqlite_url).path
    assert path is not None
    assert migrate.backup.newest(path) is None
    add(monkeypatch, GROW)
    open_store(sqlite_url).close()
    copy = migrate.backup.newest(path)
    assert copy is not None
    monkeypatch.undo()
    migrate.backup.restore(path)
    store = open_store(sqlite_url)
    assert store.read_now(version) == latest("sqlite")
    assert "grown" not in store.read_now(tables)
    store.close()


@pytest.mark.row("DB-07")
@pytest.mark.parametrize("before", [0, 2])
def test_many_that_open_a_file_at_once_upgrade_it_once_and_copy_it_once(tmp_path: Path, before: int) -> None:
    path = tmp_path / "orion.db"
    migrate.sqlite(path, Options(), until=before)
    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(lambda _: migrate.sqlite(path, Options()), range(8)))
    assert sorted(taken) == [0] * 7 + [latest("sqlite") - before]
    assert [migrate.backup.schema_of(copy) for copy in migrate.backup.copies(path)] == [before] * (before > 0)


def test_an_upgrade_that_another_process_holds_up_says_so(tmp_path: Path) -> None:
    path = tmp_path / "orion.db"
    with turn(path, 0), pytest.raises(errors.Busy, match="is being upgraded or copied by another process"):
        migrate.sqlite(path, Options(busy=0.05))
    assert migrate.sqlite(path, Options()) == latest("sqlite")


def test_a_backup_is_not_put_back_under_a_running_server(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = parse(sqlite_url).path
    assert path is not None
    add(monkeypatch, GROW)
    store = open_store(sqlite_url)
    with pytest.raises(errors.DatabaseOwned):
        migrate.backup.restore(path)
    store.close()


def test_nothing_pending_loads_no_sqlite_utils(sqlite_url: str) -> None:
    code = f"{OPEN}; print('sqlite_utils' in sys.modules, 'psycopg' in sys.modules)"
    said = subprocess.run(
        [sys.executable, "-c", code, sqlite_url], capture_output=True, text=True, check=True
    )
    assert said.stdout == "False False\n"


@pytest.mark.parametrize("content", [b"this is no database" * 300, b"SQLite format 3\x00" + b"\xff" * 5000])
def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "orion.db"
    path.write_bytes(content)
    with pytest.raises(errors.DatabaseCorrupt, match=r"orion\.db is damaged") as caught:
        open_store(f"sqlite:///{path}")
    assert caught.value.exit_code == 3
    assert path.read_bytes() == content


def test_somebody_elses_database_is_refused(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "shop.db")) as raw:
        raw.execute("CREATE TABLE customers (name TEXT)")
    with pytest.raises(errors.DatabaseError, match="not orion's"):
        open_store(f"sqlite:///{tmp_path}/shop.db")


@pytest.mark.fault
def test_damage_is_found_at_the_start_after_an_unclean_end(sqlite_url: str) -> None:
    path = parse(sqlite_url).path
    assert path is not None
    content = bytearray(path.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 4096 * 3] = b"\xa5" * (4096 * 3)
    path.write_bytes(content)
    (path.parent / f"{path.name}.lock").write_text('{"pid": 1, "url": ""}')
    with pytest.raises(errors.DatabaseCorrupt, match="damaged"):
        open_store(sqlite_url)


@pytest.mark.parametrize("path", ["/dev/null/orion.db", "/proc/orion.db"])
def test_a_path_that_cannot_be_written_is_a_clear_refusal(path: str) -> None:
    with pytest.raises(errors.DatabaseError, match="cannot be opened"):
        open_store(f"sqlite:///{path}")


@pytest.mark.parametrize(("free", "told"), [(0, "its disk is full. Make room there"), (10**9, "disk I/O error.")])
def test_a_disk_that_is_full_is_told_as_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, told: str
) -> None:
    """SQLite, which cannot make the file's companions then, speaks of an I/O error."""
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode = sqlite3.SQLITE_IOERR_SHMSIZE
    monkeypatch.setattr(migrate, "disk_usage", lambda path: SimpleNamespace(free=free))
    refusal = migrate._refusal(error, tmp_path / "o.db")
    assert isinstance(refusal, errors.DatabaseError) and told in str(refusal)


def test_a_postgres_that_is_not_there_is_a_clear_refusal(tmp_path: Path) -> None:
    with pytest.raises(errors.DatabaseError, match="cannot be reached") as caught:
        open_store(f"postgresql://me:secret@/name?host={tmp_path}")
    assert "secret" not in str(caught.value)


@pytest.mark.row("DB-04")
def test_a_database_in_memory_leaves_nothing_behind() -> None:
    store: Any = open_store("sqlite://")
    store.write_now(put, "a")
    assert store.read_now(names) == ["a"]
    folder = store.path.parent
    store.close()
    assert not folder.exists()


def test_the_role_of_a_program_without_a_server_upgrades_too(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path}/orion.db", role=Role.EPHEMERAL)
    assert store.write_now(put, "a") == "a"
    store.close()


def test_the_number_of_a_step_is_committed_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a crash leaves, the number says which steps are in the file."""
    told: list[str] = []

    def connect(*args: Any, **options: Any) -> sqlite3.Connection:
        raw = sqlite_conn.connect(*args, **options)
        raw.set_trace_callback(told.append)
        return raw

    monkeypatch.setattr(migrate, "connect", connect)
    migrate.sqlite(tmp_path / "new.db", Options())
    ends = [told[at - 1] for at, text in enumerate(told) if text == "COMMIT"]
    assert ends == [f"PRAGMA user_version = {step.number}" for step in steps("sqlite")]
