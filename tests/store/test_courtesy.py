"""Courtesy: processes that write one SQLite file let each other write, and what can wait goes last."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from orion.errors import Busy
from orion.store import Conn, Lane, checkpoints, sqlite_conn, writer
from orion.store.base import Options, Role
from orion.store.courtesy import Courtesy
from orion.store.sqlite import SqliteStore
from orion.store.url import parse
from tests.servers import eventually
from tests.store.test_checkpoints import laps, opened, setting


def beside(store: SqliteStore, role: Role = Role.CLOCK, options: Options | None = None) -> SqliteStore:
    """Another writer of the same file, as in a process of its own."""
    return SqliteStore(parse(f"sqlite:///{store.path}"), role=role, options=options)


class Planning:
    """A clock that writes without a pause, and how many of its writes are done."""

    def __init__(self, clock: SqliteStore) -> None:
        self.done = 0
        self.clock, self.over = clock, threading.Event()

    def write(self, conn: Conn) -> None:
        setting(conn, f"planned {self.done:06}")
        time.sleep(0.005)
        self.done += 1

    def run(self) -> None:
        while not self.over.is_set():
            self.clock.write_now(self.write, lane=Lane.LOW, durable=False)


@contextmanager
def planning(store: SqliteStore) -> Iterator[Planning]:
    with closing(beside(store)) as clock:
        work = Planning(clock)
        thread = threading.Thread(target=work.run)
        thread.start()
        try:
            eventually(lambda: work.done > 0)
            yield work
        finally:
            work.over.set()
            thread.join()


def test_a_clock_that_writes_without_a_pause_lets_a_server_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(opened(tmp_path)) as server, planning(server) as clock:
        meanwhile: list[int] = []
        courtesy = server._writer._courtesy
        begin = courtesy.begin

        def counted(raw: sqlite3.Connection, seconds: float) -> None:
            before = clock.done
            begin(raw, seconds)
            meanwhile.append(clock.done - before)

        monkeypatch.setattr(courtesy, "begin", counted)
        for number in range(20):
            before = clock.done
            server.write_now(setting, f"state {number}")
            eventually(lambda: clock.done > before)  # noqa: B023 - it goes on meanwhile
    assert len(meanwhile) == 20 and sorted(meanwhile)[10] <= 5 and sum(meanwhile) <= 40, meanwhile


def test_maintenance_waits_for_others_but_not_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "LOW_WAITS", 1e9)
    with closing(opened(tmp_path)) as clock, ThreadPoolExecutor(1) as pool:
        with Courtesy(clock.path).waiting():
            assert Courtesy(clock.path).others_wait()
            low = pool.submit(clock.write_now, setting, "low", lane=Lane.LOW)
            eventually(lambda: clock._writer._lanes[Lane.LOW])
            clock.write_now(setting, "state")
            assert not low.done()
        low.result(30)
        monkeypatch.setattr(writer, "LOW_WAITS", 0.05)
        with Courtesy(clock.path).waiting():
            clock.write_now(setting, "later", lane=Lane.LOW)
    assert not Courtesy(clock.path).others_wait()


def test_who_waits_in_vain_is_told_that_the_database_is_held(tmp_path: Path) -> None:
    with closing(opened(tmp_path)) as server:
        with (
            closing(beside(server, options=Options(busy=0.05))) as other,
            closing(sqlite_conn.connect(server.path, busy=1)) as held,
        ):
            held.execute("BEGIN IMMEDIATE")
            with pytest.raises(Busy):
                other.write_now(setting, "late")
            held.execute("ROLLBACK")
            other.write_now(setting, "in time")


def test_the_log_that_another_process_makes_long_starts_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoints, "LOG_BYTES", 200_000)
    monkeypatch.setattr(checkpoints, "LOOK_SECONDS", 0.02)
    moved, move = set(), checkpoints._move

    def watched(raw: sqlite3.Connection) -> int:
        moved.add((threading.current_thread().name, Courtesy(server.path).others_wait()))
        return move(raw)

    monkeypatch.setattr(checkpoints, "_move", watched)
    with closing(opened(tmp_path)) as server:
        server.write_now(setting, "first")
        before = laps(server)
        with planning(server):
            eventually(lambda: laps(server) > before)
            eventually(lambda: ("orion-writer", True) in moved)  # who had nothing to write, while the clock waits
    assert {("orion-checkpoints", False), ("orion-checkpoints", True)} <= moved
