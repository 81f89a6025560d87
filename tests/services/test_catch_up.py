"""Catch-up: what becomes of due times that passed while no clock was running."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from orion.model.deployments import DeploymentCreate, DeploymentScheduleCreate, DeploymentUpdate
from orion.model.flows import FlowCreate
from orion.model.ids import new_id
from orion.model.schedules import IntervalSchedule
from orion.services import lateness, scheduling
from orion.services.horizon import Wanted
from orion.store import Conn, Store, deployments, flows
from orion.store import scheduling as db
from tests.services.world import HOURLY, NOON, add_deployment, add_schedule, change, due, runs

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
LATER = NOON + 10 * HOUR + timedelta(minutes=10)


def skips(store: Store, deployment: str) -> list[tuple[datetime, datetime, int]]:
    return [(skip.from_time, skip.to_time, skip.count) for skip in store.read_now(db.skips, deployment)]


@pytest.mark.row("SCH-07")
def test_the_newest_missed_time_gets_a_run_and_the_gap_is_recorded(store: Store) -> None:
    deployment = add_deployment(store, HOURLY)
    scheduling.plan(store, NOON)  # 13, 14 and 15 o'clock
    scheduling.plan(store, LATER)
    hours = [round((moment - NOON) / HOUR) for moment in due(store, deployment)]
    assert hours == [1, 2, 3, 10, 11, 12, 13]
    assert skips(store, deployment) == [(NOON + 4 * HOUR, NOON + 9 * HOUR, 6)]
    assert scheduling.plan(store, LATER) == 0
    assert len(skips(store, deployment)) == 1


def test_a_deployment_may_want_every_missed_time(store: Store) -> None:
    deployment = add_deployment(store)
    add_schedule(store, deployment, HOURLY, catchup=True)
    scheduling.plan(store, NOON)
    scheduling.plan(store, LATER)
    assert due(store, deployment) == [NOON + n * HOUR for n in range(1, 14)]
    assert skips(store, deployment) == []


@pytest.mark.parametrize(
    ("policy", "cancelled", "kept"), [("latest", [1, 2], [3, 10]), ("none", [1, 2, 3], [])]
)
def test_a_deployment_that_chooses_gives_up_its_overdue_runs(
    store: Store, policy: str, cancelled: list[int], kept: list[int]
) -> None:
    deployment = add_deployment(store, HOURLY, labels={"orion.catchup": policy})
    scheduling.plan(store, NOON)
    scheduling.plan(store, LATER)
    found = {
        round((run.due - NOON) / HOUR): (run.state_type, run.state_name) for run in runs(store, deployment)
    }
    assert [hour for hour, state in found.items() if state == ("CANCELLED", "Skipped")] == cancelled
    assert [hour for hour, state in found.items() if state[0] == "SCHEDULED" and hour <= 10] == kept


@pytest.mark.row("SCH-12")
@pytest.mark.parametrize(
    ("policy", "skipped"), [("latest", [1, 2]), ("none", [1, 2]), ("all", []), (None, [])]
)
def test_without_an_agent_only_the_newest_run_waits_where_a_deployment_wants_no_more(
    store: Store, policy: str | None, skipped: list[int]
) -> None:
    labels = {"labels": {"orion.catchup": policy}} if policy else {}
    deployment = add_deployment(store, HOURLY, **labels)
    scheduling.plan(store, NOON)
    now = NOON + 3 * HOUR + timedelta(seconds=16)
    lateness.mark_late(store, now)
    found = {round((run.due - NOON) / HOUR): run.state_name for run in runs(store, deployment)}
    assert found == {hour: "Skipped" if hour in skipped else "Late" for hour in (1, 2, 3)}
    assert lateness.mark_late(store, now) == 0


def test_who_may_have_much_to_give_up_is_planned_in_a_transaction_for_itself(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever writes meanwhile waits for no more than one deployment's catching up."""
    plain, chosen = (
        add_deployment(store, HOURLY),
        add_deployment(store, HOURLY, labels={"orion.catchup": "latest"}),
    )
    planned: list[list[str]] = []

    def noted(conn: Conn, deployment_ids: list[str], *args: Any) -> scheduling.Step:
        planned.append(deployment_ids)
        return plan_next(conn, deployment_ids, *args)

    plan_next = scheduling.plan_next
    monkeypatch.setattr(scheduling, "plan_next", noted)
    assert scheduling.plan(store, NOON) == 6
    assert scheduling.plan(store, LATER) == 8
    assert planned == [[plain, chosen], [chosen], [plain, chosen], [plain], [chosen]]


def test_a_dense_schedule_and_a_long_gap_stay_bounded(store: Store) -> None:
    deployment = add_deployment(store, IntervalSchedule(interval=1, anchor_date=NOON))
    scheduling.plan(store, NOON)
    back = NOON + 30 * DAY
    scheduling.plan(store, back)
    assert due(store, deployment)[100:102] == [back, back + timedelta(seconds=1)]
    ((first, last, count),) = skips(store, deployment)
    assert first == NOON + timedelta(seconds=101) and last >= back - timedelta(seconds=1) and count >= 9_999


class OneRunOrOneSkip(RuleBasedStateMachine):
    """I5: whatever happens, each due time between the cursor and the horizon has one run or is in one recorded gap."""

    store: Store

    @initialize(minutes=st.sampled_from([7, 60, 24 * 60]))
    def deploy(self, minutes: int) -> None:
        self.now = self.since = NOON
        self.step = timedelta(minutes=minutes)
        schedule = IntervalSchedule(interval=minutes * 60, anchor_date=NOON)
        self.deployment = add_deployment(self.store, schedule)
        self.paused = False
        self.plan()

    @rule()
    def plan(self) -> None:
        self.store.write_now(scheduling.plan_deployment, self.deployment, self.now)

    @rule(hours=st.integers(0, 90))
    def pass_time(self, hours: int) -> None:
        self.now += timedelta(hours=hours, minutes=3)

    @rule(hours=st.integers(0, 5))
    def step_back(self, hours: int) -> None:
        self.now -= timedelta(hours=hours)

    @rule()
    def edit(self) -> None:
        self.plan()
        self.store.write_now(scheduling.replan, self.deployment, self.now)

    @rule()
    def toggle(self) -> None:
        self.plan()
        self.paused = not self.paused
        sql = "UPDATE deployment SET paused = :paused WHERE id = :id"
        change(self.store, sql, paused=self.paused, id=self.deployment)
        self.store.write_now(scheduling.replan, self.deployment, self.now)
        self.since = max(self.since, self.now)

    @invariant()
    def each_due_time_is_accounted_for_once(self) -> None:
        if not hasattr(self, "deployment") or self.paused:
            return
        self.plan()
        planned = due(self.store, self.deployment)
        assert len(planned) == len(set(planned))
        gaps = self.store.read_now(db.skips, self.deployment, 1000)
        moment = self.since - (self.since - NOON) % self.step + self.step
        while moment <= self.now + 3 * self.step:
            skipped = any(gap.from_time <= moment <= gap.to_time for gap in gaps)
            assert (moment in planned) or skipped, moment
            moment += self.step


def test_each_due_time_has_one_run_or_one_recorded_skip(sqlite_store: Store) -> None:
    class Machine(OneRunOrOneSkip):
        store = sqlite_store

    limits = settings(
        max_examples=25, stateful_step_count=12, deadline=None, suppress_health_check=list(HealthCheck)
    )
    run_state_machine_as_test(Machine, settings=limits)


class EditedWhileSwept(RuleBasedStateMachine):
    """No run of an old schedule survives an edit, and none of the new one is missing, wherever the sweep has got to."""

    store: Store

    @initialize()
    def deploy(self) -> None:
        self.now, self.minutes = NOON, {60}
        flow_id = self.store.write_now(flows.create, FlowCreate(name=new_id()), NOON)[0].id
        wanted = DeploymentCreate(name="d", flow_id=flow_id, schedules=[_every(60)])
        self.deployment = self.store.write_now(deployments.upsert, wanted, NOON)[0].id

    @rule(minutes=st.sets(st.sampled_from([7, 25, 60, 300]), max_size=3))
    def edit(self, minutes: set[int]) -> None:
        """As the API does it: one transaction."""

        def save(conn: Conn) -> None:
            update = DeploymentUpdate(schedules=[_every(each) for each in sorted(minutes)])
            deployments.update(conn, self.deployment, update, self.now)
            scheduling.replan(conn, self.deployment, self.now)

        self.store.write_now(save)
        self.minutes = minutes

    @rule(most=st.integers(1, 3))
    def sweep_a_little(self, most: int) -> None:
        self.store.write_now(scheduling.plan_next, [self.deployment], Wanted(self.now), most)

    @rule()
    def start_one(self) -> None:
        change(self.store, STARTED, id=self.deployment)

    @rule(minutes=st.integers(0, 200))
    def pass_time(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @invariant()
    def what_is_planned_is_of_the_schedules_of_now(self) -> None:
        if not hasattr(self, "deployment"):
            return
        rows = self.store.read_now(lambda conn: conn.all(RESTING, {"id": self.deployment}))
        assert all(schedule is not None for _, schedule in rows)
        self.store.write_now(scheduling.plan_deployment, self.deployment, self.now)
        planned = set(due(self.store, self.deployment))
        for minutes in self.minutes:
            step = timedelta(minutes=minutes)
            first = self.now - (self.now - NOON) % step + step
            assert {first + n * step for n in range(3)} <= planned


RESTING = """
SELECT r.id, s.id FROM flow_run r LEFT JOIN deployment_schedule s ON s.id = r.schedule_id
WHERE r.deployment_id = :id AND r.state_type = 'SCHEDULED'
"""
STARTED = """
UPDATE flow_run SET state_type = 'RUNNING', run_count = 1
WHERE id = (SELECT min(id) FROM flow_run WHERE deployment_id = :id AND state_type = 'SCHEDULED')
"""


def _every(minutes: int) -> DeploymentScheduleCreate:
    return DeploymentScheduleCreate(schedule={"interval": minutes * 60, "anchor_date": NOON.isoformat()})


@pytest.mark.row("DEP-08")
def test_an_edit_and_a_sweep_never_leave_runs_of_an_old_schedule(sqlite_store: Store) -> None:
    class Machine(EditedWhileSwept):
        store = sqlite_store

    limits = settings(
        max_examples=15, stateful_step_count=10, deadline=None, suppress_health_check=list(HealthCheck)
    )
    run_state_machine_as_test(Machine, settings=limits)
