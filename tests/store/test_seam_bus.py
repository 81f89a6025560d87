"""Wake-ups: within a process, and from another process on the same database."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys

import pytest

from orion.store import Conn, Store
from orion.store.base import Options
from orion.store.bus import Bus
from orion.store.listen import messages
from orion.store.sqlite import SqliteStore
from orion.store.url import parse
from tests.store.test_seam import names, put

PATIENCE = 20.0


def tell(conn: Conn, name: str, *topics: str) -> None:
    put(conn, name)
    for topic in topics:
        conn.publish(topic)


def fail(conn: Conn) -> None:
    conn.publish("runs")
    raise ValueError("told too early")


async def heard_of(store: Store, topics: list[str], *said: str) -> set[str]:
    with store.bus.subscribe(topics) as subscription:
        await settle(store, subscription)
        await store.write(tell, "a", *said)
        return await subscription.wait(PATIENCE)


async def settle(store: Store, subscription: object) -> None:
    """PostgreSQL says `*` once, when it begins to listen."""
    if store.dialect == "postgres":
        assert await subscription.wait(PATIENCE) == {"*"}  # type: ignore[attr-defined]


def test_a_waiter_hears_its_topics_and_no_others(store: Store) -> None:
    assert asyncio.run(heard_of(store, ["runs", "queue:x"], "runs", "queue:y")) == {"runs"}


def test_news_come_after_the_commit(store: Store) -> None:
    async def read_when_told() -> list[str]:
        with store.bus.subscribe(["runs"]) as subscription:
            await settle(store, subscription)
            writing = asyncio.create_task(store.write(tell, "a", "runs"))
            await subscription.wait(PATIENCE)
            seen = await store.read(names)
            await writing
            return seen

    assert asyncio.run(read_when_told()) == ["a"]


def test_a_failed_write_says_nothing(store: Store) -> None:
    async def listen() -> set[str]:
        with store.bus.subscribe(["runs", "end"]) as subscription:
            await settle(store, subscription)
            with pytest.raises(ValueError, match="too early"):
                await store.write(fail)
            await store.write(tell, "a", "end")
            return await subscription.wait(PATIENCE)

    assert asyncio.run(listen()) == {"end"}


def test_a_wait_ends_when_its_time_is_over(store: Store) -> None:
    async def wait() -> set[str]:
        with store.bus.subscribe(["nothing"]) as subscription:
            await settle(store, subscription)
            return await subscription.wait(0.05)

    assert asyncio.run(wait()) == set()


def test_who_has_stopped_listening_is_forgotten() -> None:
    async def come_and_go() -> None:
        with bus.subscribe(["a", "b"]):
            assert bus.awaited
        assert not bus.awaited

    bus = Bus()
    asyncio.run(come_and_go())
    bus.publish({"a"})


OTHER = """
import sys
from orion.store import Role, open_store
from tests.store.test_seam_bus import tell

store = open_store(sys.argv[1], role=Role.CLOCK)
store.write_now(tell, "from elsewhere", "queue:x")
store.close()
"""


def test_a_write_by_another_process_wakes_who_waits(store: Store, database_url: str) -> None:
    async def listen() -> tuple[set[str], list[str]]:
        with store.bus.subscribe(["queue:x"]) as subscription:
            await settle(store, subscription)
            child = await asyncio.to_thread(subprocess.run, [sys.executable, "-c", OTHER, database_url])
            assert child.returncode == 0
            return await subscription.wait(PATIENCE), await store.read(names)

    heard, seen = asyncio.run(listen())
    assert heard == ({"queue:x"} if store.dialect == "postgres" else {"*"})
    assert seen == ["from elsewhere"]


def test_what_another_process_wrote_just_before_is_news_too(sqlite_store: Store, sqlite_url: str) -> None:
    async def come_late() -> set[str]:
        with sqlite_store.bus.subscribe(["queue:x"]) as subscription:
            return await subscription.wait(PATIENCE)

    subprocess.run([sys.executable, "-c", OTHER, sqlite_url], check=True)
    assert asyncio.run(come_late()) == {"*"}


def test_sqlite_looks_for_other_processes_only_while_somebody_waits(
    sqlite_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    def looks() -> int:
        return sum("data_version" in message for message in caplog.messages)

    async def wait(before: int) -> None:
        with store.bus.subscribe(["x"]) as subscription:
            async with asyncio.timeout(PATIENCE):
                while looks() == before:
                    await subscription.wait(0.05)

    store = SqliteStore(parse(sqlite_url), options=Options(echo=True))
    with caplog.at_level(logging.INFO, "orion.store.sql"):
        store.write_now(put, "a")
        asyncio.run(wait(looks()))
        store.write_now(put, "b")
        before = looks()
        store.write_now(put, "c")
        assert looks() == before
    store.close()


def test_many_topics_travel_in_one_message_or_become_everything() -> None:
    assert messages("me", {"b", "a"}) == ["me\na\nb"]
    assert messages("me", set()) == []
    assert messages("me", {f"run:{number:036}" for number in range(1000)}) == ["me\n*"]
