"""Named limits: slots taken and given back, rates that decay, and leases that end by themselves."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from orion.errors import Gone, Invalid, Locked
from orion.model.ids import new_id
from orion.model.limits import ConcurrencyLimitV2Create, Decrement, Increment, IncrementWithLease, LeaseHolder
from orion.orchestration import give, give_lease, renew_lease, take, take_lease
from orion.store import Store, concurrency_limits_v2
from tests.orchestration.world import World


class Limits(World):
    """A world with named limits."""

    def named(self, name: str, slots: int, decay: float = 0.0) -> None:
        wanted = ConcurrencyLimitV2Create(name=name, limit=slots, slot_decay_per_second=decay)
        self.store.write_now(concurrency_limits_v2.create, wanted, self.now)

    def take(self, *names: str, slots: int = 1, **kw: Any) -> list[str]:
        found = self.store.write_now(take, Increment(names=list(names), slots=slots, **kw), self.now)
        return [limit.name for limit in found]

    def give(self, *names: str, slots: int = 1, seconds: float | None = None) -> None:
        self.store.write_now(
            give, Decrement(names=list(names), slots=slots, occupancy_seconds=seconds), self.now
        )

    def lease(self, *names: str, slots: int = 1, seconds: float = 60) -> Any:
        holder = LeaseHolder(type="task_run", id=new_id())
        wanted = IncrementWithLease(names=list(names), slots=slots, lease_duration=seconds, holder=holder)
        return self.store.write_now(take_lease, wanted, self.now)


@pytest.fixture
def world(store: Store) -> Limits:
    return Limits(store)


def test_slots_are_taken_until_they_are_given_back(world: Limits) -> None:
    world.named("db", 3)
    assert world.take("db", slots=2) == ["db"]
    with pytest.raises(Locked, match="db"):
        world.take("db", slots=2)
    world.give("db", slots=2)
    assert world.take("db", slots=3) == ["db"]


def test_names_without_a_limit_are_ignored(world: Limits) -> None:
    world.named("db", 1)
    assert world.take("db", "nobody knows") == ["db"]
    assert world.take("nobody knows") == []


def test_several_limits_are_taken_all_or_none(world: Limits) -> None:
    world.named("a", 1)
    world.named("b", 1)
    world.take("b")
    with pytest.raises(Locked):
        world.take("a", "b")
    assert world.take("a") == ["a"]


def test_a_limit_that_is_made_on_the_way_is_not_enforced(world: Limits) -> None:
    assert world.take("new", slots=5, create_if_missing=True) == []
    made = world.store.read_now(concurrency_limits_v2.get, "new", world.now)
    assert made is not None and not made.active


def test_a_rate_decays(world: Limits) -> None:
    world.named("api", 2, decay=0.5)
    world.take("api", slots=2, mode="rate_limit")
    with pytest.raises(Locked) as refused:
        world.take("api", mode="rate_limit")
    assert refused.value.retry_after == 2.0
    world.later(2)
    assert world.take("api", mode="rate_limit") == ["api"]


def test_a_limit_without_decay_is_no_rate(world: Limits) -> None:
    world.named("db", 2)
    with pytest.raises(Invalid, match="slot_decay_per_second"):
        world.take("db", mode="rate_limit")


def test_the_wait_follows_how_long_slots_are_held(world: Limits) -> None:
    world.named("db", 1)
    for _ in range(12):
        world.take("db")
        world.give("db", seconds=30)
    world.take("db")
    with pytest.raises(Locked) as refused:
        world.take("db")
    assert 25 < refused.value.retry_after <= 30


def test_giving_back_too_much_does_not_make_room_that_is_not_there(world: Limits) -> None:
    world.named("db", 1)
    world.give("db", slots=5)
    assert world.take("db") == ["db"]
    with pytest.raises(Locked):
        world.take("db")


def test_a_lease_ends_by_itself_unless_it_is_renewed(world: Limits) -> None:
    world.named("tag:a", 1)
    lease = world.lease("tag:a", "tag:b", seconds=60)
    assert [limit.name for limit in lease.limits] == ["tag:a"]
    world.later(45)
    world.store.write_now(renew_lease, lease.lease_id, 60, world.now)
    world.later(45)
    with pytest.raises(Locked):
        world.lease("tag:a")
    world.later(16)
    world.lease("tag:a")
    with pytest.raises(Gone):
        world.store.write_now(renew_lease, lease.lease_id, 60, world.now)


def test_a_lease_is_given_back_once_and_again_without_harm(world: Limits) -> None:
    world.named("db", 1)
    lease = world.lease("db")
    for _ in range(2):
        world.store.write_now(give_lease, lease.lease_id, world.now)
    world.lease("db")


def test_who_is_not_limited_gets_a_lease_on_nothing_that_never_ends(world: Limits) -> None:
    lease = world.lease("tag:free")
    assert lease.limits == []
    world.later(10_000)
    world.store.write_now(renew_lease, lease.lease_id, 60, world.now)
    world.store.write_now(give_lease, lease.lease_id, world.now)


def test_leases_and_task_runs_share_the_slots_of_a_tag(world: Limits) -> None:
    world.limit("db", 2)
    lease = world.lease("tag:db")
    task = world.running_task(tags=["db"])
    other = world.task_run(world.flow_run("RUNNING").id, tags=["db"])
    assert world.task(other.id, "RUNNING").status == "WAIT"
    with pytest.raises(Locked):
        world.lease("tag:db")
    world.task(task.id, "COMPLETED")
    assert world.task(other.id, "RUNNING").status == "ACCEPT"
    world.store.write_now(give_lease, lease.lease_id, world.now)
    world.lease("tag:db")


def test_under_a_rush_no_more_slots_are_taken_than_there_are(world: Limits) -> None:
    world.named("db", 5)

    def rush(way: int) -> int:
        try:
            world.lease("db") if way % 2 else world.take("db")
        except Locked:
            return 0
        return 1

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(rush, range(24))) == 5
