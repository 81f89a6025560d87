"""A journal that was cut or scrambled by a power cut: what is left is a prefix of what was committed."""

from __future__ import annotations

import random
import shutil
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from orion.store import Conn, open_store
from orion.store.url import parse
from tests import databases

pytestmark = pytest.mark.fault

OFFSETS = 200
MOST = 400  # writes: two pages each, and none is moved into the file before there are 1,000


def number(conn: Conn, value: int) -> None:
    sql = "INSERT INTO setting (name, value, updated) VALUES (:name, 'x', 0)"
    conn.run(sql, {"name": f"{value:06}"})


def copies_under_load(url: str, folder: Path) -> list[tuple[Path, int]]:
    """Copies of the journal at moments under load, each with how many writes were answered before it."""
    path = parse(url).path
    assert path is not None
    store = open_store(url)
    answered, stop = [0], threading.Event()

    def write() -> None:
        while not stop.is_set() and answered[0] < MOST:
            store.write_now(number, answered[0])
            answered[0] += 1

    writer = threading.Thread(target=write)
    writer.start()
    found = []
    for moment in range(5):
        while answered[0] < (moment + 1) * 30:
            stop.wait(0.001)
        before = answered[0]
        shutil.copyfile(f"{path}-wal", folder / f"{moment}.wal")
        found.append((folder / f"{moment}.wal", before))
    shutil.copyfile(path, folder / "main.db")
    stop.set()
    writer.join()
    store.close()
    return found


def kept(main: Path, journal: bytes, place: Path) -> list[str]:
    """What is read when a database is opened with this journal."""
    shutil.copyfile(main, place)
    place.with_name(f"{place.name}-wal").write_bytes(journal)
    place.with_name(f"{place.name}-shm").unlink(missing_ok=True)
    with closing(sqlite3.connect(place)) as raw:
        assert raw.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return [name for (name,) in raw.execute("SELECT name FROM setting ORDER BY name")]


def test_a_torn_journal_leaves_a_prefix_of_the_commits(tmp_path: Path) -> None:
    chance = random.Random(7)
    journals = copies_under_load(databases.new_sqlite(tmp_path), tmp_path)
    for journal, answered in journals:
        whole = journal.read_bytes()
        names = kept(tmp_path / "main.db", whole, tmp_path / "whole.db")
        assert names == prefix(names)
        assert len(names) >= answered
        for _ in range(OFFSETS // len(journals)):
            cut = chance.randrange(len(whole))
            torn = whole[:cut] if chance.random() < 0.5 else whole[:cut] + chance.randbytes(len(whole) - cut)
            left = kept(tmp_path / "main.db", torn, tmp_path / "torn.db")
            assert left == prefix(left)


def prefix(names: list[str]) -> list[str]:
    return [f"{value:06}" for value in range(len(names))]
