"""Work queues in the store: one to a name, the runs each serves, how it fares."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from orion.errors import Conflict, NotFound
from orion.model.deployments import DeploymentCreate
from orion.model.flow_runs import FlowRun, FlowRunPolicy
from orion.model.flows import FlowCreate
from orion.model.ids import new_id
from orion.model.work_queues import QueueFilter, WorkQueue, WorkQueueCreate, WorkQueueUpdate
from orion.store import Conn, Store, deployments, flow_runs, flows, work_queues
from tests.store.test_flow_runs import added
from tests.store.world import NOW


def planned(conn: Conn, seconds: float = 0, **fields: Any) -> FlowRun:
    due = NOW + timedelta(seconds=seconds)
    defaults = {
        "work_queue_name": "q",
        "state_type": "SCHEDULED",
        "state_name": "Scheduled",
        "deployment_id": new_id(),
    }
    return added(conn, next_scheduled_start_time=due, expected_start_time=due, **(defaults | fields))


def handed_out(store: Store, queue: WorkQueue, limit: int = 10) -> list[str]:
    return [run.id for run in store.read_now(work_queues.runs_for_queue, queue, NOW, limit)]


@pytest.mark.row("DB-11")
def test_a_name_is_taken_once(store: Store) -> None:
    queue = store.write_now(
        work_queues.create, WorkQueueCreate(name="q", description=None, concurrency_limit=3), NOW
    )
    assert (queue.description, queue.priority, queue.status, queue.concurrency_limit) == (
        "",
        1,
        "NOT_READY",
        3,
    )
    with pytest.raises(Conflict, match="'q' exists already"):
        store.write_now(work_queues.create, WorkQueueCreate(name="q"), NOW)
    assert store.write_now(work_queues.ensure, "q", NOW) == queue
    other = store.write_now(work_queues.ensure, "other", NOW)
    assert other.priority == 2
    assert store.read_now(work_queues.by_name, "q") == store.read_now(work_queues.get, queue.id) == queue
    assert [each.name for each in store.read_now(work_queues.filter, None, 10)] == ["other", "q"]
    page, key = store.read_now(work_queues.page, None, 1)
    rest, end = store.read_now(work_queues.page, None, 1, key)
    assert ([each.name for each in (*page, *rest)], end, store.read_now(work_queues.count)) == (
        ["other", "q"],
        None,
        2,
    )


def test_status_follows_the_pause_and_the_last_poll(store: Store) -> None:
    queue = store.write_now(work_queues.ensure, "q", NOW)
    store.write_now(work_queues.touch, queue.id, NOW)
    for seconds, status in ((59, "READY"), (61, "NOT_READY")):
        found = store.read_now(work_queues.get, queue.id, NOW + timedelta(seconds=seconds))
        assert found is not None and (found.status, found.last_polled) == (status, NOW)
    store.write_now(work_queues.update, queue.id, WorkQueueUpdate(is_paused=True), NOW)
    paused = store.read_now(work_queues.get, queue.id, NOW)
    assert paused is not None and paused.status == "PAUSED" and paused.last_polled == NOW


def test_an_update_changes_what_it_names_and_a_new_name_takes_the_runs_along(store: Store) -> None:
    queue = store.write_now(work_queues.create, WorkQueueCreate(name="q", concurrency_limit=3), NOW)
    run = store.write_now(planned)
    store.write_now(work_queues.ensure, "taken", NOW)
    store.write_now(work_queues.update, queue.id, WorkQueueUpdate(name="p", concurrency_limit=None), NOW)
    found = store.read_now(work_queues.get, queue.id)
    assert found is not None and (found.name, found.concurrency_limit, found.description) == ("p", None, "")
    moved = store.read_now(flow_runs.get, run.id)
    assert moved is not None and moved.work_queue_name == "p"
    with pytest.raises(Conflict):
        store.write_now(work_queues.update, queue.id, WorkQueueUpdate(name="taken"), NOW)
    store.write_now(work_queues.delete, queue.id)
    assert store.read_now(work_queues.get, queue.id) is None
    for write, args in ((work_queues.update, (WorkQueueUpdate(name="x"), NOW)), (work_queues.delete, ())):
        with pytest.raises(NotFound, match="Work queue not found"):
            store.write_now(write, queue.id, *args)


def test_a_queue_gives_its_due_runs_by_time(store: Store) -> None:
    queue = store.write_now(work_queues.ensure, "q", NOW)
    late = store.write_now(planned, -60, state_name="Late")
    due = store.write_now(planned)
    early = store.write_now(planned, -120)
    in_process = FlowRunPolicy(retry_type="in_process")
    for seconds, fields in (
        (1, {}),
        (0, {"work_queue_name": "other"}),
        (0, {"work_queue_name": None}),
        (0, {"state_type": "RUNNING"}),
        (0, {"state_name": "AwaitingRetry", "empirical_policy": in_process}),
    ):
        store.write_now(planned, seconds, **fields)
    assert handed_out(store, queue) == [early.id, late.id, due.id]
    assert handed_out(store, queue, limit=1) == [early.id]
    queue.is_paused = True
    assert handed_out(store, queue) == []


def test_a_limit_leaves_room_for_what_is_under_way(store: Store) -> None:
    queue = store.write_now(work_queues.create, WorkQueueCreate(name="q", concurrency_limit=3), NOW)
    waiting = [store.write_now(planned, -10 + n).id for n in range(3)]
    for kind in ("PENDING", "RUNNING", "COMPLETED", "FAILED"):
        store.write_now(planned, state_type=kind)
    assert store.read_now(work_queues.busy, queue) == 2
    assert handed_out(store, queue) == waiting[:1]
    store.write_now(planned, state_type="CANCELLING")
    store.write_now(planned, state_type="RUNNING")
    assert handed_out(store, queue) == []


def test_a_filter_chooses_runs_by_deployment_and_tags(store: Store) -> None:
    one, two = new_id(), new_id()
    tagged = store.write_now(planned, 0, deployment_id=one, tags=["a", "b"])
    plain = store.write_now(planned, 0, deployment_id=two, work_queue_name=None)
    store.write_now(planned, 0, tags=["a", "b"], deployment_id=None)
    queue = store.write_now(work_queues.create, WorkQueueCreate(name="f", filter=QueueFilter()), NOW)
    assert handed_out(store, queue) == [tagged.id, plain.id]
    for criteria, expected in (
        (QueueFilter(tags=["a", "b"]), [tagged.id]),
        (QueueFilter(deployment_ids=[two]), [plain.id]),
        (QueueFilter(deployment_ids=[one, two], tags=[]), [tagged.id, plain.id]),
        (QueueFilter(deployment_ids=[two], tags=["a"]), []),
    ):
        store.write_now(work_queues.update, queue.id, WorkQueueUpdate(filter=criteria), NOW)
        found = store.read_now(work_queues.get, queue.id)
        assert found is not None and found.filter == criteria
        assert handed_out(store, found) == expected


def test_the_next_due_time_is_that_of_the_first_run_to_come(store: Store) -> None:
    queue = store.write_now(work_queues.ensure, "q", NOW)
    assert store.read_now(work_queues.next_due, queue.id, NOW) is None
    for seconds in (-5, 30, 10):
        store.write_now(planned, seconds)
    assert store.read_now(work_queues.next_due, queue.id, NOW) == NOW + timedelta(seconds=10)
    assert store.read_now(work_queues.next_due, new_id(), NOW) is None


def test_health_is_being_polled_and_having_no_late_runs(store: Store) -> None:
    queue = store.write_now(work_queues.ensure, "q", NOW)
    store.write_now(work_queues.touch, queue.id, NOW)

    def health(seconds: float) -> tuple[bool, int]:
        status = store.read_now(work_queues.status, queue.id, NOW + timedelta(seconds=seconds))
        assert status is not None and status.last_polled == NOW
        return status.healthy, status.late_runs_count

    assert (health(60), health(61)) == ((True, 0), (False, 0))
    store.write_now(planned, -60, state_name="Late")
    store.write_now(planned, -60, state_name="Late", work_queue_name="other")
    assert health(1) == (False, 1)
    assert store.read_now(work_queues.status, new_id(), NOW) is None


def test_a_deployment_is_told_which_queues_could_pick_it_up(store: Store) -> None:
    flow, _ = store.write_now(flows.create, FlowCreate(name="etl"), NOW)
    wanted = DeploymentCreate(name="d", flow_id=flow.id, work_queue_name="q", tags=["a", "b"])
    deployment, _ = store.write_now(deployments.upsert, wanted, NOW)
    lone, _ = store.write_now(deployments.upsert, DeploymentCreate(name="lone", flow_id=flow.id), NOW)

    def queues(id: str) -> list[str]:
        return [queue.name for queue in store.read_now(work_queues.for_deployment, id)]

    assert (queues(deployment.id), queues(lone.id)) == (["q"], [])
    for name, criteria in (
        ("by-tag", QueueFilter(tags=["a"])),
        ("by-id", QueueFilter(deployment_ids=[lone.id])),
        ("any", QueueFilter()),
        ("none", QueueFilter(tags=["c"])),
    ):
        store.write_now(work_queues.create, WorkQueueCreate(name=name, filter=criteria), NOW)
    assert (queues(deployment.id), queues(lone.id)) == (["any", "by-tag", "q"], ["any", "by-id"])
    with pytest.raises(NotFound):
        queues(new_id())


def test_many_who_need_a_queue_at_once_get_the_same(store: Store) -> None:
    flow, _ = store.write_now(flows.create, FlowCreate(name="etl"), NOW)
    wanted = DeploymentCreate(name="d", flow_id=flow.id, work_queue_name="q")
    with ThreadPoolExecutor(8) as pool:
        queues = list(pool.map(lambda _: store.write_now(work_queues.ensure, "q", NOW).id, range(24)))
        saved = list(pool.map(lambda _: store.write_now(deployments.upsert, wanted, NOW), range(24)))
    assert len(set(queues)) == 1
    assert len({deployment.id for deployment, _ in saved}) == 1
    assert [created for _, created in saved].count(True) == 1
