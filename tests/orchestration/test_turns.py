"""Who waits for slots goes oldest first, whatever server asks for it: the lines are rows that every taker looks at."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from orion.errors import Locked
from orion.model.ids import new_id
from orion.model.limits import ConcurrencyLimitV2Create, Decrement, Increment, IncrementWithLease
from orion.model.task_runs import AgedState, TaskRunBatchItem
from orion.orchestration import batch, give, give_lease, propose_task_run, take, take_lease
from orion.orchestration.turns import Asker
from orion.services import leases
from orion.store import Conn, Store, concurrency_limits_v2, slot_waiters
from tests import counting
from tests.orchestration.world import World, wish

OFFERED = 1.0  # ORION_SLOT_OFFER_SECONDS
KEPT = slot_waiters.PLACE.total_seconds()


def told(conn: Conn, take: Callable[..., Any], *args: Any) -> Any:
    """A refusal as a value, so that what was written with it is kept."""
    try:
        return take(conn, *args)
    except Locked as refusal:
        return refusal


class Lines(World):
    """A world where some wait for slots of named limits."""

    def named(self, name: str, slots: int = 1, decay: float = 0.0) -> None:
        wanted = ConcurrencyLimitV2Create(name=name, limit=slots, slot_decay_per_second=decay)
        self.store.write_now(concurrency_limits_v2.create, wanted, self.now)

    def ask(self, who: str, *names: str, slots: int = 1, stays: bool = True, **kw: Any) -> Any:
        """A lease, or None for who was refused."""
        wanted = IncrementWithLease(names=list(names), slots=slots, lease_duration=1000)
        answer = self.store.write_now(told, take_lease, wanted, self.now, Asker(who, stays, **kw))
        return None if isinstance(answer, Locked) else answer

    def give(self, lease: Any) -> None:
        self.store.write_now(give_lease, lease.lease_id, self.now)

    def waiting(self) -> int:
        return int(self.rows("SELECT count(*) FROM slot_waiter")[0][0])


@pytest.fixture
def world(store: Store) -> Lines:
    return Lines(store)


@pytest.fixture
def lines(sqlite_store: Store) -> Lines:
    return Lines(sqlite_store)


def test_what_is_given_back_is_for_who_came_first_however_often_the_others_ask(world: Lines) -> None:
    world.named("db")
    held = world.ask("holder", "db")
    assert [world.ask(who, "db") for who in ("first", "second", "third")] == [None] * 3
    world.give(held)
    assert [world.ask(who, "db") for who in ("third", "new", "", "second")] == [None] * 4
    held = world.ask("first", "db")
    assert held is not None and world.ask("second", "db") is None
    world.give(held)
    assert world.ask("third", "db") is None and world.ask("second", "db") is not None
    assert world.waiting() == 2  # third and new: who has got its slots waits no longer


def test_a_slot_that_is_not_fetched_is_anybodys_after_a_second(world: Lines) -> None:
    world.named("db")
    held = world.ask("holder", "db")
    world.ask("gone", "db")
    world.later(KEPT - OFFERED - 0.5)
    assert world.ask("second", "db") is None
    world.give(held)
    assert world.ask("second", "db") is None
    world.later(OFFERED - 0.1)
    assert world.ask("third", "db") is None and world.ask("second", "db") is None
    world.later(0.1)
    assert world.ask("third", "db") is None  # the second one's turn has begun
    assert world.ask("second", "db") is not None


def test_a_place_is_lost_by_who_does_not_come_back_and_kept_by_who_does(world: Lines) -> None:
    world.named("db")
    held = world.ask("holder", "db")
    world.ask("gone", "db")
    world.ask("back", "db")
    world.later(KEPT - 1)
    world.ask("back", "db")
    world.later(2)
    world.ask("third", "db")
    world.give(held)
    assert world.ask("third", "db") is None
    assert world.ask("back", "db") is not None


def test_who_could_not_take_what_it_was_offered_is_offered_the_next_one(world: Lines) -> None:
    world.named("db")
    held = world.ask("holder", "db")
    world.ask("first", "db")
    world.give(held)
    assert world.ask("second", "db") is None
    world.later(OFFERED)
    held = world.ask("second", "db")
    assert held is not None and world.ask("first", "db") is None
    world.later(OFFERED)
    world.give(held)
    assert world.ask("third", "db") is None
    assert world.ask("first", "db") is not None


def test_where_there_is_room_for_both_nobody_waits(world: Lines) -> None:
    world.named("db", 3)
    held = [world.ask("a", "db", slots=2), world.ask("b", "db")]
    world.ask("first", "db", slots=2)
    world.give(held[1])
    assert world.ask("one", "db") is not None  # what is free is too little for the first one
    world.give(held[0])
    assert world.ask("another", "db") is None
    assert world.ask("first", "db", slots=2) is not None


def test_who_waits_for_another_limit_keeps_nobody_waiting(world: Lines) -> None:
    """Else the first would wait for `b`, held by one who waits for `a`, which is kept for the first."""
    world.named("a")
    world.named("b")
    held = [world.ask("x", "a"), world.ask("y", "b")]
    assert world.ask("first", "a", "b") is None
    world.give(held[0])
    taken = world.ask("y", "a")
    assert taken is not None and world.ask("first", "a", "b") is None
    world.give(taken)
    world.give(held[1])
    assert world.ask("late", "a") is None and world.ask("later", "b") is None
    assert world.ask("first", "a", "b") is not None


def test_a_long_line_is_read_to_its_end_where_nobody_before_fits(lines: Lines) -> None:
    lines.named("db", 3)
    lines.ask("holder", "db", slots=2)
    held = lines.ask("other", "db")
    for number in range(slot_waiters.AT_ONCE + 10):
        lines.ask(f"big {number}", "db", slots=3)
    lines.ask("small", "db")
    lines.give(held)
    assert lines.ask("smaller", "db") is None
    assert lines.ask("small", "db") is not None


def test_a_rate_is_for_who_came_first_too(world: Lines) -> None:
    world.named("api", 1, decay=0.5)

    def pass_by(who: str) -> bool:
        wanted = Increment(names=["api"], slots=1, mode="rate_limit")
        return not isinstance(world.store.write_now(told, take, wanted, world.now, Asker(who, True)), Locked)

    assert pass_by("now") and not pass_by("first") and not pass_by("second")
    world.later(2)
    assert not pass_by("second") and pass_by("first")


def test_slots_taken_without_a_lease_are_for_who_came_first(world: Lines) -> None:
    world.named("db")
    wanted = Increment(names=["db"], slots=1)
    world.store.write_now(take, wanted, world.now)
    world.ask("first", "db")
    world.store.write_now(give, Decrement(names=["db"], slots=1), world.now)
    with pytest.raises(Locked) as refusal:
        world.store.write_now(take, wanted, world.now)
    assert refusal.value.retry_after == OFFERED
    assert world.ask("first", "db") is not None


def test_task_runs_stand_in_the_same_line(world: Lines) -> None:
    world.limit("db", 1)
    flow_run = world.flow_run("RUNNING")
    held, first, second, third = (world.task_run(flow_run.id, tags=["db"]) for _ in range(4))
    assert world.task(held.id, "RUNNING").status == "ACCEPT"
    for task in (first, second):
        assert world.task(task.id, "RUNNING", waits=True).status == "WAIT"
    world.task(held.id, "COMPLETED")
    refused = world.task(second.id, "RUNNING", waits=True).result
    assert refused.status == "WAIT" and refused.details.delay_seconds == 1
    item = TaskRunBatchItem(task_run_id=third.id, states=[AgedState(state=wish("RUNNING"))])
    assert world.store.write_now(batch, [item], world.now)[0].status == "WAIT"
    assert world.ask("code", "tag:db") is None
    assert world.task(first.id, "RUNNING", waits=True).status == "ACCEPT"
    world.task(first.id, "COMPLETED")
    assert world.task(second.id, "RUNNING", waits=True).status == "ACCEPT"
    assert world.holders("db") == [second.id]


def test_whose_turn_it_is_hears_of_it_once(world: Lines) -> None:
    world.named("db")
    held = world.ask("holder", "db")
    world.ask("first", "db")
    world.give(held)

    async def heard() -> list[set[str]]:
        with world.store.bus.subscribe({slot_waiters.WAITING + "first"}) as told:
            found = []
            for _ in range(2):
                await asyncio.to_thread(world.ask, "second", "db")
                found.append(await told.wait(20 if not found else 0.05))
            return [topics - {"*"} for topics in found]

    assert asyncio.run(heard()) == [{"offer:first"}, set()]


def test_what_is_free_and_awaited_by_nobody_costs_no_more_than_it_did(lines: Lines) -> None:
    """Lock, count, take. A refusal writes the asker down; to be refused again costs the same and changes nothing."""
    lines.named("db")
    wanted = IncrementWithLease(names=["db"], slots=1)

    def cost(fn: Callable[..., Any], *args: Any) -> int:
        return counting.statements(lines.store, fn, *args)

    assert cost(take_lease, wanted, lines.now, Asker(new_id(), True)) == 3
    assert cost(told, take_lease, wanted, lines.now, Asker("first", True)) == 3
    before = lines.rows("SELECT * FROM slot_waiter")
    assert cost(told, take_lease, wanted, lines.now, Asker("first", True)) == 3
    assert lines.rows("SELECT * FROM slot_waiter") == before
    lines.limit("tag", 1)
    task = lines.task_run(lines.flow_run("RUNNING").id, tags=["tag"])
    assert cost(propose_task_run, task.id, wish("RUNNING"), lines.now) == 6


def test_what_code_waits_for_is_known_for_a_while_and_then_forgotten(world: Lines) -> None:
    world.named("a")
    world.named("b")
    run = world.flow_run("RUNNING").id
    world.ask("x", "a", "b")
    world.ask(run, "a", "b", "nothing", stays=False, run_id=run)

    def known() -> dict[str, Any]:
        return dict(world.store.read_now(slot_waiters.of_runs, [run, new_id()], world.now))

    began = world.now
    assert known() == {run: slot_waiters.Wish({"a": 1, "b": 1}, began)}
    world.later(60)
    world.ask(run, "a", "b", stays=False, run_id=run)
    world.later(60)
    assert known()[run].since == began and world.waiting() == 2
    world.later(60)
    assert known() == {}
    leases.sweep(world.store, world.now)
    leases.sweep(world.store, world.later(5))
    assert world.waiting() == 0
