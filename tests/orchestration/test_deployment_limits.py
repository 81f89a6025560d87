"""A deployment's limit: how many of its runs are handed out and under way, and what becomes of one too many."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from orion.model.deployments import DeploymentCreate
from orion.model.wire import raw
from orion.model.work_queues import WorkQueueUpdate
from orion.services import overlaps
from orion.store import Store, claims, deployments, work_queues
from tests.orchestration.world import World


@pytest.fixture
def world(store: Store) -> World:
    return World(store)


OPTIONS = {"CANCEL_OLD": {"collision_strategy": "ENQUEUE", "overlap": "CANCEL_OLD"}}


def limit(world: World, runs: int | None, strategy: str | None = None) -> None:
    """Give the world's deployment a limit."""
    wanted = DeploymentCreate(
        name="limited",
        flow_id=world.flow_id,
        concurrency_limit=runs,
        concurrency_options=raw(OPTIONS.get(strategy, {"collision_strategy": strategy}))
        if strategy
        else None,
    )
    saved, _ = world.store.write_now(deployments.upsert, wanted, world.now, None)
    world.deployment_id = saved.id


def test_only_so_many_runs_are_handed_out_and_those_behind_get_their_turn(world: World) -> None:
    limit(world, 2)
    queue, other = world.queue(), world.planned(-1, deployment_id=None)
    first, second, _ = (world.planned(-seconds).id for seconds in (60, 50, 40))
    assert other.deployment_id is None
    assert world.claim(queue) == [first, second]
    assert world.claim(queue) == []
    assert not world.store.read_now(claims.ready, queue.id, world.now, world.now)


def test_a_full_deployment_does_not_keep_others_from_being_claimed(world: World) -> None:
    limit(world, 1)
    queue = world.queue()
    world.flow(world.planned(-90).id, "PENDING")
    blocked = [world.planned(-80).id for _ in range(3)]
    free = world.planned(-1, deployment_id=world.flow_run("PENDING").id).id
    assert world.claim(queue, limit=1) == [free]
    assert all(world.get(run).state_type == "SCHEDULED" for run in blocked)


@pytest.mark.parametrize("ending", ["COMPLETED", "FAILED", "CRASHED", "CANCELLED"])
def test_room_follows_the_states_of_runs_so_that_nothing_can_leak(world: World, ending: str) -> None:
    limit(world, 1)
    queue, first, second = world.queue(), world.planned(-60).id, world.planned(-50).id
    assert world.claim(queue) == [first]
    assert world.flow(first, "PENDING").status == "ACCEPT"
    world.flow(first, "RUNNING")
    assert world.claim(queue) == []
    world.flow(first, ending, force=True)
    assert world.claim(queue) == [second]


def test_who_asks_without_a_claim_waits_for_a_slot(world: World) -> None:
    limit(world, 1)
    world.flow(world.planned().id, "PENDING")
    late = world.planned().id
    answer = world.flow(late, "PENDING")
    assert answer.state is not None
    assert (answer.status, answer.state.type, answer.state.name) == (
        "REJECT", "SCHEDULED", "AwaitingConcurrencySlot",
    )  # fmt: skip
    assert world.get(late).next_scheduled_start_time == world.at(30)
    assert "1 of 1 runs" in str(answer.state.message)


def test_a_run_too_many_is_cancelled_where_the_deployment_says_so(world: World) -> None:
    limit(world, 1, "CANCEL_NEW")
    queue, first, second = world.queue(), world.planned(-60).id, world.planned(-50).id
    assert world.claim(queue) == [first, second]
    assert world.flow(first, "PENDING").status == "ACCEPT"
    answer = world.flow(second, "PENDING")
    assert answer.state is not None and (answer.status, answer.state.type) == ("REJECT", "CANCELLED")
    assert world.get(first).state_type == "PENDING"


def test_by_force_a_run_starts_all_the_same(world: World) -> None:
    limit(world, 0)
    run = world.planned().id
    assert world.flow(run, "PENDING", force=True).status == "ACCEPT"


def test_of_many_who_ask_at_one_time_only_as_many_as_there_is_room_for_get_in(world: World) -> None:
    limit(world, 2)
    runs = [world.planned().id for _ in range(8)]

    def ask(run: str) -> Any:
        return world.flow(run, "PENDING").status

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, runs))
    assert answers.count("ACCEPT") == 2


def running(world: World, seconds: float) -> str:
    """A run of the deployment whose process is alive, planned for some time."""
    run = world.planned(seconds).id
    for state in ("PENDING", "RUNNING"):
        world.flow(run, state, force=True)
    return run


def test_the_previous_run_is_cancelled_for_the_next_which_starts_when_it_has_ended(world: World) -> None:
    limit(world, 1, "CANCEL_OLD")
    queue, old = world.queue(), running(world, -60)
    assert not world.store.read_now(claims.ready, queue.id, world.now, world.now)
    new = world.planned(5).id
    assert not world.store.read_now(claims.ready, queue.id, world.now, world.now)
    world.later(6)
    assert world.store.read_now(claims.ready, queue.id, world.now, world.now)
    assert world.claim(queue) == []
    assert world.get(old).state_type == "CANCELLING"
    assert world.history(old)[-1].message == "A newer run of the deployment takes its place."
    assert not world.store.read_now(claims.ready, queue.id, world.now, world.now)
    assert world.flow(old, "CANCELLED").status == "ACCEPT"
    assert world.claim(queue) == [new]


def test_the_clock_cancels_what_is_too_much_where_no_agent_has_room_to_ask(world: World) -> None:
    limit(world, 2, "CANCEL_OLD")
    oldest, old = running(world, -60), running(world, -50)
    waits, newest, later = (world.planned(seconds).id for seconds in (-40, -30, 600))
    assert overlaps.settle(world.store, world.now) == 2
    assert [world.get(run).state_type for run in (oldest, old, waits, newest, later)] == [
        "CANCELLING", "CANCELLING", "SCHEDULED", "SCHEDULED", "SCHEDULED",
    ]  # fmt: skip
    assert overlaps.settle(world.store, world.now) == 0
    newer = world.planned(-20).id
    assert overlaps.settle(world.store, world.now) == 1
    assert (world.get(waits).state_type, world.get(newer).state_type) == ("CANCELLED", "SCHEDULED")


def test_a_run_in_a_paused_queue_takes_nobodys_place(world: World) -> None:
    limit(world, 1, "CANCEL_OLD")
    queue, old = world.queue(), running(world, -60)
    world.store.write_now(work_queues.update, queue.id, WorkQueueUpdate(is_paused=True), world.now)
    world.planned(-1)
    assert overlaps.settle(world.store, world.now) == 0
    assert world.get(old).state_type == "RUNNING"


@pytest.mark.parametrize(("strategy", "left"), [("CANCEL_NEW", "CANCELLED"), ("ENQUEUE", "SCHEDULED")])
def test_a_run_that_comes_due_meanwhile_is_skipped_also_where_nobody_asks_for_it(
    world: World, strategy: str, left: str
) -> None:
    limit(world, 1, strategy)
    old, due, later = running(world, -60), world.planned(-1).id, world.planned(60).id
    overlaps.settle(world.store, world.now)
    assert [world.get(run).state_type for run in (old, due, later)] == ["RUNNING", left, "SCHEDULED"]
