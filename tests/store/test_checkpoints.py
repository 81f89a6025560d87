"""Checkpoints: a server moves its log into the file beside the writer, and the log does not grow for ever."""

from __future__ import annotations

import itertools
import shutil
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from orion.store import Conn, Lane, checkpoints, sqlite, writer
from orion.store.base import Role
from orion.store.sqlite import SqliteStore
from orion.store.url import parse
from tests import databases
from tests.servers import eventually


def setting(conn: Conn, name: str) -> None:
    conn.run("INSERT INTO setting (name, value, updated) VALUES (:name, 'x', 0)", {"name": name})


def many(conn: Conn, first: int, count: int) -> None:
    for number in range(first, first + count):
        setting(conn, f"{number:06}")


def opened(folder: Path, role: Role = Role.SERVER) -> SqliteStore:
    return SqliteStore(parse(databases.new_sqlite(folder)), role=role)


def in_the_file(store: SqliteStore, folder: Path) -> int:
    """The rows that are read without the log."""
    copy = shutil.copyfile(store.path, folder / "copy.db")
    with closing(sqlite3.connect(f"file:{copy}?immutable=1", uri=True)) as raw:
        return int(raw.execute("SELECT count(*) FROM setting WHERE value = 'x'").fetchone()[0])


def test_a_thread_moves_the_log_of_a_server_into_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sqlite.LOG_PAGES_OF, Role.SERVER, 0)  # the writer itself never does
    monkeypatch.setattr(checkpoints, "ROWS", 100)
    with closing(opened(tmp_path)) as store:
        store.write_now(many, 0, 99)
        assert in_the_file(store, tmp_path) == 0
        store.write_now(many, 99, 1)
        eventually(lambda: in_the_file(store, tmp_path) == 100)


def laps(store: SqliteStore) -> int:
    """How often the log has been started anew: it is written in its header."""
    return int.from_bytes(Path(f"{store.path}-wal").read_bytes()[12:16], "big")


def test_a_log_that_is_written_to_all_the_time_starts_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sqlite.LOG_PAGES_OF, Role.SERVER, 0)  # no commit does it
    monkeypatch.setattr(checkpoints, "LOG_PAGES", 50)
    monkeypatch.setattr(checkpoints, "ROWS", 20)
    with closing(opened(tmp_path)) as store:
        store.write_now(setting, "first")
        numbers, before = itertools.count(), laps(store)

        def starts_anew() -> bool:
            for number in itertools.islice(numbers, 100):
                store.write_now(setting, f"{number:06}", durable=False)
            return laps(store) > before + 1

        eventually(starts_anew)
        written = next(numbers)
    assert in_the_file(store, tmp_path) == written + 1


def test_maintenance_waits_for_the_end_of_a_long_log_but_not_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "LOW_WAITS", 1e9)
    with closing(opened(tmp_path)) as store:
        store.write_now(setting, "first")
        assert store._checkpoints is not None
        store._checkpoints.is_long = True
        with ThreadPoolExecutor(1) as pool:
            low = pool.submit(store.write_now, setting, "low", lane=Lane.LOW)
            store.write_now(setting, "state")
            assert not low.done()
            store._checkpoints._is_ripe = True  # the thread was there: the writer brings it to its end
            low.result(30)
        assert not store._checkpoints.is_long
        monkeypatch.setattr(writer, "LOW_WAITS", 0.2)
        store._checkpoints.is_long = True
        store.write_now(setting, "later", lane=Lane.LOW)


def test_a_clock_beside_a_server_leaves_the_log_to_it(tmp_path: Path) -> None:
    with closing(opened(tmp_path)), closing(opened(tmp_path, Role.CLOCK)) as clock:
        clock.write_now(many, 0, 2 * checkpoints.ROWS)
        assert in_the_file(clock, tmp_path) == 0
