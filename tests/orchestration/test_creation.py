"""Creating runs: first states by force, natural keys, and sending the same twice."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from orion.errors import Conflict
from orion.model.flow_runs import FlowRunCreate
from orion.model.ids import new_id
from orion.model.task_runs import TaskRunCreate
from orion.orchestration import create_claimed, create_flow_run, create_task_run
from orion.store import Store
from tests.orchestration.world import World, wish


@pytest.fixture
def world(store: Store) -> World:
    return World(store)


def test_a_flow_run_without_a_state_is_pending_and_has_a_name_of_two_words(world: World) -> None:
    wanted = FlowRunCreate(flow_id=world.flow_id)
    run, created = world.store.write_now(create_flow_run, wanted, world.now)
    assert created
    assert (run.state_type, run.state_name, run.expected_start_time) == ("PENDING", "Pending", world.now)
    assert len(run.name.split("-")) == 2
    assert world.get(run.id) == run


def test_who_makes_a_run_to_run_it_gets_its_token_and_again_while_it_is_pending(world: World) -> None:
    wanted = FlowRunCreate(flow_id=world.flow_id, idempotency_key="mine")
    run, created, token = world.store.write_now(create_claimed, wanted, world.now)
    assert created and token
    assert world.store.write_now(create_claimed, wanted, world.now) == (run, False, token)
    assert world.flow(run.id, "RUNNING", token="another").status == "ABORT"
    assert world.flow(run.id, "RUNNING", token=token).status == "ACCEPT"
    assert world.store.write_now(create_claimed, wanted, world.now)[1:] == (False, None)


@pytest.mark.parametrize("values", [{"state": wish("RUNNING")}, {"deployment_id": new_id()}])
def test_nobody_else_gets_a_token_by_making_a_run(world: World, values: dict[str, Any]) -> None:
    wanted = FlowRunCreate(flow_id=world.flow_id, **values)
    _, created, token = world.store.write_now(create_claimed, wanted, world.now)
    assert (created, token) == (True, None)


@pytest.mark.parametrize("text", ["SCHEDULED", "RUNNING", "COMPLETED Cached", "PAUSED"])
def test_the_first_state_is_set_by_force_and_kept_in_the_books(world: World, text: str) -> None:
    run = world.flow_run(text)
    assert f"{run.state_type} {run.state_name}".startswith(text)
    assert world.get(run.id) == run
    assert world.history(run.id) == [run.state]


@pytest.mark.row("API-22")
def test_an_idempotency_key_finds_the_run_of_the_same_flow(world: World) -> None:
    wanted = FlowRunCreate(flow_id=world.flow_id, idempotency_key="monday", tags=["a"])
    first, created = world.store.write_now(create_flow_run, wanted, world.now)
    world.flow(first.id, "RUNNING")
    again, created_again = world.store.write_now(create_flow_run, wanted, world.later(5))
    assert (created, created_again, again.id, again.state_type) == (True, False, first.id, "RUNNING")
    assert len(world.history(first.id)) == 2


def test_an_id_of_the_clients_own_makes_a_create_safe_to_send_twice(world: World) -> None:
    wanted = FlowRunCreate(flow_id=world.flow_id, id=new_id())
    for created in (True, False):
        assert world.store.write_now(create_flow_run, wanted, world.now)[1] is created
    task = TaskRunCreate(
        id=new_id(), flow_run_id=wanted.id, task_key="t", dynamic_key="0", state=wish("PENDING")
    )
    for created in (True, False):
        assert world.store.write_now(create_task_run, task, world.now)[1] is created
    assert len(world.task_history(task.id or "")) == 1


@pytest.mark.row("API-23")
def test_a_task_run_is_found_by_flow_run_task_key_and_dynamic_key(world: World) -> None:
    run = world.flow_run("RUNNING")
    first = world.task_run(run.id, dynamic_key="0")
    assert world.task_run(run.id, dynamic_key="0").id == first.id
    assert world.task_run(run.id, dynamic_key="1").id != first.id
    assert world.task_run(world.flow_run("RUNNING").id, dynamic_key="0").id != first.id


def test_the_same_create_sent_at_once_by_many_makes_one_run(world: World) -> None:
    flow_run = FlowRunCreate(flow_id=world.flow_id, idempotency_key="monday", tags=["a", "b"])
    run = world.flow_run("RUNNING")
    task_run = TaskRunCreate(
        flow_run_id=run.id, task_key="t", dynamic_key="0", tags=["a"], state=wish("PENDING")
    )
    for create, wanted in ((create_flow_run, flow_run), (create_task_run, task_run)):
        with ThreadPoolExecutor(8) as pool:
            made = list(pool.map(lambda _: world.store.write_now(create, wanted, world.now), range(8)))  # noqa: B023
        assert len({found.id for found, _ in made}) == 1
        assert [created for _, created in made].count(True) == 1


def test_a_task_run_without_a_flow_run_is_always_new(world: World) -> None:
    assert world.task_run(None, dynamic_key="0").id != world.task_run(None, dynamic_key="0").id


def test_a_task_run_may_have_no_state_yet(world: World) -> None:
    task = world.task_run(world.flow_run("RUNNING").id, None)
    assert (task.state, task.state_type) == (None, None)
    assert world.task(task.id, "RUNNING").status == "ACCEPT"


def test_a_run_of_a_flow_that_is_not_there_is_a_conflict(world: World) -> None:
    with pytest.raises(Conflict):
        world.store.write_now(create_flow_run, FlowRunCreate(flow_id=new_id()), world.now)
    with pytest.raises(Conflict):
        wanted = TaskRunCreate(flow_run_id=new_id(), task_key="t", dynamic_key="0")
        world.store.write_now(create_task_run, wanted, world.now)
