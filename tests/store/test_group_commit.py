"""SQLite's writer: groups, lanes, savepoints, and what happens when the file is held, full or the process killed."""

from __future__ import annotations

import logging
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from orion import errors
from orion.store import Conn, Lane, Store, writer
from orion.store.base import Options
from orion.store.sqlite import SqliteStore
from orion.store.url import parse
from orion.store.writer import LOW_WAITS
from tests.store.test_seam import names, put

ENDLESS = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT MAX(i) FROM n"


class Crowd:
    """Writes that all wait while the writer is held, so that they make one group."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.pool = ThreadPoolExecutor(32)
        self._held, self._go = threading.Event(), threading.Event()

    def __enter__(self) -> Crowd:
        self.hold = self.pool.submit(self.store.write_now, self._wait)
        assert self._held.wait(60)
        return self

    def _wait(self, conn: Conn) -> None:
        self._held.set()
        self._go.wait(60)

    def write(self, fn: Callable[..., Any], *args: Any, **kw: Any) -> Future[Any]:
        before = self.store._writer._queue.qsize()  # type: ignore[attr-defined]
        future = self.pool.submit(self.store.write_now, fn, *args, **kw)
        while self.store._writer._queue.qsize() == before:  # type: ignore[attr-defined]
            time.sleep(0.001)
        return future

    def __exit__(self, *error: object) -> None:
        self._go.set()
        self.pool.shutdown()


@contextmanager
def opened(url: str, **options: Any) -> Iterator[Store]:
    store = SqliteStore(parse(url), options=Options(**options))
    try:
        yield store
    finally:
        store.close()


def test_writes_that_wait_share_one_commit(
    sqlite_url: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "GROUP_SECONDS", 60)  # however slow the machine is
    with opened(sqlite_url, echo=True) as store, caplog.at_level(logging.INFO, "orion.store.sql"):
        with Crowd(store) as crowd:
            caplog.clear()
            answers = [crowd.write(put, f"n{number:02}") for number in range(20)]
        assert [answer.result() for answer in answers] == names_of(20)
        assert caplog.messages.count("COMMIT") == 2  # the one that held the writer, then all the others
        assert store.read_now(names) == names_of(20)


def names_of(count: int) -> list[str]:
    return [f"n{number:02}" for number in range(count)]


def test_one_bad_write_hurts_none_of_its_group(sqlite_store: Store) -> None:
    def bad(conn: Conn) -> None:
        put(conn, "half")
        raise ValueError("bad")

    with Crowd(sqlite_store) as crowd:
        first, broken = crowd.write(put, "a"), crowd.write(bad)
        twice, last = crowd.write(put, "a"), crowd.write(put, "b")
    assert (first.result(), last.result()) == ("a", "b")
    assert isinstance(broken.exception(), ValueError)
    assert isinstance(twice.exception(), errors.Conflict)
    assert sqlite_store.read_now(names) == ["a", "b"]


def test_an_error_that_undoes_the_transaction_undoes_only_its_own_write(sqlite_url: str) -> None:
    endless = f"INSERT INTO setting (name, value, updated) {ENDLESS.replace('MAX(i)', 'i, i, i')}"
    with opened(sqlite_url, timeout=0.2) as store:
        with Crowd(store) as crowd:
            first, slow, last = (
                crowd.write(put, "a"),
                crowd.write(lambda c: c.run(endless)),
                crowd.write(put, "b"),
            )
        assert (first.result(), last.result()) == ("a", "b")
        assert isinstance(slow.exception(), errors.QueryTooSlow)
        assert store.read_now(names) == ["a", "b"]


def test_states_go_before_logs_and_logs_before_maintenance(sqlite_store: Store) -> None:
    order: list[str] = []
    with Crowd(sqlite_store) as crowd:
        for lane in (Lane.LOW, Lane.LOG, Lane.STATE, Lane.LOW, Lane.STATE):
            crowd.write(lambda conn, lane=lane: order.append(lane.name), lane=lane)
    assert order == ["STATE", "STATE", "LOG", "LOW", "LOW"]


def test_maintenance_shares_a_commit_until_states_come(
    sqlite_url: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "GROUP_SECONDS", 60)  # however slow the machine is
    order: list[str] = []

    def slow(conn: Conn, name: str, state: bool = False) -> None:
        order.append(put(conn, name))
        if state:
            pool.submit(store.write_now, put_last, "state")
            while not store._writer._queue.qsize():  # type: ignore[attr-defined]
                time.sleep(0.001)

    def put_last(conn: Conn, name: str) -> None:
        order.append(put(conn, name))

    with opened(sqlite_url, echo=True) as store, caplog.at_level(logging.INFO, "orion.store.sql"):
        pool = ThreadPoolExecutor(1)
        with Crowd(store) as crowd:
            caplog.clear()
            crowd.write(slow, "a", lane=Lane.LOW)
            crowd.write(slow, "b", True, lane=Lane.LOW)
            crowd.write(slow, "c", lane=Lane.LOW)
        pool.shutdown()
        assert order == ["a", "b", "state", "c"]
        assert caplog.messages.count("COMMIT") == 4  # the one that held the writer, a and b, the state, c


def test_maintenance_is_done_in_bounded_time_however_many_states_come(sqlite_store: Store) -> None:
    stop = threading.Event()

    def flood() -> None:
        while not stop.is_set():
            sqlite_store.write_now(lambda conn: conn.one("SELECT 1"), durable=False)

    threads = [threading.Thread(target=flood) for _ in range(4)]
    for thread in threads:
        thread.start()
    began = time.monotonic()
    sqlite_store.write_now(put, "a", lane=Lane.LOW)
    took = time.monotonic() - began
    stop.set()
    for thread in threads:
        thread.join()
    assert took < 20 * LOW_WAITS


@pytest.mark.parametrize(("durable", "level"), [((True,), 2), ((False,), 1), ((False, True), 2)])
def test_only_a_group_without_durable_writes_skips_the_sync(
    sqlite_store: Store, durable: tuple[bool, ...], level: int
) -> None:
    def synchronous(conn: Conn) -> Any:
        return conn.one("PRAGMA synchronous")

    with Crowd(sqlite_store) as crowd:
        answers = [crowd.write(synchronous, durable=each) for each in durable]
    assert [answer.result() for answer in answers] == [(level,)] * len(durable)


def test_synchronous_normal_can_be_chosen(sqlite_url: str) -> None:
    with opened(sqlite_url, synchronous="normal") as store:
        assert store.write_now(lambda conn: conn.one("PRAGMA synchronous")) == (1,)


@pytest.mark.row("DB-05")
def test_pragmas(sqlite_store: Store) -> None:
    def ask(conn: Conn) -> list[Any]:
        return [conn.one(f"PRAGMA {name}") for name in ("journal_mode", "foreign_keys", "busy_timeout")]

    assert sqlite_store.write_now(ask) == [("wal",), (1,), (0,)]  # it asks again by itself, for `options.busy`
    assert sqlite_store.options.busy == 15
    assert sqlite_store.read_now(ask) == [("wal",), (1,), (15_000,)]


def test_a_file_held_by_another_process_is_busy_for_writers_only(sqlite_url: str) -> None:
    path = parse(sqlite_url).path
    assert path is not None
    with (
        opened(sqlite_url, busy=0.05) as store,
        closing(sqlite3.connect(path, isolation_level=None)) as other,
    ):
        store.write_now(put, "a")
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(errors.Busy) as caught:
            store.write_now(put, "b")
        assert caught.value.retry_after > 0
        assert store.read_now(names) == ["a"]
        other.execute("ROLLBACK")
        store.write_now(put, "b")
        assert store.read_now(names) == ["a", "b"]


def test_a_full_disk_refuses_writes_serves_reads_and_recovers(sqlite_store: Store) -> None:
    pages = sqlite_store.read_now(lambda conn: conn.one("PRAGMA page_count"))
    assert pages is not None
    sqlite_store.write_now(lambda conn: conn.one(f"PRAGMA max_page_count = {pages[0] + 20}"))
    kept = []
    with pytest.raises(errors.StorageFull):
        for number in range(100):
            kept.append(sqlite_store.write_now(put, f"{number:03}", "x" * 4000))
    assert kept
    assert sqlite_store.read_now(names) == kept
    sqlite_store.write_now(lambda conn: conn.one("PRAGMA max_page_count = 1000000"))
    assert sqlite_store.write_now(put, "later", "x" * 4000) == "later"


@pytest.mark.row("DB-06")
def test_a_slow_statement_is_stopped(sqlite_url: str) -> None:
    with opened(sqlite_url, timeout=0.1) as store:
        with pytest.raises(errors.QueryTooSlow, match="narrow the filter") as read:
            store.read_now(lambda conn: conn.one(ENDLESS))
        with pytest.raises(errors.QueryTooSlow) as write:
            store.write_now(lambda conn: conn.one(ENDLESS))
        assert (read.value.status, write.value.status) == (422, 503)
        assert store.write_now(put, "a") == "a"


def test_closing_finishes_what_was_asked_and_refuses_the_rest(sqlite_url: str) -> None:
    with opened(sqlite_url) as store:
        with Crowd(store) as crowd:
            answers = [crowd.write(put, f"n{number:02}") for number in range(5)]
            closing_ = crowd.pool.submit(store.close)
        closing_.result()
        assert [answer.result() for answer in answers] == names_of(5)
        with pytest.raises(errors.Busy):
            store.write_now(put, "late")


PAIRS = """
import sys, threading
from orion.store import Lane, open_store

store = open_store(sys.argv[1])
out = threading.Lock()

def pair(conn, name):
    for half in "ab":
        sql = "INSERT INTO setting (name, value, updated) VALUES (:name, '', 0)"
        conn.run(sql, {"name": f"{name}{half}"})

def work(thread):
    for number in range(10**9):
        name = f"{thread}-{number}"
        store.write_now(pair, name, lane=Lane(thread % 3))
        with out:
            print(name, flush=True)

for thread in range(12):
    threading.Thread(target=work, args=(thread,), daemon=True).start()
threading.Event().wait()
"""


@pytest.mark.fault
@pytest.mark.parametrize("after", [1, 60, 400])
def test_kill_9_loses_nothing_acknowledged_and_leaves_nothing_half(tmp_path: Path, after: int) -> None:
    url = f"sqlite:///{tmp_path}/orion.db"
    child = subprocess.Popen([sys.executable, "-c", PAIRS, url], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    acknowledged = [child.stdout.readline().strip() for _ in range(after)]
    child.kill()
    acknowledged += child.stdout.read().splitlines()[:-1]  # the last line may be cut
    child.wait()
    with opened(url) as store:
        kept = set(store.read_now(names))
        halves = {name[:-1] for name in kept}
        assert all(f"{name}{half}" in kept for name in halves for half in "ab")
        assert {name for name in acknowledged if name} <= halves
        assert store.read_now(lambda conn: conn.one("PRAGMA integrity_check")) == ("ok",)
