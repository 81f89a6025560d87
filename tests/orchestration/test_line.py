"""Waiting askers of a queue: the oldest first, for a second."""

from __future__ import annotations

import asyncio
import time

import pytest

from orion.orchestration.line import Line, Ticket


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who waits for an older asker waits for longer than a machine stands still."""
    monkeypatch.setattr("orion.orchestration.line.OFFER_SECONDS", 60.0)


def test_who_came_first_tries_first_whoever_wakes_first(patient: None) -> None:
    async def scene() -> list[str]:
        line, order, ready = Line(), [], asyncio.Event()

        async def asker(name: str, joined: asyncio.Event, waking: int) -> None:
            with line.join("queue") as ticket:
                joined.set()
                await ready.wait()
                for _ in range(waking):
                    await asyncio.sleep(0)
                async with ticket.turn():
                    order.append(name)

        tasks = []
        for name, waking in (("first", 9), ("second", 5), ("third", 0)):
            joined = asyncio.Event()
            tasks.append(asyncio.create_task(asker(name, joined, waking)))
            await joined.wait()
        ready.set()
        await asyncio.wait_for(asyncio.gather(*tasks), 10)
        return order

    assert asyncio.run(scene()) == ["first", "second", "third"]


def test_an_older_asker_who_does_not_try_holds_nobody_up_for_long(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr("orion.orchestration.line.OFFER_SECONDS", 0.05)

    async def scene() -> bool:
        line = Line()
        with line.join("queue"), line.join("queue") as younger:
            async with asyncio.timeout(10), younger.turn():
                return True

    assert asyncio.run(scene())


def test_who_leaves_makes_room_at_once(patient: None) -> None:
    async def scene() -> bool:
        line = Line()
        older, younger = line.join("queue"), line.join("queue")
        older.__enter__()
        with younger as ticket:
            turn = asyncio.create_task(ticket.turn().__aenter__())
            await asyncio.sleep(0)
            older.__exit__(None, None, None)
            await asyncio.wait_for(turn, 30)
            return True

    assert asyncio.run(scene())


def test_queues_do_not_wait_for_one_another(patient: None) -> None:
    async def scene() -> bool:
        line = Line()
        with line.join("one"), line.join("two") as ticket:
            async with asyncio.timeout(30), ticket.turn():
                return True

    assert asyncio.run(scene())


def test_who_tried_before_the_news_has_its_turn_again_before_those_who_came_later(patient: None) -> None:
    async def scene() -> list[str]:
        line, order = Line(), []
        with line.join("queue") as older, line.join("queue") as younger:
            for ticket in (older, younger):
                async with ticket.turn():
                    pass
            news = time.monotonic()

            async def again(name: str, ticket: Ticket) -> None:
                async with ticket.turn(news):
                    order.append(name)

            await asyncio.wait_for(asyncio.gather(again("younger", younger), again("older", older)), 10)
        return order

    assert asyncio.run(scene()) == ["older", "younger"]
