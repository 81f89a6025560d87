"""Flows in the store: one to a name, and everything that hangs on it goes with it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from orion.errors import NotFound
from orion.model.filters import Filters, FlowFilter, TagsCriterion
from orion.model.flow_runs import FlowRun
from orion.model.flows import Flow, FlowCreate, FlowUpdate
from orion.model.ids import new_id
from orion.model.logs import LogCreate
from orion.model.task_runs import TaskRun
from orion.store import Conn, Store, deployments, flow_runs, flows, logs, task_runs
from tests.store.world import NOW, build

LATER = NOW + timedelta(minutes=1)


def tagged(store: Store, tag: str) -> list[str]:
    wanted = Filters(flows=FlowFilter(tags=TagsCriterion(all_=[tag])))
    return [flow.name for flow in store.read_now(flows.filter, wanted, None, 200)]


@pytest.mark.row("DB-11")
@pytest.mark.row("API-21")
def test_a_name_makes_one_flow_and_then_finds_it_unchanged(store: Store) -> None:
    first, created = store.write_now(flows.create, FlowCreate(name="etl", tags=["a", "b", "a"]), NOW)
    assert created and first.tags == ["a", "b"] and first.created == NOW
    again, created = store.write_now(flows.create, FlowCreate(name="etl", tags=["c"]), LATER)
    assert not created and again == first
    assert store.read_now(flows.get, first.id) == store.read_now(flows.by_name, "etl") == first
    assert store.read_now(flows.get, new_id()) is None and store.read_now(flows.by_name, "ETL") is None


@pytest.mark.row("API-21")
def test_new_tags_take_the_place_of_the_old(store: Store) -> None:
    flow, _ = store.write_now(flows.create, FlowCreate(name="etl", tags=["a"]), NOW)
    store.write_now(flows.update, flow.id, FlowUpdate(tags=["b", "b"]), LATER)
    found: Flow | None = store.read_now(flows.get, flow.id)
    assert found is not None and (found.tags, found.updated, found.created) == (["b"], LATER, NOW)
    assert (tagged(store, "a"), tagged(store, "b")) == ([], ["etl"])
    store.write_now(flows.update, flow.id, FlowUpdate(), LATER)
    assert tagged(store, "b") == ["etl"]


def test_a_flow_that_is_not_there_cannot_be_changed(store: Store) -> None:
    for change in (lambda conn: flows.update(conn, new_id(), FlowUpdate(tags=["a"]), NOW), _delete_nothing):
        with pytest.raises(NotFound, match="Flow not found"):
            store.write_now(change)


def _delete_nothing(conn: Conn) -> None:
    flows.delete(conn, new_id())


@pytest.mark.row("API-21")
def test_a_deleted_flow_takes_its_runs_logs_and_deployments_along(store: Store) -> None:
    world = store.write_now(build)
    flow = world.flows[0]
    gone = {run.id for run in world.flow_runs if run.flow_id == flow.id}
    tasks = {task.id for task in world.task_runs if task.flow_run_id in gone}
    children = [run.id for run in world.flow_runs if run.parent_task_run_id in tasks and run.id not in gone]
    lines = [line(flow_run_id=run.id) for run in world.flow_runs] + [
        line(task_run_id=id) for id in sorted(tasks)
    ]
    store.write_now(logs.insert, lines, NOW)
    store.write_now(flows.delete, flow.id)
    assert gone and tasks and children
    assert {run.id for run in store.read_now(flow_runs.filter, None, None, 200)} == _rest(
        world.flow_runs, gone
    )
    assert {run.id for run in store.read_now(task_runs.filter, None, None, 200)} == _rest(
        world.task_runs, tasks
    )
    assert store.read_now(logs.count) == len(world.flow_runs) - len(gone)
    assert store.read_now(flow_runs.count) == len(world.flow_runs) - len(gone)
    below = store.read_now(deployments.filter, None, None, 200)
    assert {each.flow_id for each in below} == {each.flow_id for each in world.deployments} - {flow.id}
    orphan = store.read_now(flow_runs.get, children[0])
    assert orphan is not None and orphan.parent_task_run_id is None


def _rest(rows: list, gone: set[str]) -> set[str]:  # type: ignore[type-arg]
    return {row.id for row in rows} - gone


def line(**of: str) -> LogCreate:
    return LogCreate(name="test", level=20, message="x", timestamp=NOW, **of)


def test_deployments_and_next_runs_are_told_by_flow(store: Store) -> None:
    world = store.write_now(build)
    ids = [flow.id for flow in world.flows]
    counts = store.read_now(flows.count_deployments, ids)
    assert counts == {id: sum(each.flow_id == id for each in world.deployments) for id in ids}
    assert 0 in counts.values()
    for id, found in store.read_now(flows.next_runs, ids).items():
        planned = [
            run for run in world.flow_runs if run.flow_id == id and run.next_scheduled_start_time is not None
        ]
        first = min(planned, key=lambda run: (run.next_scheduled_start_time, run.id), default=None)
        assert (found or {}).get("id") == (first.id if first else None)


def test_a_flow_shrinks_bit_by_bit(store: Store) -> None:
    world = store.write_now(build)
    flow = world.flows[0]
    runs = sum(run.flow_id == flow.id for run in world.flow_runs)
    counts = [store.write_now(flows.shrink, flow.id, 2, NOW) for _ in range(runs // 2 + 2)]
    assert sum(counts) == runs > 2 and counts[0] == 2 and counts[-1] == 0
    assert store.read_now(flow_runs.count) == len(world.flow_runs) - runs
    assert store.read_now(flows.get, flow.id) == flow


def test_a_flow_shrinks_by_as_many_runs_as_go_in_one_write(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flow_runs, "TASKS_AT_ONCE", 2)
    flow, _ = store.write_now(flows.create, FlowCreate(name="etl"), NOW)
    for number in (1, 1, 5, 0, 2):
        store.write_now(add_run, flow.id, number)
    before = store.read_now(task_runs.count)
    while store.write_now(flows.shrink, flow.id, 50, NOW):
        after = store.read_now(task_runs.count)
        assert before - after <= 2
        before = after
    assert store.read_now(flow_runs.count) == before == 0


def add_run(conn: Conn, flow_id: str, tasks: int) -> None:
    run = FlowRun(id=new_id(), created=NOW, updated=NOW, name="run", flow_id=flow_id)
    assert flow_runs.insert(conn, run)
    for number in range(tasks):
        task = TaskRun(
            id=new_id(),
            created=NOW,
            updated=NOW,
            name="t",
            flow_run_id=run.id,
            task_key="t",
            dynamic_key=str(number),
        )
        assert task_runs.insert(conn, task)
