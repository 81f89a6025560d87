"""Web servers leave word of their life, so that a clock beside them knows when silence means something."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from orion.services import presence
from orion.settings import current, temporary_settings
from orion.store import Store, duties
from orion.web.factory import build_app
from tests.services.world import NOON

SECOND = timedelta(seconds=1)


def serve(store: Store, second: float) -> None:
    store.write_now(duties.serve, NOON + second * SECOND, presence.gap())


def test_nobody_is_heard_where_no_server_has_been(store: Store) -> None:
    assert not presence.heard(store, NOON)


@pytest.mark.parametrize(
    ("words", "now", "heard"),
    [
        ([0], 0, False),
        (range(0, 81, 10), 70, False),
        (range(0, 81, 10), 80, True),
        (range(0, 81, 10), 109, True),
        (range(0, 81, 10), 112, False),
        ([*range(0, 81, 10), 120], 130, False),
        ([*range(0, 81, 10), *range(120, 200, 10)], 194, False),
        ([*range(0, 81, 10), *range(120, 200, 10)], 196, True),
        ([*range(0, 81, 10), -3600], -3590, False),
    ],
)
def test_a_whole_period_without_a_gap_is_needed(
    store: Store, words: list[int], now: float, heard: bool
) -> None:
    for second in words:
        serve(store, second)
    assert presence.heard(store, NOON + now * SECOND) is heard


def test_a_server_says_so_from_its_start_on(store: Store) -> None:
    async def live() -> None:
        app = build_app(current(), store, clock=lambda: NOON)
        async with app.router.lifespan_context(app):
            while store.read_now(duties.serving) is None:
                await asyncio.sleep(0.01)

    asyncio.run(asyncio.wait_for(live(), 30))
    assert store.read_now(duties.serving) == (NOON, NOON)


def test_an_app_inside_a_flow_process_is_no_server(store: Store) -> None:
    async def live() -> None:
        app = build_app(current(), store, services=False)
        async with app.router.lifespan_context(app):
            await asyncio.sleep(0)
            assert len(asyncio.all_tasks()) == 1

    asyncio.run(live())


def test_the_gap_is_well_within_a_lease() -> None:
    assert presence.gap() == 30 * SECOND
    with temporary_settings({"ORION_HEARTBEAT_LOST_SECONDS": 5}):
        assert presence.gap() == 2 * SECOND
