"""Task runs that arrive as events: recorded once, in whatever order they come."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from orion.errors import Invalid
from orion.model.flow_runs import FlowRun
from orion.model.ids import new_id
from orion.model.times import iso
from orion.orchestration import record_event
from orion.store import Store, events, flow_runs
from tests.orchestration.world import NOON, World, wish


class Recorded(World):
    """A world that hears of task runs by events."""

    def record(self, *events: dict[str, Any]) -> None:
        for event in events:
            self.store.write_now(record_event, event, self.now)


@pytest.fixture
def world(store: Store) -> Recorded:
    return Recorded(store)


@pytest.fixture
def run(world: Recorded) -> FlowRun:
    return world.flow_run("RUNNING")


def event(run: FlowRun | None, task_run_id: str, text: str, seconds: float, **told: Any) -> dict[str, Any]:
    """An event as clients of the third generation send it."""
    kind, _, name = text.partition(" ")
    occurred: datetime = NOON + timedelta(seconds=seconds)
    flow_run = {
        "prefect.resource.id": f"prefect.flow-run.{run and run.id}",
        "prefect.resource.role": "flow-run",
    }
    task_run = {
        "name": "load-0",
        "task_key": "load-1",
        "dynamic_key": "0",
        "run_count": 1,
        "tags": [],
        **told,
    }
    return {
        "id": new_id(),
        "occurred": iso(occurred),
        "event": f"prefect.task-run.{name or kind.capitalize()}",
        "resource": {
            "prefect.resource.id": f"prefect.task-run.{task_run_id}",
            "prefect.orchestration": "client",
        },
        "related": [flow_run] if run else [],
        "payload": {
            "intended": {"from": None, "to": kind},
            "initial_state": None,
            "validated_state": {"type": kind, "name": name or kind.capitalize(), "message": "", "data": None},
            "task_run": task_run,
        },
        "follows": None,
    }


def test_a_task_run_is_made_by_its_first_event_and_follows_the_newest(world: Recorded, run: FlowRun) -> None:
    task_id = new_id()
    events = [event(run, task_id, text, n) for n, text in enumerate(("PENDING", "RUNNING", "COMPLETED"))]
    events[2]["payload"]["task_run"] |= {"total_run_time": 1.5, "start_time": iso(NOON), "tags": ["etl"]}
    world.record(*events)
    task = world.get_task(task_id)
    assert (task.flow_run_id, task.name, task.task_key, task.dynamic_key) == (run.id, "load-0", "load-1", "0")
    assert (task.state_type, task.state_id, task.total_run_time) == ("COMPLETED", events[2]["id"], 1.5)
    assert (task.start_time, task.tags) == (NOON, ["etl"])
    assert [state.id for state in world.task_history(task_id)] == [event["id"] for event in events]
    assert world.rows("SELECT tag FROM task_run_tag") == [("etl",)]


def test_events_may_come_late_and_twice(world: Recorded, run: FlowRun) -> None:
    task_id = new_id()
    pending, running, done = (
        event(run, task_id, text, n) for n, text in enumerate(("PENDING", "RUNNING", "COMPLETED"))
    )
    world.record(running, done, pending, done, running)
    task = world.get_task(task_id)
    assert (task.state_type, task.state_id) == ("COMPLETED", done["id"])
    assert [state.type for state in world.task_history(task_id)] == ["PENDING", "RUNNING", "COMPLETED"]


def test_the_history_keeps_the_clients_times(world: Recorded, run: FlowRun) -> None:
    task_id = new_id()
    world.later(500)
    world.record(event(run, task_id, "RUNNING", 3))
    (state,) = world.task_history(task_id)
    assert state.timestamp == NOON + timedelta(seconds=3)
    assert (state.state_details.flow_run_id, state.state_details.task_run_id) == (run.id, task_id)


def test_a_dummy_that_was_made_over_http_is_the_same_task_run(world: Recorded, run: FlowRun) -> None:
    dummy = world.task_run(run.id, task_key="load-1", dynamic_key="0")
    world.record(event(run, new_id(), "RUNNING", 5))
    assert world.get_task(dummy.id).state_type == "RUNNING"
    assert world.rows("SELECT count(*) FROM task_run") == [(1,)]


@pytest.mark.parametrize("kind", ["server", None])
def test_only_events_of_clients_are_recorded(world: Recorded, run: FlowRun, kind: str | None) -> None:
    told = event(run, new_id(), "RUNNING", 0)
    told["resource"]["prefect.orchestration"] = kind
    other = event(run, new_id(), "RUNNING", 0)
    other["resource"]["prefect.resource.id"] = f"prefect.flow-run.{run.id}"
    world.record(told, other)
    assert world.rows("SELECT count(*) FROM task_run") == [(0,)]


def test_events_of_a_deleted_flow_run_are_dropped(world: Recorded, run: FlowRun) -> None:
    world.store.write_now(flow_runs.delete, run.id)
    world.record(event(run, new_id(), "RUNNING", 0))
    assert world.rows("SELECT count(*) FROM task_run") == [(0,)]


def test_a_background_task_has_no_flow_run(world: Recorded) -> None:
    task_id = new_id()
    world.record(event(None, task_id, "RUNNING", 0), event(None, task_id, "COMPLETED", 1))
    assert (world.get_task(task_id).flow_run_id, world.get_task(task_id).state_type) == (None, "COMPLETED")


def test_a_recorded_result_feeds_the_cache_of_other_clients(world: Recorded, run: FlowRun) -> None:
    done = event(run, new_id(), "COMPLETED", 1)
    done["payload"]["validated_state"] |= {"data": {"storage_key": "x"}, "state_details": {"cache_key": "k"}}
    world.record(done, done)
    task = world.task_run(run.id)
    assert world.task(task.id, wish("RUNNING", cache_key="k")).state.name == "Cached"


@pytest.mark.parametrize(
    "spoil",
    [
        {"id": "no uuid"},
        {"resource": {"prefect.resource.id": "prefect.task-run.x", "prefect.orchestration": "client"}},
        {"payload": {}},
        {"occurred": "yesterday"},
    ],
)
def test_an_event_that_makes_no_sense_is_refused(
    world: Recorded, run: FlowRun, spoil: dict[str, Any]
) -> None:
    with pytest.raises(Invalid):
        world.record({**event(run, new_id(), "RUNNING", 0), **spoil})
    assert world.rows("SELECT count(*) FROM task_run") == [(0,)]


def test_a_beat_is_kept_and_touches_no_run(world: Recorded, run: FlowRun) -> None:
    subject = f"prefect.flow-run.{run.id}"
    beat = {
        "id": new_id(),
        "occurred": iso(NOON),
        "event": "prefect.flow-run.heartbeat",
        "resource": {"prefect.resource.id": subject},
    }
    before = world.store.read_now(flow_runs.get, run.id)
    world.record(beat, beat)
    (kept,) = world.store.read_now(events.of_resource, subject, 10)
    assert (kept["id"], kept["occurred"]) == (beat["id"], NOON)
    assert world.store.read_now(flow_runs.get, run.id) == before
