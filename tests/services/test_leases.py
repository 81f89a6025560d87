"""The sweep of leases: silent holders lose their runs, those who spoke keep them."""

from __future__ import annotations

import pytest

from orion.model.flow_runs import FlowRunCreate, FlowRunPolicy, FlowRunUpdate
from orion.orchestration import create_claimed, heartbeat
from orion.orchestration.attempts import terms
from orion.services import crashes, leases, presence
from orion.services.duties import BY_NAME
from orion.store import Store, claims, duties, flow_runs
from tests.orchestration.world import World, wish


class Swept(World):
    """A world whose sweep comes round regularly."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.serve(-leases.terms().beat)
        self.serve()
        leases.sweep(store, self.now)

    def serve(self, after: float = 0) -> None:
        """A web server says that it lives."""
        self.store.write_now(duties.serve, self.at(after), presence.gap())

    def sweep(self, after: float = 0) -> int:
        """Let time go by, sweeping every 25 s; what the last sweep touched."""
        while after > 25:
            self.later(25)
            self.serve()
            leases.sweep(self.store, self.now)
            after -= 25
        self.later(after)
        self.serve()
        return leases.sweep(self.store, self.now)

    def held(self, **values: object) -> tuple[str, str]:
        """A run claimed with a token."""
        run = self.planned(**values)
        token = self.flow(run.id, "PENDING", claim=True).token
        assert token is not None
        return run.id, token

    def beating(self, **values: object) -> tuple[str, str]:
        """A run that is RUNNING and has beaten."""
        run_id, token = self.held(**values)
        self.flow(run_id, "RUNNING", token=token)
        self.beat(run_id, token)
        return run_id, token

    def beat(self, run_id: str, token: str) -> bool:
        return self.store.write_now(heartbeat, run_id, token, self.now).cancel

    def stands(self, run_id: str) -> str:
        return f"{self.get(run_id).state_type} {self.get(run_id).state_name}"


@pytest.fixture
def world(store: Store) -> Swept:
    return Swept(store)


def test_a_run_that_nobody_started_goes_back_to_the_queue(world: Swept) -> None:
    queue, (run_id, token) = world.queue(), world.held()
    world.sweep(85)
    assert world.stands(run_id) == "PENDING Pending"
    world.sweep(10)
    assert world.stands(run_id) == "SCHEDULED Scheduled"
    assert world.claim(queue) == [run_id]
    assert world.flow(run_id, "RUNNING", token=token).status == "ABORT"


def test_after_three_submissions_a_run_is_given_up_with_a_reason(world: Swept) -> None:
    run = world.planned()
    for _ in range(3):
        assert world.flow(run.id, "PENDING", claim=True).status == "ACCEPT"
        world.sweep(95)
    assert world.stands(run.id) == "CRASHED Crashed"
    assert "3 times" in (world.get(run.id).state.message or "")


def test_a_run_that_was_claimed_early_has_its_time_from_the_scheduled_one(world: Swept) -> None:
    run = world.planned(60)
    world.flow(run.id, "PENDING", claim=True)
    world.sweep(140)
    assert world.stands(run.id) == "PENDING Pending"
    world.sweep(15)
    assert world.get(run.id).state_type == "SCHEDULED"


def test_a_plain_client_has_longer_once_its_infrastructure_is_there(world: Swept) -> None:
    bare, started = world.planned(), world.planned()
    for run in (bare, started):
        world.flow(run.id, "PENDING")
    update = FlowRunUpdate(infrastructure_pid="host:1")
    world.store.write_now(flow_runs.update, started.id, update, world.now)
    world.sweep(95)
    assert (world.get(bare.id).state_type, world.get(started.id).state_type) == ("SCHEDULED", "PENDING")
    world.sweep(500)
    assert world.get(started.id).state_type == "PENDING"
    world.sweep(10)
    assert world.get(started.id).state_type == "SCHEDULED"


@pytest.mark.row("ENG-18")
@pytest.mark.row("CON-07")
def test_a_silent_process_is_taken_for_dead_within_90_s(world: Swept) -> None:
    world.limit("db", 1)
    run_id, token = world.beating()
    task = world.task_run(run_id, tags=["db"])
    world.task(task.id, "RUNNING")
    assert world.holders("db") == [task.id]
    world.sweep(74)
    assert world.stands(run_id) == "RUNNING Running"
    world.sweep(5)
    assert world.stands(run_id) == "CRASHED Crashed"
    assert world.get_task(task.id).state_type == "CRASHED"
    assert world.holders("db") == []
    assert world.beat(run_id, token)
    assert world.flow(run_id, "COMPLETED", token=token).status == "ABORT"


def test_a_run_that_never_beat_is_never_reaped(world: Swept) -> None:
    plain = world.flow_run("RUNNING")
    claimed, token = world.held()
    world.flow(claimed, "RUNNING", token=token)
    world.sweep(1000)
    assert [world.get(run_id).state_type for run_id in (plain.id, claimed)] == ["RUNNING", "RUNNING"]


def test_beats_keep_a_run(world: Swept) -> None:
    run_id, token = world.beating()
    for _ in range(10):
        world.sweep(60)
        assert not world.beat(run_id, token)
    assert world.stands(run_id) == "RUNNING Running"


def test_a_retry_whose_process_died_is_handed_out_at_its_time(world: Swept) -> None:
    queue = world.queue()
    run_id, token = world.beating(policy={"retries": 1, "retry_delay": 300})
    world.flow(run_id, "FAILED", token=token)
    world.sweep(80)
    assert world.stands(run_id) == "SCHEDULED AwaitingRetry"
    assert world.claim(queue, before=100) == []
    world.later(220)
    assert world.claim(queue) == [run_id]
    assert world.flow(run_id, "RUNNING", token=token).status == "ABORT"


def test_a_paused_run_whose_process_died_has_crashed_and_a_suspended_one_waits(world: Swept) -> None:
    paused, token = world.beating()
    suspended, other = world.beating()
    world.flow(paused, "PAUSED", token=token)
    world.flow(suspended, wish("PAUSED", pause_reschedule=True), token=other)
    world.sweep(80)
    assert (world.get(paused).state_type, world.get(suspended).state_type) == ("CRASHED", "PAUSED")


def test_cancelling_does_not_last_for_ever(world: Swept) -> None:
    plain, (held, token) = world.flow_run("RUNNING"), world.beating()
    for run_id in (plain.id, held):
        world.flow(run_id, "CANCELLING")
    world.sweep(100)
    assert world.beat(held, token)
    world.sweep(25)
    assert (world.get(plain.id).state_type, world.get(held).state_type) == ("CANCELLED", "CANCELLING")
    world.sweep(75)
    assert world.get(held).state_type == "CANCELLED"


@pytest.mark.row("AG-09")
def test_a_hand_out_that_was_not_used_is_tidied_up_and_told(world: Swept) -> None:
    queue, run = world.queue(), world.planned()
    world.claim(queue)
    assert world.sweep(25) == 0
    assert world.sweep(6) == 1
    assert world.rows("SELECT claimed_by, claim_until FROM flow_run WHERE id = :id", id=run.id) == [
        (None, None)
    ]


@pytest.mark.parametrize("meanwhile", ["beats", "ends", "is scheduled again"])
def test_a_sweep_with_an_old_view_loses(world: Swept, meanwhile: str) -> None:
    run_id, token = world.beating()
    world.later(80)
    ((seen, state_id, *_),) = world.store.read_now(claims.ended_leases, world.now, 10)
    if meanwhile == "beats":
        world.beat(run_id, token)
    else:
        world.flow(run_id, "COMPLETED" if meanwhile == "ends" else "SCHEDULED", token=token)
    before = world.get(run_id)
    assert not world.store.write_now(leases.reap, seen, state_id, world.now)
    assert world.get(run_id) == before


def test_two_sweeps_at_once_reap_once(world: Swept) -> None:
    run_id, _ = world.beating()
    world.later(80)
    ((seen, state_id, *_),) = world.store.read_now(claims.ended_leases, world.now, 10)
    reaped = [world.store.write_now(leases.reap, seen, state_id, world.now) for _ in range(2)]
    assert reaped == [True, False]
    assert len(world.history(run_id)) == 4


def test_after_a_jump_of_the_clock_everybody_gets_another_period(world: Swept) -> None:
    run_id, _ = world.beating()
    world.later(3 * 3600)
    world.serve()
    leases.sweep(world.store, world.now)
    world.sweep(70)
    assert world.stands(run_id) == "RUNNING Running"
    world.sweep(10)
    assert world.get(run_id).state_type == "CRASHED"


def test_after_a_restart_of_the_server_everybody_gets_another_period(world: Swept, database_url: str) -> None:
    run_id, token = world.beating()
    world.later(600)
    leases._ticks.clear()
    assert world.sweep() == 1
    assert not world.beat(run_id, token)
    world.sweep(60)
    assert world.stands(run_id) == "RUNNING Running"


def test_single_passes_of_an_outside_cron_excuse_once_and_then_reap(world: Swept) -> None:
    (dead, _), (alive, token) = world.beating(), world.beating()
    waits, _ = world.held()
    seen = []
    for _ in range(4):
        leases._ticks.clear()  # each pass is a process of its own, or has not looked for a minute
        world.later(90)
        world.beat(alive, token)
        leases.sweep_alone(world.store, world.later(1))
        seen.append((world.stands(dead), world.get(waits).state_type))
    assert seen[0] == ("RUNNING Running", "PENDING") and seen[-1] == ("CRASHED Crashed", "SCHEDULED")
    assert world.stands(alive) == "RUNNING Running"


def test_a_clock_takes_no_silence_for_death_while_no_web_server_could_hear(world: Swept) -> None:
    (living, token), (dead, _) = world.beating(), world.beating()
    for _ in range(20):
        leases.sweep(world.store, world.later(10))
    assert (world.stands(living), world.stands(dead)) == ("RUNNING Running", "RUNNING Running")
    world.serve()
    world.sweep(15)
    assert not world.beat(living, token)
    world.sweep(59)
    assert world.stands(dead) == "RUNNING Running"
    world.sweep(5)
    assert (world.stands(living), world.stands(dead)) == ("RUNNING Running", "CRASHED Crashed")


@pytest.mark.row("ENG-18")
def test_a_run_that_its_maker_held_crashes_with_its_process_and_is_not_tried_again(world: Swept) -> None:
    policy = FlowRunPolicy(retries=3)
    wanted = FlowRunCreate(flow_id=world.flow_id, empirical_policy=policy)
    tokens = {}
    for name in ("never started", "killed", "lives"):
        run, _, token = world.store.write_now(create_claimed, wanted, world.now)
        tokens[name] = run.id, token
        if name != "never started":
            assert world.flow(run.id, "RUNNING", token=token).status == "ACCEPT"
    world.sweep(60)
    assert not world.beat(*tokens["lives"])
    world.sweep(60)
    world.sweep(5)
    assert {name: world.get(run_id).state_type for name, (run_id, _) in tokens.items()} == {
        "never started": "CRASHED", "killed": "CRASHED", "lives": "RUNNING",
    }  # fmt: skip
    assert "ended before it started it" in (world.get(tokens["never started"][0]).state.message or "")


def test_a_new_clock_finds_the_dead_as_soon_as_the_old_one_would_have(world: Swept) -> None:
    dead, _ = world.beating()
    world.sweep(70)
    leases._ticks.clear()  # the clock was killed, and this is the first sweep of another
    world.sweep(6)
    assert world.stands(dead) == "CRASHED Crashed"


def test_a_server_that_restarts_quickly_gives_a_dead_process_no_more_time(world: Swept) -> None:
    dead, _ = world.beating()
    for _ in range(2):
        leases.sweep(world.store, world.later(10))
    world.serve()
    world.sweep(56)
    assert world.stands(dead) == "CRASHED Crashed"


@pytest.mark.parametrize(
    ("policy", "stands"),
    [
        ({"retries": 1, "retry_delay": 5}, "SCHEDULED AwaitingRetry"),
        ({"retries": 1, "retry_on_crash": False}, "CRASHED Crashed"),
        ({"retries": 0}, "CRASHED Crashed"),
        ({}, "CRASHED Crashed"),
    ],
)
def test_a_crashed_run_gets_its_next_attempt(world: Swept, policy: dict[str, object], stands: str) -> None:
    queue, (run_id, token) = world.queue(), world.beating(policy=policy)
    assert world.flow(run_id, "CRASHED", token=token).state.type == "CRASHED"
    world.sweep(5)
    assert world.stands(run_id) == stands
    assert world.claim(queue, before=10) == ([run_id] if "Awaiting" in stands else [])
    assert world.store.read_now(claims.ended_leases, world.at(1000), 10) == []


@pytest.mark.parametrize(
    ("policy", "details", "attempts"),
    [
        ({}, {"retriable": True}, 3),
        ({"retries": 0}, {"retriable": True}, 3),
        ({"retry_on_crash": False}, {"retriable": True}, 1),
        ({"retries": 2}, {}, 1),
    ],
)
def test_a_run_killed_before_it_began_is_handed_out_again_and_one_that_could_not_be_loaded_is_not(
    world: Swept, policy: dict[str, object], details: dict[str, object], attempts: int
) -> None:
    run = world.planned(policy=policy)
    for _ in range(attempts):
        token = world.flow(run.id, "PENDING", claim=True).token
        world.flow(run.id, wish("CRASHED", **details), token=token)
        world.sweep(5)
    assert world.stands(run.id) == "CRASHED Crashed"
    assert [state.type for state in world.history(run.id)].count("PENDING") == attempts


def test_an_attempt_that_never_begins_uses_no_retry_and_is_not_tried_for_ever(world: Swept) -> None:
    run = world.planned(policy={"retries": 1})
    for attempt in range(4):
        token = world.flow(run.id, "PENDING", claim=True).token
        if attempt == 0:
            world.flow(run.id, "RUNNING", token=token)
        world.flow(run.id, "CRASHED", token=token)
        world.sweep(5)
    assert world.stands(run.id) == "CRASHED Crashed"
    assert [state.type for state in world.history(run.id)].count("PENDING") == 4


def test_crashes_are_retried_as_often_as_the_policy_says(world: Swept) -> None:
    run = world.planned(policy={"retries": 2})
    for attempt in range(1, 4):
        token = world.flow(run.id, "PENDING", claim=True).token
        world.flow(run.id, "RUNNING", token=token)
        assert world.get(run.id).run_count == attempt
        world.flow(run.id, "CRASHED", token=token)
        world.sweep(5)
    assert world.stands(run.id) == "CRASHED Crashed"


def test_crashes_of_other_clients_stay(world: Swept) -> None:
    run = world.planned(policy={"retries": 3})
    for text in ("PENDING", "RUNNING", "CRASHED"):
        world.flow(run.id, text)
    world.sweep(30)
    assert world.stands(run.id) == "CRASHED Crashed"


def test_task_runs_that_a_killed_flow_left_open_are_closed_bit_by_bit(world: Swept, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr("orion.orchestration.entering.AT_ONCE", 2)
    run = world.flow_run("RUNNING")
    tasks = [world.task_run(run.id, "RUNNING") for _ in range(5)]
    world.flow(run.id, "CRASHED")
    assert [crashes.close(world.store, world.now) for _ in range(3)] == [2, 1, 0]
    assert {world.get_task(task.id).state_type for task in tasks} == {"CRASHED"}


def test_the_sweep_comes_round_often_enough_to_reap_within_90_s() -> None:
    assert (BY_NAME["leases"].function, BY_NAME["leases"].alone) == (leases.sweep, leases.sweep_alone)
    assert terms().beat + BY_NAME["leases"].every <= 90
