"""Batches of task runs and states: order, ages, and sending the same twice."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from orion.errors import Invalid
from orion.model.flow_runs import FlowRun
from orion.model.ids import new_id
from orion.model.states import OrchestrationResult
from orion.model.task_runs import AgedState, TaskRunBatchItem, TaskRunCreate
from orion.orchestration import batch
from orion.store import Store
from tests.orchestration.world import World, wish


@pytest.fixture
def world(store: Store) -> World:
    return World(store)


@pytest.fixture
def run(world: World) -> FlowRun:
    return world.flow_run("RUNNING")


def item(
    run: FlowRun, key: str, *states: tuple[str, float], tags: list[str] | None = None, **kw: Any
) -> TaskRunBatchItem:
    """A task run to make with states of some ages, each under a transition id."""
    made = TaskRunCreate(id=new_id(), flow_run_id=run.id, task_key="t", dynamic_key=key, tags=tags)
    aged = [AgedState(state=wish(text, transition_id=new_id()), age=age) for text, age in states]
    return TaskRunBatchItem(task_run=made, states=aged, **kw)


def send(world: World, *items: TaskRunBatchItem) -> list[OrchestrationResult]:
    return world.store.write_now(batch, items, world.now)


def only_task(world: World) -> Any:
    ((task_id,),) = world.rows("SELECT id FROM task_run")
    return world.get_task(task_id)


def test_a_task_run_is_made_and_started_in_one_request(world: World, run: FlowRun) -> None:
    (result,) = send(world, item(run, "0", ("RUNNING", 0)))
    assert (result.status, result.state.type if result.state else None) == ("ACCEPT", "RUNNING")
    assert only_task(world).state == result.state


def test_states_that_are_told_late_happened_when_they_happened(world: World, run: FlowRun) -> None:
    send(world, item(run, "0", ("RUNNING", 7.5), ("COMPLETED", 2.0)))
    task = only_task(world)
    assert (task.start_time, task.end_time, task.total_run_time) == (world.at(-7.5), world.at(-2), 5.5)


def test_an_age_never_puts_a_state_before_the_one_before_it(world: World, run: FlowRun) -> None:
    send(world, item(run, "0", ("RUNNING", 1), ("COMPLETED", 100)))
    assert [state.timestamp for state in world.task_history(only_task(world).id)] == [
        world.at(-1),
        world.at(-1),
    ]


def test_the_answers_come_in_order_each_for_itself(world: World, run: FlowRun) -> None:
    ended = world.flow_run("COMPLETED")
    results = send(
        world,
        item(run, "0", ("RUNNING", 0)),
        item(ended, "0", ("RUNNING", 0)),
        item(run, "1", ("RUNNING", 0)),
    )
    assert [result.status for result in results] == ["ACCEPT", "ABORT", "ACCEPT"]


def test_a_batch_that_is_sent_again_changes_nothing_and_gets_the_same_answers(
    world: World, run: FlowRun
) -> None:
    items = [item(run, str(n), ("RUNNING", 3), ("COMPLETED", 1)) for n in range(3)]
    first = send(world, *items)
    before = (
        world.rows("SELECT * FROM task_run ORDER BY id"),
        world.rows("SELECT * FROM task_run_state ORDER BY id"),
    )
    world.later(9)
    assert send(world, *items) == first
    after = (
        world.rows("SELECT * FROM task_run ORDER BY id"),
        world.rows("SELECT * FROM task_run_state ORDER BY id"),
    )
    assert before == after


def test_an_end_is_enough_when_the_beginning_was_lost(world: World, run: FlowRun) -> None:
    whole = item(run, "0", ("RUNNING", 0), ("COMPLETED", 0))
    beginning = TaskRunBatchItem(task_run=whole.task_run, states=whole.states[:1])
    send(world, beginning)
    (result,) = send(world, whole)
    assert result.state is not None and result.state.type == "COMPLETED"
    assert only_task(world).run_count == 1


def test_a_known_task_run_goes_by_its_id(world: World, run: FlowRun) -> None:
    task = world.task_run(run.id)
    (result,) = send(world, TaskRunBatchItem(task_run_id=task.id, states=[AgedState(state=wish("RUNNING"))]))
    assert result.status == "ACCEPT"
    with pytest.raises(Invalid, match="task_run_id"):
        send(world, TaskRunBatchItem(states=[]))


def test_a_retry_ends_its_item_and_is_told(world: World, run: FlowRun) -> None:
    wanted = item(run, "0", ("RUNNING", 2), ("FAILED", 1), ("COMPLETED", 0))
    assert wanted.task_run is not None
    wanted.task_run.empirical_policy = world.task_run(run.id, policy={"retries": 1}).empirical_policy
    (result,) = send(world, wanted)
    assert (result.status, result.state.name if result.state else None) == ("REJECT", "AwaitingRetry")


def test_a_task_that_is_over_already_needs_no_slot(world: World, run: FlowRun) -> None:
    world.limit("db", 1)
    send(world, item(run, "0", ("RUNNING", 0), tags=["db"]))
    over, starts = send(
        world,
        item(run, "1", ("RUNNING", 2), ("COMPLETED", 1), tags=["db"]),
        item(run, "2", ("RUNNING", 0), tags=["db"]),
    )
    assert (over.status, starts.status) == ("ACCEPT", "WAIT")
    assert len(world.holders("db")) == 1


def test_batches_that_need_the_same_slots_do_not_wait_for_each_other_in_a_ring(
    world: World, run: FlowRun
) -> None:
    tags = ["a", "b", "c", "d"]
    for tag in tags:
        world.limit(tag, 10_000)

    def rush(turn: int) -> set[str]:
        order = tags if turn % 2 else tags[::-1]
        wanted = [
            item(run, f"{turn} {tag} {n}", ("RUNNING", 0), tags=[tag]) for tag in order for n in range(5)
        ]
        return {result.status for result in send(world, *wanted)}

    with ThreadPoolExecutor(6) as pool:
        assert set().union(*pool.map(rush, range(24))) == {"ACCEPT"}
    if world.store.dialect == "postgres":
        world.store.read_now(lambda conn: conn.one("SELECT pg_stat_force_next_flush()"))
        rings = world.rows("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        assert rings == [(0,)]


def test_who_lost_the_flow_run_does_not_speak_for_its_tasks(world: World) -> None:
    planned = world.planned()
    token = world.flow(planned.id, "PENDING", claim=True).token
    world.flow(planned.id, "RUNNING", token=token)
    refused, heard = send(
        world,
        item(planned, "0", ("RUNNING", 0), token="an older token"),
        item(planned, "1", ("RUNNING", 0), token=token),
    )
    assert (refused.status, heard.status) == ("ABORT", "ACCEPT")
