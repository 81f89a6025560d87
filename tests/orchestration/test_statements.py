"""The hot path is short: how many statements a request of the engine costs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from orion.model.flow_runs import FlowRunCreate
from orion.model.ids import new_id
from orion.model.task_runs import AgedState, TaskRunBatchItem, TaskRunCreate
from orion.orchestration import batch, create_flow_run, heartbeat, propose_flow_run, propose_task_run
from orion.store import Store
from tests import counting
from tests.orchestration.world import World, wish


def statements(world: World, fn: Callable[..., Any], *args: Any, **kw: Any) -> int:
    """How many statements `fn` runs."""
    return counting.statements(world.store, fn, *args, **kw)


@pytest.fixture
def world(sqlite_store: Store) -> World:
    return World(sqlite_store)


def test_a_task_run_is_moved_by_three_statements(world: World) -> None:
    task = world.task_run(world.flow_run("RUNNING").id)
    assert statements(world, propose_task_run, task.id, wish("RUNNING"), world.now) == 3
    assert statements(world, propose_task_run, task.id, wish("COMPLETED"), world.now) == 3


def test_a_transition_id_costs_one_look(world: World) -> None:
    task = world.task_run(world.flow_run("RUNNING").id)
    running = wish("RUNNING", transition_id=new_id())
    assert statements(world, propose_task_run, task.id, running, world.now) == 4
    assert statements(world, propose_task_run, task.id, running, world.now) == 2


def test_a_tag_without_a_limit_costs_one_look_each_way(world: World) -> None:
    task = world.task_run(world.flow_run("RUNNING").id, tags=["a", "b"])
    assert statements(world, propose_task_run, task.id, wish("RUNNING"), world.now) == 4
    assert statements(world, propose_task_run, task.id, wish("COMPLETED"), world.now) == 4


def test_a_flow_run_is_moved_by_four_statements_and_counted_by_one_more(world: World) -> None:
    run = world.flow_run()
    assert statements(world, propose_flow_run, run.id, wish("RUNNING"), world.now) == 4
    assert statements(world, propose_flow_run, run.id, wish("COMPLETED"), world.now) == 5


def test_a_refusal_costs_one_read(world: World) -> None:
    run = world.flow_run("COMPLETED")
    assert statements(world, propose_flow_run, run.id, wish("RUNNING"), world.now) == 1


def test_making_a_task_run_and_starting_it_costs_three(world: World) -> None:
    made = TaskRunCreate(flow_run_id=world.flow_run("RUNNING").id, task_key="t", dynamic_key="0")
    item = TaskRunBatchItem(task_run=made, states=[AgedState(state=wish("RUNNING"))])
    assert statements(world, batch, [item], world.now) == 3


def test_making_a_flow_run_costs_three(world: World) -> None:
    assert statements(world, create_flow_run, FlowRunCreate(flow_id=world.flow_id), world.now) == 3


def test_a_beat_costs_two(world: World) -> None:
    run = world.planned()
    token = world.flow(run.id, "PENDING", claim=True).token
    assert statements(world, heartbeat, run.id, token, world.now) == 2
