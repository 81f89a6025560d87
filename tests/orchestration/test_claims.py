"""Handing out runs of a queue: who gets which, in what order, and how many."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from orion.errors import NotFound
from orion.model.flow_runs import FlowRunUpdate
from orion.model.work_queues import QueueFilter, WorkQueue, WorkQueueUpdate
from orion.orchestration import claim_runs
from orion.store import Store, claims, flow_runs, work_queues
from orion.store.base import Conn
from tests import counting
from tests.orchestration.world import World, wish


@pytest.fixture
def world(store: Store) -> World:
    return World(store)


@pytest.mark.row("WQ-05")
def test_due_runs_of_the_queue_come_earliest_first(world: World) -> None:
    queue = world.queue("etl")
    late, early, planned = (world.planned(seconds, "etl").id for seconds in (-5, -60, 30))
    world.planned(-90, "another")
    assert world.claim(queue) == [early, late]
    assert world.claim(queue, before=31) == [planned]


def test_many_runs_are_handed_out_in_as_many_statements_as_one(world: World) -> None:
    one, many = world.queue("one"), world.queue("many")
    world.planned(-1, "one")
    runs = [world.planned(-n, "many").id for n in range(9, 0, -1)]

    def claimed(conn: Conn, queue: WorkQueue) -> list[str]:
        return [run.id for run in claim_runs(conn, queue, world.now)]

    assert counting.statements(world.store, claimed, one) == counting.statements(world.store, claimed, many)
    assert world.claim(many) == [] and all(world.get(run).state_type == "SCHEDULED" for run in runs)


def test_a_run_on_hand_is_nobody_elses_until_its_lease_ends(world: World) -> None:
    queue, run = world.queue(), world.planned()
    assert world.claim(queue, holder="a") == [run.id]
    assert world.claim(queue, holder="b") == []
    assert world.get(run.id).state_type == "SCHEDULED"
    world.later(31)
    assert world.claim(queue, holder="b") == [run.id]


@pytest.mark.row("AG-08")
def test_of_two_who_saw_a_run_free_one_gets_it(world: World) -> None:
    """By two queues, say: what was looked for is asked again when it is taken."""
    run = world.flow_run("SCHEDULED", work_queue_name="q")
    until = world.now + timedelta(seconds=30)

    def take(holder: str) -> set[str]:
        return world.store.write_now(claims.hand_out, [run.id], holder, until, world.now)

    assert [take("a"), take("b")] == [{run.id}, set()]


def test_a_late_mark_does_not_open_a_hand_out(world: World) -> None:
    queue, run = world.queue(), world.planned(-60)
    world.claim(queue)
    world.flow(run.id, wish("SCHEDULED Late", scheduled_time=world.at(-60)))
    assert world.claim(queue, holder="b") == []


def test_only_what_is_scheduled_is_handed_out(world: World) -> None:
    queue = world.queue()
    for text in ("PENDING", "RUNNING", "CANCELLED", "PAUSED"):
        world.flow(world.planned().id, text, force=True)
    assert world.claim(queue) == []


def test_a_retry_that_its_process_waits_for_is_not_handed_out(world: World) -> None:
    queue, run = world.queue(), world.planned(policy={"retries": 1})
    world.flow(run.id, "RUNNING")
    assert world.flow(run.id, "FAILED").state.name == "AwaitingRetry"
    assert world.claim(queue, before=100) == []


@pytest.mark.row("WQ-04")
def test_a_paused_queue_gives_nothing(world: World) -> None:
    queue = world.queue()
    world.planned()
    world.store.write_now(work_queues.update, queue.id, WorkQueueUpdate(is_paused=True), world.now)
    assert world.claim(queue) == []
    assert not world.store.read_now(claims.ready, queue.id, world.now, world.now)
    paused = world.store.read_now(work_queues.get, queue.id)
    assert paused is not None
    assert world.store.read_now(work_queues.runs_for_queue, paused, world.now, 10) == []  # a preview


@pytest.mark.row("AG-07")
def test_asking_marks_the_queue_as_polled_and_keeps_who_asked(world: World) -> None:
    queue = world.queue()
    world.claim(queue)
    world.claim(queue, holder="somebody else")
    world.later(30)
    world.claim(queue)
    polled = world.store.read_now(work_queues.get, queue.id)
    assert polled is not None and polled.last_polled == world.now
    seen = "SELECT name, {micros:last_seen} FROM agent ORDER BY last_seen"
    ((other, before), (name, last)) = world.rows(seen)
    assert (other, name, last - before) == ("somebody else", "agent", 30_000_000)


@pytest.mark.row("WQ-01")
def test_a_filter_goes_by_all_its_tags_and_one_of_its_deployments(world: World) -> None:
    mine = world.deployment_id
    tagged = world.planned(queue="x", tags=["a", "b"]).id
    half = world.planned(queue="x", tags=["a"]).id
    by_tags = world.queue("tags", QueueFilter(tags=["a", "b"]))
    by_deployment = world.queue("deployment", QueueFilter(deployment_ids=[mine]))
    by_another = world.queue("another", QueueFilter(deployment_ids=[world.flow_id]))
    world.flow_run("SCHEDULED", tags=["a", "b"])
    assert world.claim(by_another) == []
    assert world.claim(by_tags) == [tagged]
    assert world.claim(by_deployment) == [half]


@pytest.mark.row("WQ-01")
def test_an_empty_filter_takes_every_run_of_a_deployment(world: World) -> None:
    queue = world.queue("all", QueueFilter())
    runs = {world.planned(queue=name).id for name in ("x", "y")}
    world.flow_run("SCHEDULED")
    assert set(world.claim(queue)) == runs


@pytest.mark.row("WQ-03")
def test_a_queues_limit_counts_runs_on_hand_and_under_way(world: World) -> None:
    queue = world.queue(limit=2)
    runs = [world.planned(-n).id for n in range(4, 0, -1)]
    assert world.claim(queue, holder="a") == runs[:2]
    assert world.claim(queue, holder="b") == []
    world.flow(runs[0], "PENDING")
    world.flow(runs[1], "PENDING")
    world.later(60)
    assert world.claim(queue) == []
    world.flow(runs[0], "RUNNING")
    world.flow(runs[0], "COMPLETED")
    assert world.store.read_now(claims.ready, queue.id, world.now, world.now)
    assert world.claim(queue) == [runs[2]]
    assert not world.store.read_now(claims.ready, queue.id, world.now, world.now)


def test_a_queue_that_is_not_there_is_said_so(world: World) -> None:
    queue = world.queue()
    world.store.write_now(work_queues.delete, queue.id)
    with pytest.raises(NotFound, match="Work queue not found"):
        world.claim(queue)


@pytest.mark.row("AG-05")
def test_a_claim_is_used_once(world: World) -> None:
    run = world.planned()
    first, second = world.flow(run.id, "PENDING", claim=True), world.flow(run.id, "PENDING", claim=True)
    assert (first.status, second.status) == ("ACCEPT", "ABORT")
    assert first.token and second.token is None
    assert world.flow(run.id, "RUNNING").status == "ABORT"
    assert world.flow(run.id, "RUNNING", token="guessed").status == "ABORT"
    assert world.flow(run.id, "RUNNING", token=first.token).status == "ACCEPT"
    assert world.flow(run.id, "RUNNING", token=first.token).status == "ABORT"


def test_the_token_is_nowhere_but_in_the_outcome(world: World) -> None:
    run = world.planned()
    outcome = world.flow(run.id, "PENDING", claim=True)
    assert outcome.token is not None
    assert outcome.token not in repr(outcome.result)
    assert outcome.token not in repr(world.get(run.id))


def test_a_claimer_whose_answer_was_lost_gets_its_token_again(world: World) -> None:
    run = world.planned()
    claim = wish("PENDING", transition_id=world.flow_id)
    first = world.flow(run.id, claim, claim=True)
    assert world.flow(run.id, claim, claim=True).token == first.token
    world.flow(run.id, "RUNNING", token=first.token)
    assert world.flow(run.id, claim, claim=True).token is None


def test_a_changed_policy_of_the_flows_code_keeps_the_hold(world: World) -> None:
    run = world.planned()
    token = world.flow(run.id, "PENDING", claim=True).token
    policy = world.flow_run(policy={"retries": 3}).empirical_policy
    world.store.write_now(flow_runs.update, run.id, FlowRunUpdate(empirical_policy=policy), world.now)
    assert world.flow(run.id, "RUNNING", token=token).status == "ACCEPT"
    assert world.flow(run.id, "FAILED", token=token).state.name == "AwaitingRetry"


@pytest.mark.row("AG-08")
def test_many_askers_at_once_get_every_run_once(world: World) -> None:
    queue = world.queue()
    runs = {world.planned(-n).id for n in range(40)}

    def ask(name: str) -> list[str]:
        found: list[str] = []
        while claimed := world.store.write_now(claim_runs, queue, world.now, 3, world.now, name):
            found += [run.id for run in claimed]
        return found

    with ThreadPoolExecutor(8) as pool:
        got = [run_id for found in pool.map(ask, "abcdefgh") for run_id in found]
    assert sorted(got) == sorted(runs)


def test_many_askers_at_once_stay_within_the_queues_limit(world: World) -> None:
    queue = world.queue(limit=5)
    for n in range(20):
        world.planned(-n)

    def ask(name: str) -> int:
        return len(world.store.write_now(claim_runs, queue, world.now, 3, world.now, name))

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(ask, "abcdefgh")) == 5


def test_of_many_who_claim_a_run_at_once_one_has_it(world: World) -> None:
    run = world.planned()
    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(lambda _: world.flow(run.id, "PENDING", claim=True), range(8)))
    assert sorted(outcome.status for outcome in outcomes) == ["ABORT"] * 7 + ["ACCEPT"]
    assert len([outcome.token for outcome in outcomes if outcome.token]) == 1


def test_of_many_endings_at_once_one_is_accepted(world: World) -> None:
    run = world.flow_run("RUNNING")
    wanted = ["COMPLETED", "FAILED", "CRASHED", "CANCELLED"] * 2
    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(lambda text: world.flow(run.id, text), wanted))
    accepted = [outcome.state for outcome in outcomes if outcome.status == "ACCEPT"]
    assert len(accepted) == 1
    assert world.get(run.id).state == accepted[0]
    assert world.history(run.id)[1:] == accepted
