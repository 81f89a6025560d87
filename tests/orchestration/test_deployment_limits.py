"""A deployment's limit: how many of its runs are handed out and under way, and what becomes of one too many."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from orion.model.deployments import DeploymentCreate
from orion.model.wire import raw
from orion.store import Store, claims, deployments
from tests.orchestration.world import World


@pytest.fixture
def world(store: Store) -> World:
    return World(store)


def limit(world: World, runs: int | None, strategy: str | None = None) -> None:
    """Give the world's deployment a limit."""
    wanted = DeploymentCreate(
        name="limited",
        flow_id=world.flow_id,
        concurrency_limit=runs,
        concurrency_options=raw({"collision_strategy": strategy}) if strategy else None,
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
