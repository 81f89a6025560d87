"""PostgreSQL restarts under load: every answered write is there, the rest is refused as busy, service comes back."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from orion.errors import Busy
from orion.store import Conn
from orion.store.base import Options
from orion.store.postgres import PostgresStore
from orion.store.url import parse
from tests import databases
from tests.store.test_seam import names, put

pytestmark = [pytest.mark.fault, pytest.mark.postgres]


def test_restarts_lose_nothing_that_was_answered(private_cluster: databases.Cluster) -> None:
    store = PostgresStore(parse(private_cluster.address("postgres")), options=Options(busy=10, pool=6))
    answered: list[str] = []
    refused: list[Busy] = []
    stop = threading.Event()

    def write(thread: int) -> None:
        number = 0
        while not stop.is_set():
            number += 1
            try:
                answered.append(store.write_now(upsert, f"{thread} {number}"))
            except Busy as error:
                refused.append(error)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for _ in range(2):
        wait_for_more(answered)
        private_cluster.restart()
    wait_for_more(answered)
    stop.set()
    for thread in threads:
        thread.join()
    assert set(answered) <= set(store.read_now(names))
    store.close()


def upsert(conn: Conn, name: str) -> str:
    """Idempotent, as every write of orion's."""
    if conn.one("SELECT 1 FROM setting WHERE name = :name", {"name": name}) is None:
        put(conn, name)
    return name


def wait_for_more(answered: list[str]) -> None:
    enough, pause = len(answered) + 50, threading.Event()
    for _ in range(3000):
        if len(answered) >= enough:
            return
        pause.wait(0.01)
    raise AssertionError("no write was answered for 30 s")


@pytest.fixture
def private_cluster() -> Iterator[databases.Cluster]:
    with databases.Cluster() as cluster:
        yield cluster
