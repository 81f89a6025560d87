"""Named limits in code: who holds slots, who waits for them, and who wakes the waiters."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import pytest

from orion import concurrency, flow, rate_limit, tags, task
from orion.errors import NotFound
from orion.model.limits import ConcurrencyLimitV2Create, ConcurrencyLimitV2Update, IncrementWithLease
from orion.sdk import concurrency as module
from orion.sdk.client import SyncClient
from orion.sdk.errors import Deadlock, NoFreeSlot
from orion.store import Store
from tests.sdk.conftest import Served
from tests.servers import eventually


@pytest.fixture
def client(server: Served) -> Any:
    with SyncClient() as found:
        yield found


def make(client: SyncClient, name: str = "api", limit: int = 1, decay: float = 0.0) -> None:
    client.create_global_concurrency_limit(
        ConcurrencyLimitV2Create(name=name, limit=limit, slot_decay_per_second=decay)
    )


def taken(client: SyncClient, name: str = "api") -> int:
    return int(client.read_global_concurrency_limit(name).active_slots)


def lease_ends(server: Served) -> Any:
    """When the only lease ends, unless it is renewed."""
    store: Store = server.server.config.app.state.store  # type: ignore[union-attr]
    ((ends,),) = store.read_now(lambda conn: conn.all("SELECT lease_until FROM concurrency_lease"))
    return ends


def test_slots_are_held_for_the_length_of_the_block(client: SyncClient) -> None:
    make(client, "api", 3)
    make(client, "disk", 5)
    with concurrency(["api", "disk"], occupy=2):
        assert (taken(client, "api"), taken(client, "disk")) == (2, 2)
        with pytest.raises(NoFreeSlot, match="api"), concurrency("api", occupy=2, timeout_seconds=0):
            pass
    assert (taken(client, "api"), taken(client, "disk")) == (0, 0)
    with pytest.raises(ZeroDivisionError), concurrency("api"):
        1 / 0  # noqa: B018
    assert taken(client, "api") == 0


def test_who_waits_is_woken_by_the_slot_that_is_given_back(
    client: SyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WAIT_SECONDS", 30.0)
    make(client)
    got, release = threading.Event(), threading.Event()
    woken: list[float] = []

    def hold() -> None:
        with concurrency("api"):
            got.set()
            release.wait(20)

    def wait() -> None:
        with concurrency("api", timeout_seconds=60):
            woken.append(time.monotonic())

    holder, waiter = threading.Thread(target=hold), threading.Thread(target=wait)
    holder.start()
    assert got.wait(20)
    waiter.start()
    time.sleep(0.3)  # it waits on the server by now; if it does not, the test is easier, not wrong
    assert not woken
    released = time.monotonic()
    release.set()
    waiter.join(60)
    holder.join(20)
    assert woken and woken[0] - released < 20  # and not after the 30 s of the answer


def test_async_flows_hold_slots_too_and_the_run_is_known_as_their_holder(client: SyncClient) -> None:
    make(client)
    most = 0

    @flow
    async def busy() -> None:
        nonlocal most

        async def one() -> None:
            nonlocal most
            async with concurrency("api"):
                most = max(most, taken(client))

        await asyncio.gather(one(), one(), one())

    asyncio.run(busy())
    assert (most, taken(client)) == (1, 0)

    async def outside() -> None:
        async with concurrency("api"):
            assert await asyncio.to_thread(taken, client) == 1

    asyncio.run(outside())
    assert taken(client) == 0


def test_a_lease_is_renewed_as_long_as_the_block_runs_and_ends_without(
    client: SyncClient, server: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(client)
    with concurrency("api", lease_seconds=9):  # so that a renewal may be late on a busy machine
        first = lease_ends(server)
        eventually(lambda: lease_ends(server) > first)
        assert taken(client) == 1
    monkeypatch.setattr(module.Renewal, "start", lambda self: None)
    with concurrency("api", lease_seconds=0.3):
        time.sleep(0.4)
        with concurrency("api", timeout_seconds=5):
            assert taken(client) == 1


@pytest.mark.row("CON-07")
def test_a_block_that_would_wait_for_itself_is_refused(client: SyncClient) -> None:
    make(client, "api", 2)
    with concurrency("api"), concurrency("api"):
        with pytest.raises(Deadlock, match=r"holds 2, and with 1 more .* limit of 2"), concurrency("api"):
            pass
        assert taken(client) == 2
        client.update_global_concurrency_limit("api", ConcurrencyLimitV2Update(limit=3))
        with concurrency("api"):
            assert taken(client) == 3
    assert taken(client) == 0

    async def beside() -> None:
        got = asyncio.Event()

        async def one() -> None:
            async with concurrency("api", occupy=3):
                got.set()
                await asyncio.sleep(0.2)

        async def other() -> None:
            await got.wait()
            async with concurrency("api"):
                assert taken(client) == 1

        await asyncio.gather(one(), other())

    asyncio.run(beside())


def test_names_without_an_active_limit_limit_nothing_unless_strict(client: SyncClient) -> None:
    with concurrency("nothing"):
        rate_limit("nothing")
    with pytest.raises(NotFound, match="orion gcl create nothing"), concurrency("nothing", strict=True):
        pass
    make(client)
    client.update_global_concurrency_limit("api", ConcurrencyLimitV2Update(active=False))
    with concurrency("api", occupy=5):
        pass
    with pytest.raises(NotFound):
        rate_limit("api", strict=True)


def test_a_rate_lets_through_what_decays(client: SyncClient) -> None:
    make(client, "api", 2, decay=5.0)
    began = time.monotonic()
    for _ in range(4):
        rate_limit("api")
    assert time.monotonic() - began >= 0.35

    async def once() -> None:
        await rate_limit("api", timeout_seconds=5)

    asyncio.run(once())


def test_a_limit_without_decay_is_no_rate(client: SyncClient) -> None:
    make(client)
    with pytest.raises(Exception, match="slot_decay_per_second"):
        rate_limit("api")


def test_a_task_that_waits_for_a_slot_of_its_tag_starts_when_one_is_free(client: SyncClient) -> None:
    make(client, "tag:db")
    held = client.take_lease(IncrementWithLease(names=["tag:db"], slots=1, lease_duration=300))
    begun = threading.Event()

    @task(tags=["db"])
    def load() -> None:
        return None

    @flow
    def etl() -> None:
        begun.set()
        load()

    worker = threading.Thread(target=etl)
    worker.start()
    assert begun.wait(20)
    eventually(lambda: any(client.read_task_runs()))
    released = time.monotonic()
    client.give_lease(held.lease_id)
    worker.join(60)
    assert not worker.is_alive() and time.monotonic() - released < 25  # and not after the 30 s of the answer
    assert [run.state_type for run in client.read_task_runs()] == ["COMPLETED"]


@pytest.mark.row("CON-07")
def test_a_tag_around_a_subflow_takes_a_slot_for_its_tasks_and_not_for_the_subflow(
    client: SyncClient,
) -> None:
    make(client, "tag:db")

    @task
    def load() -> int:
        return 1

    @flow
    def inner() -> int:
        return load() + load()

    @flow
    def outer() -> int:
        with tags("db"):
            return inner()

    assert outer() == 2
    assert all("db" in run.tags for run in client.read_task_runs())
