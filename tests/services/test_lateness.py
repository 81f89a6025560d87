"""Late runs: who is marked, when, and who is left alone."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from orion.model.states import SCHEDULED, StateCreate, StateDetails
from orion.orchestration import propose_flow_run
from orion.services import lateness, scheduling
from orion.store import Store
from orion.store import flow_runs as stored_runs
from orion.store import scheduling as db
from tests import counting
from tests.services.world import HOURLY, MINUTELY, NOON, Run, add_deployment, change, runs

HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)


@pytest.mark.row("ENG-02")
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


LOOK = """SELECT r.id, r.state_type, r.state_name, r.expected_start_time, r.next_scheduled_start_time, r.start_time,
    r.end_time, r.run_count, r.total_run_time, r.empirical_policy, r.claimed_by, r.claim_until, r.lease_until,
    r.attempt_token, r.updated, r.state_timestamp, s.flow_run_id = r.id, s.type, s.name, s.timestamp, s.message,
    s.data, s.answer, s.reason, s.transition_id,
    (SELECT count(*) FROM flow_run_state h WHERE h.flow_run_id = r.id),
    (SELECT max(o.policy_id) FROM notification_outbox o WHERE o.flow_run_state_id = s.id)
    FROM flow_run r JOIN flow_run_state s ON s.id = r.state_id
    WHERE r.deployment_id = :deployment ORDER BY r.expected_start_time"""
POLICY = "INSERT INTO flow_run_notification_policy (id, created, updated, block_document_id, state_names, tags)"


def test_many_at_once_become_what_the_rules_make_of_each(store: Store) -> None:
    together, alone = (add_deployment(store, HOURLY, tags='["a"]') for _ in range(2))
    for n, names, tags in ((1, '["Late"]', '["a"]'), (2, '["Late"]', '["b"]'), (3, '["Failed"]', "[]")):
        change(store, f"{POLICY} VALUES ('{n}', :now, :now, 'x', '{names}', '{tags}')", now=NOON)
    scheduling.plan(store, NOON)
    now = NOON + 24 * HOUR
    for run in [*runs(store, together)[1:2], *runs(store, alone)[1:2]]:  # handed out, by a server whose clock is ahead
        _change(store, run, "claimed_by = 'x', claim_until = :at, state_timestamp = :at", now + HOUR)
        change(store, f"UPDATE flow_run_state SET timestamp = :at WHERE flow_run_id = '{run.id}'", at=now + HOUR)
    for run in [*runs(store, together)[2:], *runs(store, alone)[2:]]:  # held
        _change(store, run, "attempt_token = 'mine', lease_until = :at", now)
    seen = store.read_now(db.overdue, now, 10)
    ids = {run.id for run in runs(store, together)}
    assert store.write_now(lateness._mark, [run for run in seen if run.id in ids], now) == 3
    for run in seen:
        if run.id not in ids:
            details = StateDetails(scheduled_time=run.next_scheduled_start_time)
            store.write_now(
                propose_flow_run, run.id, StateCreate(type=SCHEDULED, name="Late", state_details=details), now
            )
    found, expected = _look(store, together), _look(store, alone)
    assert found == expected and {row[1] for row in found} == {"Late"} and {row[-1] for row in found} == {"1"}
    assert [_details(store, run) for run in runs(store, together)] == [run.due for run in runs(store, together)]


def _change(store: Store, run: Run, columns: str, at: datetime) -> None:
    change(store, f"UPDATE flow_run SET {columns} WHERE id = '{run.id}'", at=at)


def _look(store: Store, deployment: str) -> list[tuple[object, ...]]:
    return store.read_now(lambda conn: [row[1:] for row in conn.all(LOOK, {"deployment": deployment})])


def _details(store: Store, run: Run) -> datetime | None:
    whole = store.read_now(stored_runs.get, run.id)
    assert whole is not None and whole.state is not None
    assert whole.state.state_details.flow_run_id == run.id
    return whole.state.state_details.scheduled_time


def test_many_late_runs_cost_as_many_statements_as_one(store: Store) -> None:
    add_deployment(store, MINUTELY)
    scheduling.plan(store, NOON)
    seen = store.read_now(db.overdue, NOON + 2 * HOUR, 100)
    for some in (seen[:1], seen[1:]):
        assert counting.statements(store, lateness._mark, some, NOON + 2 * HOUR) == 5
