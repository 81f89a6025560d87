"""Limits in the store: by tag and by name, over one table."""

from __future__ import annotations

from datetime import timedelta

import pytest

from orion.errors import Conflict, NotFound
from orion.model.ids import new_id
from orion.model.limits import ConcurrencyLimitCreate, ConcurrencyLimitV2Create, ConcurrencyLimitV2Update
from orion.store import Conn, Store, slots
from orion.store import concurrency_limits as by_tag
from orion.store import concurrency_limits_v2 as named
from tests.store.test_task_runs import added as added_task_run
from tests.store.world import NOW

LATER = NOW + timedelta(seconds=4)


def running(conn: Conn, key: str) -> str:
    return added_task_run(conn, None, key, state_type="RUNNING", state_name="Running").id


@pytest.mark.row("DB-11")
def test_a_tag_has_one_limit(store: Store) -> None:
    limit, created = store.write_now(
        by_tag.upsert, ConcurrencyLimitCreate(tag="db", concurrency_limit=2), NOW
    )
    assert created and (limit.tag, limit.concurrency_limit, limit.active_slots) == ("db", 2, [])
    again, created = store.write_now(
        by_tag.upsert, ConcurrencyLimitCreate(tag="db", concurrency_limit=5), LATER
    )
    assert not created and (again.id, again.concurrency_limit, again.created, again.updated) == (
        limit.id,
        5,
        NOW,
        LATER,
    )
    store.write_now(by_tag.upsert, ConcurrencyLimitCreate(tag="api", concurrency_limit=0), NOW)
    store.write_now(named.create, ConcurrencyLimitV2Create(name="slots", limit=1), NOW)
    assert [each.tag for each in store.read_now(by_tag.filter, 10)] == ["api", "db"]
    assert [each.tag for each in store.read_now(by_tag.filter, 10, 1)] == ["db"]
    assert store.read_now(by_tag.get, limit.id) == store.read_now(by_tag.by_tag, "db") == again
    assert store.read_now(by_tag.get, new_id()) is None and store.read_now(by_tag.by_tag, "x") is None


@pytest.mark.row("CON-06")
def test_slots_are_the_running_task_runs_that_hold_them_until_they_are_reset(store: Store) -> None:
    limit, _ = store.write_now(by_tag.upsert, ConcurrencyLimitCreate(tag="db", concurrency_limit=2), NOW)
    one, two = (store.write_now(running, key) for key in "12")
    ended = store.write_now(lambda conn: added_task_run(conn, None, "3", state_type="FAILED").id)

    def held() -> list[str]:
        found = store.read_now(by_tag.get, limit.id)
        assert found is not None
        return found.active_slots

    for id in (two, ended):
        store.write_now(slots.hold, [limit.id], id)
    assert held() == [two]
    store.write_now(by_tag.reset, "db", [one, new_id()], LATER)
    assert held() == [one]
    store.write_now(by_tag.reset, "db", None, LATER)
    assert held() == []
    with pytest.raises(NotFound):
        store.write_now(by_tag.reset, "x", None, LATER)


def test_a_limit_is_deleted_by_id_or_by_tag(store: Store) -> None:
    limit, _ = store.write_now(by_tag.upsert, ConcurrencyLimitCreate(tag="a", concurrency_limit=2), NOW)
    store.write_now(by_tag.upsert, ConcurrencyLimitCreate(tag="b", concurrency_limit=2), NOW)
    store.write_now(by_tag.delete, limit.id)
    store.write_now(by_tag.delete_by_tag, "b")
    assert store.read_now(by_tag.filter, 10) == []
    for delete, key in ((by_tag.delete, limit.id), (by_tag.delete_by_tag, "b")):
        with pytest.raises(NotFound):
            store.write_now(delete, key)


def test_the_limit_of_a_tag_is_the_limit_named_after_it(store: Store) -> None:
    limit, _ = store.write_now(by_tag.upsert, ConcurrencyLimitCreate(tag="db", concurrency_limit=2), NOW)
    found = store.read_now(named.get, "tag:db", NOW)
    assert found is not None and (found.id, found.limit, found.active) == (limit.id, 2, True)
    plain = store.write_now(named.create, ConcurrencyLimitV2Create(name="plain", limit=1), NOW)
    assert store.read_now(by_tag.get, plain.id) is None


@pytest.mark.row("DB-11")
def test_a_named_limit_is_made_once_and_found_by_id_or_name(store: Store) -> None:
    limit = store.write_now(named.create, ConcurrencyLimitV2Create(name="s", limit=3, active_slots=2), NOW)
    assert (limit.limit, limit.active_slots, limit.avg_slot_occupancy_seconds) == (3, 2, 2.0)
    with pytest.raises(Conflict, match="'s' exists already"):
        store.write_now(named.create, ConcurrencyLimitV2Create(name="s", limit=1), NOW)
    assert store.read_now(named.get, limit.id, NOW) == store.read_now(named.get, "s", NOW) == limit
    assert store.read_now(named.get, "x", NOW) is None
    assert (
        store.read_now(named.filter, 10, 0, NOW) == [limit] and store.read_now(named.filter, 10, 1, NOW) == []
    )


def test_taken_slots_fall_off_at_the_rate_of_the_time(store: Store) -> None:
    wanted = ConcurrencyLimitV2Create(name="rate", limit=20, active_slots=10, slot_decay_per_second=1.0)
    store.write_now(named.create, wanted, NOW)

    def taken(seconds: float) -> int:
        found = store.read_now(named.get, "rate", NOW + timedelta(seconds=seconds))
        assert found is not None
        return found.active_slots

    assert (taken(0), taken(3.5), taken(60)) == (10, 7, 0)
    store.write_now(named.update, "rate", ConcurrencyLimitV2Update(slot_decay_per_second=0.5), LATER)
    assert (taken(4), taken(6), taken(60)) == (6, 5, 0)
    store.write_now(named.update, "rate", ConcurrencyLimitV2Update(active_slots=3, limit=4), LATER)
    found = store.read_now(named.get, "rate", LATER)
    assert found is not None and (found.active_slots, found.limit, found.slot_decay_per_second) == (3, 4, 0.5)


def test_leases_and_task_runs_count_among_the_taken(store: Store) -> None:
    limit = store.write_now(named.create, ConcurrencyLimitV2Create(name="s", limit=9, active_slots=1), NOW)
    store.write_now(slots.add_lease, new_id(), [limit.id], 2, LATER, None, NOW)
    task_run = store.write_now(running, "1")
    store.write_now(slots.hold, [limit.id], task_run)
    found = store.read_now(named.get, "s", NOW)
    after = store.read_now(named.get, "s", LATER)
    assert found is not None and after is not None
    assert (found.active_slots, after.active_slots) == (4, 2)


def test_a_named_limit_is_changed_and_deleted(store: Store) -> None:
    limit = store.write_now(named.create, ConcurrencyLimitV2Create(name="s", limit=9), NOW)
    store.write_now(named.update, limit.id, ConcurrencyLimitV2Update(name="t", active=False), LATER)
    found = store.read_now(named.get, "t", NOW)
    assert found is not None and (found.id, found.active, found.limit, found.updated) == (
        limit.id,
        False,
        9,
        LATER,
    )
    store.write_now(named.delete, "t")
    for write, args in ((named.update, (ConcurrencyLimitV2Update(limit=1), NOW)), (named.delete, ())):
        with pytest.raises(NotFound):
            store.write_now(write, "t", *args)
