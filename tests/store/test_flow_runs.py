"""Flow runs in the store: read with their state, changed field by field, deleted with all that is theirs."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec import Raw

from orion.errors import Conflict, NotFound
from orion.model import wire
from orion.model.filters import Filters, FlowRunFilter, TagsCriterion, TimeCriterion
from orion.model.flow_runs import FlowRun, FlowRunPolicy, FlowRunUpdate
from orion.model.flows import FlowCreate
from orion.model.ids import new_id
from orion.model.logs import LogCreate
from orion.model.task_runs import TaskRun
from orion.store import Conn, Store, flow_runs, flows, logs, states, task_runs, work_queues
from tests.store.world import NOW, add_state, build

LATER = NOW + timedelta(seconds=90)


def new_run(conn: Conn, **fields: object) -> FlowRun:
    flow, _ = flows.create(conn, FlowCreate(name="etl"), NOW)
    return FlowRun(id=new_id(), created=NOW, updated=NOW, name="run", flow_id=flow.id, **fields)  # type: ignore[arg-type]


def added(conn: Conn, **fields: object) -> FlowRun:
    run = new_run(conn, **fields)
    assert flow_runs.insert(conn, run)
    return run


def read(store: Store, id: str, seconds: float | None = None) -> FlowRun:
    now = None if seconds is None else NOW + timedelta(seconds=seconds)
    run = store.read_now(flow_runs.get, id, now)
    assert run is not None
    return run


def test_a_run_comes_back_as_it_was_put_in(store: Store) -> None:
    run = store.write_now(
        added,
        parameters=Raw(b'{"b": 1.50, "a": [ ]}'),
        empirical_policy=FlowRunPolicy(retries=3, retry_delay=2.5, pause_keys=["k"]),
        tags=["x", "y", "x"],
        expected_start_time=NOW.replace(microsecond=0),
        infrastructure_pid="host:12",
        auto_scheduled=True,
    )
    found = read(store, run.id)
    assert found == run and found.tags == ["x", "y"]
    assert bytes(found.parameters) == b'{"b": 1.50, "a": [ ]}'
    assert store.read_now(flow_runs.get, new_id()) is None
    assert store.read_now(flow_runs.exists, run.id) and not store.read_now(flow_runs.exists, new_id())


@pytest.mark.row("API-22")
def test_an_idempotency_key_is_used_once_in_a_flow(store: Store) -> None:
    run = store.write_now(added, idempotency_key="k", tags=["first"])
    second = store.write_now(
        lambda conn: flow_runs.insert(conn, new_run(conn, idempotency_key="k", tags=["second"]))
    )
    assert not second
    assert store.read_now(flow_runs.by_key, run.flow_id, "k") == run
    assert store.read_now(flow_runs.by_key, run.flow_id, "other") is None
    assert store.read_now(flow_runs.count) == 1
    store.write_now(added, idempotency_key=None)
    store.write_now(added, idempotency_key=None)
    assert store.read_now(flow_runs.count) == 3


def test_a_run_of_no_flow_is_refused(store: Store) -> None:
    run = FlowRun(id=new_id(), created=NOW, updated=NOW, name="run", flow_id=new_id())
    with pytest.raises(Conflict):
        store.write_now(flow_runs.insert, run)


def test_a_run_knows_the_id_of_its_queue(store: Store) -> None:
    queue = store.write_now(work_queues.ensure, "q", NOW)
    run = store.write_now(added, work_queue_name="q")
    other = store.write_now(added, work_queue_name="not there")
    assert (read(store, run.id).work_queue_id, read(store, other.id).work_queue_id) == (queue.id, None)


def test_running_times_grow_with_the_clock(store: Store) -> None:
    running = store.write_now(
        added,
        state_id=new_id(),
        state_type="RUNNING",
        state_name="Running",
        expected_start_time=NOW - timedelta(seconds=4),
        start_time=NOW,
        total_run_time=10.0,
    )
    store.write_now(lambda conn: add_state(conn, "flow_run", running))
    assert read(store, running.id).estimated_run_time == 10.0
    found = read(store, running.id, seconds=5)
    assert (found.estimated_run_time, found.estimated_start_time_delta) == (15.0, 4.0)
    waiting = store.write_now(added, expected_start_time=NOW, state_type="SCHEDULED", state_name="Late")
    assert read(store, waiting.id, seconds=7).estimated_start_time_delta == 7.0
    assert read(store, waiting.id, seconds=-7).estimated_start_time_delta == 0.0
    ended = store.write_now(added, expected_start_time=NOW, state_type="CANCELLED", state_name="Cancelled")
    assert read(store, ended.id, seconds=7).estimated_start_time_delta == 0.0


@pytest.mark.row("API-22")
def test_an_update_changes_what_it_names_and_nothing_else(store: Store) -> None:
    run = store.write_now(added, tags=["a"], flow_version="1", infrastructure_pid="pid")
    body = b'{"name": "new", "tags": ["b"], "parameters": {"x": 1}, "infrastructure_pid": null}'
    store.write_now(flow_runs.update, run.id, wire.decode(body, FlowRunUpdate), LATER)
    found = read(store, run.id)
    assert (found.name, found.tags, found.infrastructure_pid, found.flow_version) == ("new", ["b"], None, "1")
    assert wire.unraw(found.parameters) == {"x": 1} and found.updated == LATER
    wanted = Filters(flow_runs=FlowRunFilter(tags=TagsCriterion(all_=["b"])))
    assert store.read_now(flow_runs.count, wanted) == 1
    nulls = b'{"name": null, "parameters": null, "job_variables": null}'
    store.write_now(flow_runs.update, run.id, wire.decode(nulls, FlowRunUpdate), LATER)
    found = read(store, run.id)
    assert (found.name, bytes(found.parameters), bytes(found.job_variables)) == ("new", b"{}", b"{}")


def test_the_runs_of_a_tag_are_found_by_the_time_they_are_expected_at_now(store: Store) -> None:
    run = store.write_now(added, tags=["a"], expected_start_time=NOW)
    unplanned = store.write_now(added, tags=["a"])
    hour = TimeCriterion(after_=NOW + timedelta(minutes=30), before_=NOW + timedelta(minutes=90))
    wanted = Filters(flow_runs=FlowRunFilter(tags=TagsCriterion(all_=["a"]), expected_start_time=hour))
    assert store.read_now(flow_runs.count, wanted) == 0
    move = "UPDATE flow_run SET expected_start_time = :time WHERE id = :id"
    for id in (run.id, unplanned.id):
        store.write_now(
            lambda conn, id=id: conn.run(move, {"time": conn.time(NOW + timedelta(hours=1)), "id": id})
        )
    assert {each.id for each in store.read_now(flow_runs.filter, wanted, None, 10)} == {run.id, unplanned.id}


def test_labels_are_merged(store: Store) -> None:
    run = store.write_now(added)
    store.write_now(flow_runs.set_labels, run.id, {"a": 1, "b": "x"}, NOW)
    store.write_now(flow_runs.set_labels, run.id, {"b": "y"}, NOW)
    assert wire.unraw(read(store, run.id).labels) == {"a": 1, "b": "y"}


def test_a_run_that_is_not_there_cannot_be_changed(store: Store) -> None:
    for change, args in (
        (flow_runs.update, (FlowRunUpdate(name="x"), NOW)),
        (flow_runs.set_labels, ({}, NOW)),
        (flow_runs.delete, ()),
    ):
        with pytest.raises(NotFound, match="Flow run not found"):
            store.write_now(change, new_id(), *args)


@pytest.mark.row("API-22")
def test_a_deleted_run_takes_all_that_is_its_own_along(store: Store) -> None:
    world = store.write_now(build)
    run = next(
        each
        for each in world.flow_runs
        if any(task.flow_run_id == each.id and children(world, task.id) for task in world.task_runs)
    )
    tasks = [task for task in world.task_runs if task.flow_run_id == run.id]
    lines = [
        LogCreate(name="n", level=20, message="m", timestamp=NOW, flow_run_id=each.id)
        for each in world.flow_runs
    ]
    lines += [LogCreate(name="n", level=20, message="m", timestamp=NOW, task_run_id=tasks[0].id)]
    store.write_now(logs.insert, lines, NOW)
    assert store.read_now(states.of_flow_run, run.id) and store.read_now(states.of_task_run, tasks[0].id)

    store.write_now(flow_runs.delete, run.id)

    assert store.read_now(flow_runs.get, run.id) is None
    assert store.read_now(states.of_flow_run, run.id) == store.read_now(states.of_task_run, tasks[0].id) == []
    assert store.read_now(task_runs.count) == len(world.task_runs) - len(tasks)
    assert store.read_now(logs.count) == len(world.flow_runs) - 1
    child = read(store, children(world, *(task.id for task in tasks))[0])
    assert child.parent_task_run_id is None


@pytest.mark.row("API-22")
def test_a_big_run_goes_bit_by_bit_its_lines_before_its_tasks(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flow_runs, "LINES_AT_ONCE", 4)
    monkeypatch.setattr(flow_runs, "TASKS_AT_ONCE", 2)
    run, other = (store.write_now(added).id for _ in range(2))
    for id in [run] * 5 + [other]:
        store.write_now(add_task, id)
    lines = [
        LogCreate(name="n", level=20, message="m", timestamp=NOW, flow_run_id=id)
        for id in [run] * 9 + [other]
    ]
    store.write_now(logs.insert, lines, NOW)

    def left() -> tuple[int, int]:
        return store.read_now(logs.count) - 1, store.read_now(task_runs.count) - 1

    steps = []
    while store.read_now(flow_runs.weight, run) > 1:
        store.write_now(flow_runs.shrink, run)
        steps.append(left())
    assert steps == [(5, 5), (1, 5), (0, 5), (0, 3), (0, 1)]
    store.write_now(flow_runs.delete, run)
    assert left() == (0, 0)


def add_task(conn: Conn, flow_run_id: str) -> None:
    run = TaskRun(
        id=new_id(),
        created=NOW,
        updated=NOW,
        name="t",
        flow_run_id=flow_run_id,
        task_key="t",
        dynamic_key=new_id(),
    )
    assert task_runs.insert(conn, run)


def children(world: object, *task_run_ids: str) -> list[str]:
    return [run.id for run in world.flow_runs if run.parent_task_run_id in task_run_ids]  # type: ignore[attr-defined]


@pytest.mark.row("API-17")
def test_counts_without_a_filter_come_from_counters_that_stay_true(store: Store) -> None:
    world = store.write_now(build)
    assert store.read_now(flow_runs.count) == len(world.flow_runs)
    assert store.read_now(task_runs.count) == len(world.task_runs)

    def break_off(conn: Conn) -> None:
        added(conn)
        raise RuntimeError("rolled back")

    with pytest.raises(RuntimeError):
        store.write_now(break_off)
    assert store.read_now(flow_runs.count) == len(world.flow_runs)


def test_task_runs_are_counted_by_flow_run(store: Store) -> None:
    world = store.write_now(build)
    ids = [run.id for run in world.flow_runs[:9]]
    expected = {id: sum(task.flow_run_id == id for task in world.task_runs) for id in ids}
    assert store.read_now(flow_runs.count_task_runs, ids) == expected
