"""Late runs: who is marked, when, and who is left alone."""

from __future__ import annotations

from datetime import timedelta

import pytest

from orion.services import lateness, scheduling
from orion.store import Store
from orion.store import flow_runs as stored_runs
from orion.store import scheduling as db
from tests.services.world import HOURLY, MINUTELY, NOON, add_deployment, change, runs

HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)


@pytest.mark.row("SCH-12")
def test_a_run_is_late_after_fifteen_seconds(store: Store) -> None:
    deployment = add_deployment(store, HOURLY)
    scheduling.plan(store, NOON)
    assert lateness.mark_late(store, NOON + HOUR + 15 * SECOND) == 0
    assert lateness.mark_late(store, NOON + HOUR + 16 * SECOND) == 1
    assert [run.state_name for run in runs(store, deployment)] == ["Late", "Scheduled", "Scheduled"]
    late = store.read_now(stored_runs.get, runs(store, deployment)[0].id)
    assert late is not None and late.state is not None
    assert late.next_scheduled_start_time == late.state.state_details.scheduled_time == NOON + HOUR
    assert lateness.mark_late(store, NOON + HOUR + 20 * SECOND) == 0


@pytest.mark.row("SCH-12")
def test_a_pass_marks_at_most_four_hundred(sqlite_store: Store) -> None:
    for _ in range(7):
        add_deployment(sqlite_store, MINUTELY)
    scheduling.plan(sqlite_store, NOON)
    assert [lateness.mark_late(sqlite_store, NOON + 2 * HOUR) for _ in range(3)] == [400, 20, 0]


def test_a_run_that_changed_since_it_was_seen_is_left_alone(store: Store) -> None:
    deployment = add_deployment(store, HOURLY)
    scheduling.plan(store, NOON)
    seen = store.read_now(db.overdue, NOON + 2 * HOUR, 10)
    change(store, "UPDATE flow_run SET state_type = 'PENDING', state_name = 'Pending', state_id = id")
    assert store.write_now(lateness._mark, seen, NOON + 2 * HOUR) == 0
    assert {run.state_name for run in runs(store, deployment)} == {"Pending"}


def test_the_alarm_is_set_for_the_next_run_that_will_be_late(store: Store) -> None:
    assert lateness.next_late(store, NOON) is None
    add_deployment(store, HOURLY)
    scheduling.plan(store, NOON)
    assert lateness.next_late(store, NOON) == NOON + HOUR + 15 * SECOND
