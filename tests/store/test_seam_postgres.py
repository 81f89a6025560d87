"""What PostgreSQL adds to the seam: cut connections, second tries, relaxed commits, other processes' news."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import psycopg
import pytest
from psycopg import errors as pg

from orion import errors
from orion.store import Conn, Store
from orion.store.base import Options
from orion.store.postgres import PostgresStore
from orion.store.url import parse
from tests import databases
from tests.store.test_seam import names, put
from tests.store.test_seam_bus import PATIENCE, tell

pytestmark = pytest.mark.postgres

CUT = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


@pytest.fixture
def url() -> Iterator[str]:
    made = databases.new_postgres()
    yield made
    databases.drop_postgres(made)


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    opened = PostgresStore(parse(url), options=Options(busy=10, pool=4))
    yield opened
    opened.close()


def cut_connections(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as raw:
        raw.execute(CUT)


@pytest.mark.fault
def test_cut_connections_are_replaced_without_an_error(store: Store, url: str) -> None:
    async def crowd(first: int) -> None:
        await asyncio.gather(*[store.write(put, f"n{number:02}") for number in range(first, first + 8)])

    asyncio.run(crowd(0))
    cut_connections(url)
    asyncio.run(crowd(8))
    assert store.read_now(names) == [f"n{number:02}" for number in range(16)]


@pytest.mark.parametrize("error", [pg.SerializationFailure, pg.DeadlockDetected, psycopg.OperationalError])
def test_a_write_that_lost_a_race_is_done_once_more(store: Store, error: type[Exception]) -> None:
    tries: list[str] = []

    def lose_once(conn: Conn) -> str:
        tries.append("try")
        put(conn, f"{len(tries)}")
        if len(tries) == 1:
            raise error("lost")
        return "won"

    assert store.write_now(lose_once) == "won"
    assert store.read_now(names) == ["2"]


def test_a_write_that_loses_twice_is_busy(store: Store) -> None:
    def lose(conn: Conn) -> None:
        raise pg.SerializationFailure("lost")

    with pytest.raises(errors.Busy, match="lost"):
        store.write_now(lose)


@pytest.mark.parametrize(("durable", "level"), [(True, "on"), (False, "off")])
def test_a_relaxed_write_does_not_wait_for_the_disk(store: Store, durable: bool, level: str) -> None:
    assert store.write_now(lambda conn: conn.one("SHOW synchronous_commit"), durable=durable) == (level,)
    assert store.write_now(lambda conn: conn.one("SHOW synchronous_commit")) == ("on",)


@pytest.mark.row("DB-06")
def test_a_slow_statement_is_stopped(url: str) -> None:
    def slow(conn: Conn) -> Any:
        return conn.one("SELECT pg_sleep(20)")

    with closing(PostgresStore(parse(url), options=Options(timeout=0.5))) as store:
        with pytest.raises(errors.QueryTooSlow, match="narrow the filter") as read:
            store.read_now(slow)
        with pytest.raises(errors.QueryTooSlow) as write:
            store.write_now(slow)
        assert (read.value.status, write.value.status) == (422, 503)
        assert store.write_now(put, "a") == "a"


def test_what_is_asked_often_is_planned_once_and_nothing_is_compiled(store: Store) -> None:
    def known(conn: Conn) -> tuple[Any, ...] | None:
        for n in range(4):
            conn.one("SELECT CAST(:n AS BIGINT) AS often", {"n": n})
        conn.one("SELECT 1 AS seldom")
        asked = "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE :like"
        (often,), (seldom,), (jit,) = (
            conn.one(asked, {"like": "%AS often"}) or (),
            conn.one(asked, {"like": "%AS seldom"}) or (),
            conn.one("SHOW jit") or (),
        )
        return often, seldom, jit

    assert store.read_now(known) == (1, 0, "off")


def test_a_nul_in_a_text_is_the_callers_fault(store: Store) -> None:
    with pytest.raises(errors.Invalid):
        store.write_now(put, "a\x00b")
    assert store.read_now(names) == []


@pytest.mark.fault
def test_a_listener_that_was_cut_off_listens_again(store: Store, url: str) -> None:
    async def listen() -> list[set[str]]:
        heard = []
        with store.bus.subscribe(["runs"]) as subscription:
            heard.append(await subscription.wait(PATIENCE))
            await asyncio.to_thread(cut_connections, url)
            heard.append(await subscription.wait(PATIENCE))
            await store.write(tell, "a", "runs")
            heard.append(await subscription.wait(PATIENCE))
        return heard

    assert asyncio.run(listen()) == [{"*"}, {"*"}, {"runs"}]


def test_statements_can_be_logged(url: str, caplog: pytest.LogCaptureFixture) -> None:
    store = PostgresStore(parse(url), options=Options(echo=True))
    with caplog.at_level(logging.INFO, "orion.store.sql"):
        store.read_now(names)
    store.close()
    assert any("FROM setting" in message for message in caplog.messages)
