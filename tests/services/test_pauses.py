"""Pauses that nobody ended in time."""

from __future__ import annotations

import pytest

from orion.services import pauses
from orion.store import Store
from tests.orchestration.world import World, wish


@pytest.fixture
def world(store: Store) -> World:
    return World(store)


def test_a_pause_that_timed_out_fails_the_run(world: World) -> None:
    short, long, open_ended = (world.flow_run("RUNNING") for _ in range(3))
    world.flow(short.id, wish("PAUSED", pause_timeout=world.at(10)))
    world.flow(long.id, wish("PAUSED", pause_timeout=world.at(100)))
    world.flow(open_ended.id, "PAUSED")
    assert pauses.expire(world.store, world.later(9)) == 0
    assert pauses.expire(world.store, world.later(2)) == 1
    failed = world.get(short.id)
    assert (failed.state_type, failed.state.message) == ("FAILED", "The flow was paused and never resumed.")
    assert {world.get(run.id).state_type for run in (long, open_ended)} == {"PAUSED"}


def test_a_run_that_went_on_meanwhile_is_left_alone(world: World) -> None:
    run = world.flow_run("RUNNING")
    paused = world.flow(run.id, wish("PAUSED", pause_timeout=world.at(10))).state
    world.flow(run.id, "RUNNING")
    assert not world.store.write_now(pauses.fail, run.id, paused.id, world.later(20))
    assert world.get(run.id).state_type == "RUNNING"
