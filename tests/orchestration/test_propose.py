"""Propose on both databases: what is stored, what is answered, what hangs on it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from orion.errors import NotFound
from orion.model.flow_runs import FlowRunUpdate
from orion.model.ids import new_id
from orion.model.wire import unraw
from orion.orchestration import propose_flow_run
from orion.store import Conn, Store, flow_runs
from tests.orchestration.world import World, wish


@pytest.fixture
def world(store: Store) -> World:
    return World(store)


@pytest.mark.row("ENG-03")
def test_an_accepted_state_is_stored_and_answered(world: World) -> None:
    run = world.flow_run()
    world.later(1)
    outcome = world.flow(run.id, wish("RUNNING", message="off we go"))
    assert (outcome.status, outcome.http_status) == ("ACCEPT", 201)
    kept = world.get(run.id)
    assert kept.state == outcome.state
    assert (kept.state_type, kept.state_name, kept.state_id) == ("RUNNING", "Running", outcome.state.id)
    assert (kept.run_count, kept.start_time) == (1, world.now)
    assert [state.type for state in world.history(run.id)] == ["PENDING", "RUNNING"]


@pytest.mark.row("ENG-03")
@pytest.mark.row("ENG-09")
def test_wait_and_abort_write_nothing(world: World) -> None:
    early = world.flow_run("SCHEDULED", scheduled_time=world.at(42))
    ended = world.flow_run("COMPLETED")
    before = (
        world.rows("SELECT * FROM flow_run ORDER BY id"),
        world.rows("SELECT * FROM flow_run_state ORDER BY id"),
    )
    world.later(2)
    waits, aborts = world.flow(early.id, "RUNNING"), world.flow(ended.id, "RUNNING")
    assert (waits.status, waits.http_status, waits.result.details.delay_seconds) == ("WAIT", 200, 40)
    assert (aborts.status, aborts.http_status, aborts.state.type) == ("ABORT", 200, "COMPLETED")
    told = aborts.result.details
    assert (told.type, told.reason) == ("abort_details", "This run has ended.")
    after = (
        world.rows("SELECT * FROM flow_run ORDER BY id"),
        world.rows("SELECT * FROM flow_run_state ORDER BY id"),
    )
    assert before == after


@pytest.mark.row("ENG-15")
def test_a_live_run_tells_how_long_it_has_run_and_how_late_it_is(world: World) -> None:
    run = world.flow_run("SCHEDULED", scheduled_time=world.at(10))
    assert world.get(run.id).estimated_start_time_delta == 0
    world.later(25)
    assert world.get(run.id).estimated_start_time_delta == 15
    world.flow(run.id, "RUNNING")
    world.later(4)
    live = world.get(run.id)
    assert (live.estimated_run_time, live.total_run_time, live.estimated_start_time_delta) == (4, 0, 15)
    world.flow(run.id, "COMPLETED")
    world.later(100)
    ended = world.get(run.id)
    assert (ended.estimated_run_time, ended.total_run_time, ended.estimated_start_time_delta) == (4, 4, 15)


@pytest.mark.row("ENG-03")
def test_a_rejected_state_gives_way_to_another(world: World) -> None:
    run = world.flow_run("RUNNING", policy={"retries": 1, "retry_delay": 5})
    outcome = world.flow(run.id, wish("FAILED", data={"type": "unpersisted"}, message="no luck"))
    assert (outcome.status, outcome.http_status) == ("REJECT", 201)
    assert (outcome.state.name, outcome.state.message) == ("AwaitingRetry", "no luck")
    assert (outcome.result.details.type, outcome.result.details.reason) == ("reject_details", "Retry in 5 s.")
    assert unraw(outcome.state.data) == {"type": "unpersisted"}
    kept = world.get(run.id)
    assert kept.next_scheduled_start_time == world.at(5)
    assert kept.empirical_policy.retry_type == "in_process"
    assert kept.end_time is None


def test_a_run_that_is_not_there_is_said_so(world: World) -> None:
    for propose, text in ((world.flow, "Flow run not found"), (world.task, "Task run not found")):
        with pytest.raises(NotFound, match=text):
            propose(new_id(), "RUNNING")


@pytest.mark.row("ENG-05")
@pytest.mark.row("ENG-14")
def test_force_skips_the_rules_but_not_the_bookkeeping(world: World) -> None:
    run = world.flow_run("RUNNING")
    world.later(3)
    world.flow(run.id, "FAILED")
    assert world.get(run.id).end_time == world.now
    outcome = world.flow(run.id, "RUNNING", force=True)
    assert outcome.status == "ACCEPT"
    kept = world.get(run.id)
    assert (kept.run_count, kept.end_time, kept.total_run_time) == (2, None, 3.0)
    task = world.running_task()
    world.task(task.id, "COMPLETED")
    assert world.task(task.id, "RUNNING").status == "ABORT"
    assert world.task(task.id, "RUNNING", force=True).status == "ACCEPT"
    assert (world.get_task(task.id).run_count, world.get_task(task.id).end_time) == (1, None)


def test_even_by_force_a_run_without_a_process_is_cancelled_at_once(world: World) -> None:
    outcome = world.flow(world.planned().id, "CANCELLING", force=True)
    assert (outcome.status, outcome.state and outcome.state.type) == ("REJECT", "CANCELLED")


def test_the_server_names_the_runs_in_the_details(world: World) -> None:
    run = world.flow_run("RUNNING")
    task = world.task_run(run.id)
    told = wish("RUNNING", flow_run_id=new_id(), task_run_id=new_id())
    assert world.task(task.id, told).state.state_details.flow_run_id == run.id
    assert world.get_task(task.id).state.state_details.task_run_id == task.id
    assert world.flow(run.id, told, force=True).state.state_details.task_run_id is None


def test_scheduled_without_a_time_is_scheduled_now(world: World) -> None:
    run = world.flow_run("SCHEDULED")
    assert run.next_scheduled_start_time == world.now
    assert world.get(run.id).state.state_details.scheduled_time == world.now


def test_timestamps_never_go_back(world: World) -> None:
    run = world.flow_run("RUNNING")
    world.later(-60)
    world.flow(run.id, "COMPLETED")
    first, second = world.history(run.id)
    assert second.timestamp == first.timestamp


def test_a_repeated_transition_gets_the_first_answer_whatever_has_happened_since(world: World) -> None:
    run = world.flow_run("RUNNING", policy={"retries": 1})
    fails = wish("FAILED", message="once", transition_id=new_id())
    first = world.flow(run.id, fails)
    world.flow(run.id, "RUNNING")
    completes = wish("COMPLETED", transition_id=new_id())
    done = world.flow(run.id, completes)
    states = world.history(run.id)
    again, done_again = world.flow(run.id, fails), world.flow(run.id, completes)
    assert again.result == first.result
    assert (again.status, again.state.name) == ("REJECT", "AwaitingRetry")
    assert (done_again.result, done_again.status) == (done.result, "ACCEPT")
    assert world.history(run.id) == states


def test_the_same_transition_sent_at_once_by_many_is_stored_once(world: World) -> None:
    run = world.flow_run("RUNNING", policy={"retries": 1})
    fails = wish("FAILED", transition_id=new_id())
    with ThreadPoolExecutor(8) as pool:
        results = [outcome.result for outcome in pool.map(lambda _: world.flow(run.id, fails), range(8))]
    assert all(result == results[0] for result in results)
    assert len(world.history(run.id)) == 2


def test_a_repeated_transition_of_a_task_run_gets_the_first_answer(world: World) -> None:
    task = world.task_run(world.flow_run("RUNNING").id)
    runs = wish("RUNNING", transition_id=new_id())
    first = world.task(task.id, runs)
    world.task(task.id, "COMPLETED")
    assert world.task(task.id, runs).result == first.result
    assert world.get_task(task.id).run_count == 1


def test_an_answer_that_stored_nothing_is_not_kept(world: World) -> None:
    run = world.flow_run("SCHEDULED", scheduled_time=world.at(10))
    starts = wish("RUNNING", transition_id=new_id())
    assert world.flow(run.id, starts).status == "WAIT"
    world.later(10)
    assert world.flow(run.id, starts).status == "ACCEPT"


@pytest.mark.row("ENG-10")
@pytest.mark.row("ENG-12")
def test_a_task_is_retried_as_the_same_task_run(world: World) -> None:
    task = world.running_task(policy={"retries": 2, "retry_delay": [1, 10]})
    for delay in (1, 10):
        outcome = world.task(task.id, "FAILED")
        assert (outcome.status, outcome.state.name) == ("REJECT", "AwaitingRetry")
        assert outcome.state.state_details.scheduled_time == world.at(delay)
        assert world.task(task.id, "RUNNING").result.details.delay_seconds == delay
        world.later(delay)
        assert world.task(task.id, "RUNNING").state.name == "Retrying"
    assert world.task(task.id, "FAILED").status == "ACCEPT"
    assert world.get_task(task.id).run_count == 3
    assert world.rows("SELECT count(*) FROM task_run") == [(1,)]


@pytest.mark.row("ENG-11")
def test_old_clients_get_their_failed_task_runs_opened_for_the_flows_retry(world: World) -> None:
    run = world.flow_run("RUNNING", policy={"max_retries": 1})
    failed, done = world.task_run(run.id), world.task_run(run.id)
    for task, end in ((failed, "FAILED"), (done, "COMPLETED")):
        world.task(task.id, "RUNNING")
        world.task(task.id, end)
    assert world.flow(run.id, "FAILED", api_version="0.8.0").state.name == "AwaitingRetry"
    opened = world.get_task(failed.id)
    assert (opened.state_name, opened.run_count) == ("AwaitingRetry", 0)
    assert world.get_task(done.id).state_type == "COMPLETED"


def test_newer_clients_open_task_runs_themselves_by_running_them_again(world: World) -> None:
    run = world.flow_run("RUNNING", policy={"retries": 1})
    task = world.task_run(run.id)
    world.task(task.id, "RUNNING")
    world.task(task.id, "FAILED")
    assert world.task(task.id, "RUNNING").status == "ABORT"
    world.flow(run.id, "FAILED", api_version="0.8.4")
    assert world.get_task(task.id).state_type == "FAILED"
    world.flow(run.id, "RUNNING")
    again = world.task(task.id, "RUNNING")
    assert (again.status, again.state.name) == ("ACCEPT", "Retrying")
    kept = world.get_task(task.id)
    assert (kept.run_count, kept.flow_run_run_count) == (1, 2)


@pytest.mark.row("ENG-16")
def test_a_subflow_is_mirrored_by_the_task_run_that_stands_for_it(world: World) -> None:
    parent = world.flow_run("RUNNING")
    dummy = world.task_run(parent.id)
    child = world.flow_run(parent_task_run_id=dummy.id)
    for text in ("RUNNING", "COMPLETED"):
        outcome = world.flow(child.id, wish(text, data={"type": "literal", "value": 1}))
        mirrored = world.get_task(dummy.id)
        assert (mirrored.state_type, mirrored.state_name) == (text, text.capitalize())
        assert mirrored.state.state_details.child_flow_run_id == child.id
        assert (mirrored.state.data, mirrored.state.id == outcome.state.id) == (outcome.state.data, False)
        assert outcome.state.state_details.task_run_id == dummy.id
    assert world.get_task(dummy.id).run_count == 1


def test_a_subflow_runs_again_with_its_parent(world: World) -> None:
    parent = world.flow_run("RUNNING", policy={"retries": 1})
    child = world.flow_run(parent_task_run_id=world.task_run(parent.id).id)
    world.flow(child.id, "RUNNING")
    world.flow(child.id, "FAILED")
    assert world.flow(child.id, "RUNNING").status == "ABORT"
    world.flow(parent.id, "FAILED")
    world.flow(parent.id, "RUNNING")
    assert world.flow(child.id, "RUNNING").status == "ACCEPT"


def test_a_cached_state_is_taken_over_until_it_expires(world: World) -> None:
    first, second, third = (world.task_run(world.flow_run("RUNNING").id) for _ in range(3))
    key = {"cache_key": "k", "cache_expiration": world.at(60)}
    world.task(first.id, wish("RUNNING", **key))
    done = world.task(first.id, wish("COMPLETED", data={"type": "reference"}, **key))
    cached = world.task(second.id, wish("RUNNING", cache_key="k"))
    assert (cached.status, cached.state.type, cached.state.name) == ("REJECT", "COMPLETED", "Cached")
    assert cached.state.data == done.state.data
    assert world.get_task(second.id).state_name == "Cached"
    world.later(61)
    assert world.task(third.id, wish("RUNNING", cache_key="k")).status == "ACCEPT"


def test_a_refreshed_cache_is_not_read_but_written(world: World) -> None:
    tasks = [world.task_run(world.flow_run("RUNNING").id) for _ in range(3)]
    for value, task in enumerate(tasks[:2]):
        assert world.task(task.id, wish("RUNNING", cache_key="k", refresh_cache=True)).status == "ACCEPT"
        world.later(1)
        world.task(task.id, wish("COMPLETED", data={"type": "literal", "value": value}, cache_key="k"))
    found = world.task(tasks[2].id, wish("RUNNING", cache_key="k"))
    assert unraw(found.state.data)["value"] == 1


def test_a_matching_policy_gets_one_outbox_row_for_a_stored_state(world: World) -> None:
    text = (
        "INSERT INTO flow_run_notification_policy"
        " (id, created, updated, is_active, block_document_id, state_names, tags)"
        " VALUES (:id, :now, :now, :active, :id, :names, :tags)"
    )

    def add(conn: Conn, names: str, tags: str, active: bool) -> None:
        stamp = {"id": new_id(), "now": conn.time(world.now)}
        conn.run(text, {**stamp, "active": active, "names": names, "tags": tags})

    run, other = world.flow_run("RUNNING", tags=["prod", "x"]), world.flow_run("RUNNING", tags=["x"])
    for policy in (('["Failed"]', '["prod"]', True), ("[]", "[]", True), ("[]", "[]", False)):
        world.store.write_now(add, *policy)
    failed = wish("FAILED", transition_id=new_id())
    for run_id, count in ((run.id, 2), (other.id, 1)):
        world.flow(run_id, failed)
        world.flow(run_id, failed)
        assert world.rows("SELECT count(*) FROM notification_outbox WHERE flow_run_id = :id", id=run_id) == [
            (count,)
        ]


def test_ended_runs_are_counted_by_minute_and_uncounted_when_they_go_on(world: World) -> None:
    def counted() -> list[tuple[str, int, float]]:
        text = "SELECT state_name, CAST(sum(n) AS BIGINT), sum(run_time) FROM flow_run_minute GROUP BY state_name"
        return sorted(row for row in world.rows(text) if row[1])

    runs = [world.flow_run("RUNNING", deployment_id=world.deployment_id) for _ in range(3)]
    assert counted() == []
    world.later(2)
    for run in runs[:2]:
        world.flow(run.id, "FAILED")
    world.flow(runs[2].id, "COMPLETED")
    assert counted() == [("Completed", 1, 2.0), ("Failed", 2, 4.0)]
    world.flow(runs[0].id, "SCHEDULED")
    assert counted() == [("Completed", 1, 2.0), ("Failed", 1, 2.0)]


def test_ended_runs_are_counted_by_tag_and_queue_and_uncounted_when_they_go_on(world: World) -> None:
    def counted() -> dict[tuple[str, str], tuple[int, float]]:
        text = (
            "SELECT facet, state_name, CAST(sum(n) AS BIGINT), sum(run_time) "
            "FROM flow_run_facet_hour GROUP BY facet, state_name"
        )
        return {(facet, name): (n, time) for facet, name, n, time in world.rows(text) if n}

    more = {"tags": ["a", "b"], "work_queue_name": "q", "deployment_id": world.deployment_id}
    both, one = world.flow_run("RUNNING", **more), world.flow_run("RUNNING", tags=["a"])
    none = world.flow_run("RUNNING")
    assert counted() == {}
    world.later(2)
    world.flow(both.id, "FAILED")
    for run in (one, none):
        world.flow(run.id, "COMPLETED")
    failed = {(facet, "Failed"): (1, 2.0) for facet in ("tag:a", "tag:b", "queue:q")}
    assert counted() == {("tag:a", "Completed"): (1, 2.0), **failed}
    world.flow(both.id, "SCHEDULED")
    assert counted() == {("tag:a", "Completed"): (1, 2.0)}
    world.store.write_now(flow_runs.update, one.id, FlowRunUpdate(tags=["c", "c"]), world.now)
    assert counted() == {("tag:c", "Completed"): (1, 2.0)}


def test_everything_of_a_transition_is_written_or_nothing(world: World) -> None:
    run = world.flow_run("RUNNING")
    child = world.flow_run("RUNNING", parent_task_run_id=world.task_run(run.id, "RUNNING").id)
    before = world.rows("SELECT * FROM flow_run_state"), world.rows("SELECT * FROM task_run_state")

    def spoiled(conn: Conn) -> None:
        propose_flow_run(conn, child.id, wish("COMPLETED"), world.now)
        raise RuntimeError("the power goes")

    with pytest.raises(RuntimeError, match="the power goes"):
        world.store.write_now(spoiled)
    assert (world.rows("SELECT * FROM flow_run_state"), world.rows("SELECT * FROM task_run_state")) == before
    assert world.get(child.id).state_type == "RUNNING"


def test_a_killed_flow_takes_its_task_runs_and_subflows_with_it(world: World) -> None:
    run = world.flow_run("RUNNING")
    open_task, done, dummy = world.task_run(run.id), world.task_run(run.id), world.task_run(run.id)
    elsewhere = world.task_run(run.id)
    child = world.flow_run("RUNNING", parent_task_run_id=dummy.id)
    deployed = world.flow_run("RUNNING", parent_task_run_id=elsewhere.id, deployment_id=world.deployment_id)
    inner = world.task_run(child.id, "RUNNING")
    world.task(open_task.id, "RUNNING")
    world.task(done.id, "RUNNING")
    world.task(done.id, "COMPLETED")
    world.flow(run.id, "CRASHED")
    assert [world.get_task(task.id).state_type for task in (open_task, done, dummy, inner)] == [
        "CRASHED",
        "COMPLETED",
        "CRASHED",
        "CRASHED",
    ]
    assert world.get(child.id).state_type == "CRASHED"
    assert world.get(deployed.id).state_type == "RUNNING"
    assert world.get_task(elsewhere.id).state_type == "RUNNING"
