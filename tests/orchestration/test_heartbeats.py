"""Beats: who renews a lease, and who is told to stop."""

from __future__ import annotations

import pytest

from orion.errors import NotFound
from orion.model.flow_runs import Heartbeat
from orion.model.ids import new_id
from orion.orchestration import heartbeat
from orion.store import Store
from tests.orchestration.world import World


class Beating(World):
    """A world with beats."""

    def beat(self, run_id: str, token: str | None) -> Heartbeat:
        return self.store.write_now(heartbeat, run_id, token, self.now)

    def lease(self, run_id: str) -> float | None:
        """Seconds for which the run is still held."""
        ((until,),) = self.rows("SELECT lease_until FROM flow_run WHERE id = :id", id=run_id)
        at = self.store.read_now(lambda conn: conn.when(until))
        return None if at is None else (at - self.now).total_seconds()

    def held(self) -> tuple[str, str]:
        """A claimed run and its token."""
        run = self.planned()
        token = self.flow(run.id, "PENDING", claim=True).token
        assert token is not None
        return run.id, token


@pytest.fixture
def world(store: Store) -> Beating:
    return Beating(store)


def test_a_beat_renews_the_lease_of_a_run_that_is_being_started(world: Beating) -> None:
    run_id, token = world.held()
    world.later(80)
    assert world.beat(run_id, token) == Heartbeat(cancel=False, lease_seconds=90)
    assert world.lease(run_id) == 90


def test_a_run_that_never_beat_has_no_lease_once_it_runs(world: Beating) -> None:
    run_id, token = world.held()
    world.flow(run_id, "RUNNING", token=token)
    assert world.lease(run_id) is None
    assert world.beat(run_id, token) == Heartbeat(cancel=False, lease_seconds=75)
    assert world.lease(run_id) == 75


def test_a_beat_during_the_start_counts_as_the_first(world: Beating) -> None:
    run_id, token = world.held()
    world.beat(run_id, token)
    world.flow(run_id, "RUNNING", token=token)
    assert world.lease(run_id) == 75


def test_a_stranger_is_told_to_stop_and_renews_nothing(world: Beating) -> None:
    run_id, _ = world.held()
    world.later(50)
    for token in ("another token", None):
        assert world.beat(run_id, token) == Heartbeat(cancel=True, lease_seconds=0)
    assert world.lease(run_id) == 40


@pytest.mark.parametrize(
    ("end", "cancel"), [("COMPLETED", False), ("FAILED", False), ("CANCELLED", True), ("CRASHED", True)]
)
def test_a_beat_never_changes_an_ending(world: Beating, end: str, cancel: bool) -> None:
    run_id, token = world.held()
    world.flow(run_id, "RUNNING", token=token)
    world.flow(run_id, end, token=token)
    before = world.rows("SELECT * FROM flow_run")
    assert world.beat(run_id, token) == Heartbeat(cancel=cancel, lease_seconds=0)
    assert world.rows("SELECT * FROM flow_run") == before


def test_a_cancelled_process_hears_of_it_with_its_next_beat(world: Beating) -> None:
    run_id, token = world.held()
    world.flow(run_id, "RUNNING", token=token)
    world.flow(run_id, "CANCELLING")
    assert world.beat(run_id, token).cancel


def test_a_process_that_waits_keeps_its_run(world: Beating) -> None:
    run = world.planned(policy={"retries": 1, "retry_delay": 500})
    token = world.flow(run.id, "PENDING", claim=True).token
    world.flow(run.id, "RUNNING", token=token)
    world.beat(run.id, token)
    world.flow(run.id, "FAILED", token=token)
    world.later(60)
    assert world.beat(run.id, token) == Heartbeat(cancel=False, lease_seconds=75)


def test_a_run_that_is_not_there_is_said_so(world: Beating) -> None:
    with pytest.raises(NotFound, match="Flow run not found"):
        world.beat(new_id(), "token")
