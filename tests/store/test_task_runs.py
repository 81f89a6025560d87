"""Task runs and states in the store."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec import Raw

from orion.errors import NotFound
from orion.model.filters import Filters, StateCriterion, StateTypeCriterion, TaskRunFilter
from orion.model.ids import new_id
from orion.model.logs import LogCreate
from orion.model.task_runs import TaskRun, TaskRunPolicy, TaskRunUpdate
from orion.store import Conn, Store, flow_runs, graph, logs, states, task_runs
from tests.store.test_flow_runs import added as added_flow_run
from tests.store.world import NOW, add_state, build


def new_run(flow_run_id: str | None, key: str = "0", **fields: object) -> TaskRun:
    return TaskRun(
        id=new_id(),
        created=NOW,
        updated=NOW,
        name=f"task-{key}",
        flow_run_id=flow_run_id,
        task_key="task",
        dynamic_key=key,
        **fields,  # type: ignore[arg-type]
    )


def added(conn: Conn, flow_run_id: str | None, key: str = "0", **fields: object) -> TaskRun:
    run = new_run(flow_run_id, key, **fields)
    assert task_runs.insert(conn, run)
    return run


@pytest.mark.row("API-23")
def test_its_keys_are_used_once_in_a_flow_run(store: Store) -> None:
    flow_run = store.write_now(added_flow_run)
    policy = TaskRunPolicy(retries=2, retry_delay=[1, 2.5], retry_jitter_factor=0.1)
    run = store.write_now(
        added, flow_run.id, empirical_policy=policy, tags=["a"], task_inputs=Raw(b'{"x": []}')
    )
    assert not store.write_now(task_runs.insert, new_run(flow_run.id))
    assert (
        store.read_now(task_runs.by_key, flow_run.id, "task", "0")
        == store.read_now(task_runs.get, run.id)
        == run
    )
    assert store.read_now(task_runs.by_key, flow_run.id, "task", "1") is None
    assert store.write_now(task_runs.insert, new_run(None)) and store.write_now(
        task_runs.insert, new_run(None)
    )


def test_a_task_run_is_renamed(store: Store) -> None:
    run = store.write_now(added, None)
    store.write_now(task_runs.update, run.id, TaskRunUpdate(name="new"), NOW + timedelta(seconds=1))
    found = store.read_now(task_runs.get, run.id)
    assert found is not None and (found.name, found.updated) == ("new", NOW + timedelta(seconds=1))
    for change, args in ((task_runs.update, (TaskRunUpdate(name="x"), NOW)), (task_runs.delete, ())):
        with pytest.raises(NotFound, match="Task run not found"):
            store.write_now(change, new_id(), *args)


def test_a_deleted_task_run_takes_its_states_and_logs_along(store: Store) -> None:
    flow_run = store.write_now(added_flow_run)
    run = store.write_now(added, flow_run.id, state_id=new_id(), state_type="RUNNING", state_name="Running")
    store.write_now(lambda conn: add_state(conn, "task_run", run))
    child = store.write_now(added_flow_run, parent_task_run_id=run.id)
    lines = [
        LogCreate(name="n", level=20, message=id, timestamp=NOW, task_run_id=id) for id in (run.id, new_id())
    ]
    store.write_now(logs.insert, lines, NOW)
    store.write_now(task_runs.delete, run.id)
    assert store.read_now(states.of_task_run, run.id) == []
    assert [line.message for line in store.read_now(logs.filter, None, None, 200)] == [lines[1].message]
    orphan = store.read_now(flow_runs.get, child.id)
    assert orphan is not None and orphan.parent_task_run_id is None


@pytest.mark.row("API-24")
def test_states_are_listed_oldest_first_and_read_by_their_id(store: Store) -> None:
    run = store.write_now(added, None, state_id=new_id(), state_type="PENDING", state_name="Pending")
    flow_run = store.write_now(added_flow_run, state_id=new_id(), state_type="PENDING", state_name="Pending")
    for kind, each in (("task_run", run), ("flow_run", flow_run)):
        for step, (state_type, name) in enumerate(
            (("COMPLETED", "Done"), ("PENDING", "Pending"), ("RUNNING", "Running"))
        ):
            each.state_id, each.state_type, each.state_name = new_id(), state_type, name  # type: ignore[assignment]
            at = NOW + timedelta(seconds=(step + 2) % 3)
            each.state = store.write_now(add_state, kind, each, at, message=f"{name} now")
    for found in (
        store.read_now(states.of_task_run, run.id),
        store.read_now(states.of_flow_run, flow_run.id),
    ):
        assert [state.name for state in found] == ["Pending", "Running", "Done"]
        assert [state.message for state in found] == ["Pending now", "Running now", "Done now"]
    assert run.state_id and flow_run.state_id
    assert store.read_now(states.task_run_state, run.state_id) == run.state
    assert store.read_now(states.flow_run_state, flow_run.state_id) == flow_run.state
    assert store.read_now(states.flow_run_state, run.state_id) is None
    assert store.read_now(states.task_run_state, flow_run.state_id) is None
    with_state = store.read_now(task_runs.get, run.id)
    assert with_state is not None and with_state.state == run.state


@pytest.mark.row("API-17")
def test_runs_are_counted_by_state(store: Store) -> None:
    world = store.write_now(build)
    counts = store.read_now(task_runs.count_by_state)
    assert len(counts) == 9 and sum(counts.values()) == len(world.task_runs)
    assert counts["RUNNING"] == sum(run.state_type == "RUNNING" for run in world.task_runs) > 0
    only = Filters(task_runs=TaskRunFilter(state=StateCriterion(type=StateTypeCriterion(any_=["FAILED"]))))
    failed = store.read_now(task_runs.count_by_state, only)
    assert failed == {kind: counts[kind] if kind == "FAILED" else 0 for kind in counts}


@pytest.mark.row("API-20")
def test_the_graph_links_each_task_run_to_those_that_fed_it(store: Store) -> None:
    flow_run = store.write_now(added_flow_run)
    first = store.write_now(
        added,
        flow_run.id,
        "a",
        state_id=new_id(),
        state_type="RUNNING",
        state_name="Running",
        expected_start_time=NOW,
        start_time=NOW,
        total_run_time=1.0,
    )
    first.state = store.write_now(add_state, "task_run", first)
    inputs = (
        f'{{"x": [{{"input_type": "task_run", "id": "{first.id}"}}, {{"input_type": "constant", "type": "int"}}],'
        f' "y": [{{"input_type": "task_run", "id": "{first.id}"}}, {{"input_type": "parameter", "name": "p"}}]}}'
    )
    later = NOW + timedelta(seconds=1)
    second = store.write_now(
        added, flow_run.id, "b", task_inputs=Raw(inputs.encode()), expected_start_time=later
    )
    store.write_now(added, None, "c")
    one, two = store.read_now(graph.dependencies, flow_run.id, NOW + timedelta(seconds=3))
    assert (one.id, one.name, one.upstream_dependencies, one.state) == (first.id, "task-a", [], first.state)
    assert (one.start_time, one.total_run_time, one.estimated_run_time) == (NOW, 1.0, 4.0)
    assert (two.id, two.upstream_dependencies) == (second.id, [{"input_type": "task_run", "id": first.id}])
    assert two.state is None and two.start_time is None and not two.untrackable_result
