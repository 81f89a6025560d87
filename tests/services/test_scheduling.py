"""Planning: which runs a schedule gets, how far ahead, and that no due time gets two."""

from __future__ import annotations

import json
import logging
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest

from orion.errors import Busy, Conflict
from orion.model.ids import is_id
from orion.model.names import names_together
from orion.model.schedules import CronSchedule, IntervalSchedule, RRuleSchedule
from orion.model.times import to_micros
from orion.services import ranges, scheduling
from orion.services.horizon import Horizon, Wanted
from orion.store import Conn, Store
from orion.store import flow_runs as stored_runs
from orion.store import scheduling as db
from tests.counting import statements
from tests.services.world import (
    DAILY,
    EVER_ENDED,
    HOURLY,
    MINUTELY,
    NOON,
    add_deployment,
    add_schedule,
    change,
    due,
    runs,
)

EVERY_TEN_SECONDS = IntervalSchedule(interval=10, anchor_date=NOON)
HOUR, MINUTE, DAY = timedelta(hours=1), timedelta(minutes=1), timedelta(days=1)


@pytest.mark.row("SCH-07")
def test_at_least_three_runs_are_planned(store: Store) -> None:
    deployment = add_deployment(store, DAILY)
    assert scheduling.plan(store, NOON) == 3
    assert due(store, deployment) == [NOON + timedelta(hours=18) + n * DAY for n in range(3)]


@pytest.mark.row("SCH-07")
def test_at_least_an_hour_is_planned(store: Store) -> None:
    deployment = add_deployment(store, MINUTELY)
    scheduling.plan(store, NOON)
    assert due(store, deployment) == [NOON + n * MINUTE for n in range(1, 61)]


@pytest.mark.row("SCH-07")
def test_at_most_a_hundred_runs_and_a_hundred_days_are_planned(store: Store) -> None:
    dense = add_deployment(store, IntervalSchedule(interval=1, anchor_date=NOON))
    sparse = add_deployment(store, IntervalSchedule(interval=45 * 86400, anchor_date=NOON))
    scheduling.plan(store, NOON)
    assert due(store, dense) == [NOON + timedelta(seconds=n) for n in range(1, 101)]
    assert due(store, sparse) == [NOON + 45 * DAY, NOON + 90 * DAY]


def test_a_schedule_may_want_fewer(store: Store) -> None:
    deployment = add_deployment(store)
    add_schedule(store, deployment, MINUTELY, max_scheduled_runs=2)
    scheduling.plan(store, NOON)
    assert due(store, deployment) == [NOON + MINUTE, NOON + 2 * MINUTE]


@pytest.mark.row("SCH-09")
def test_planning_again_adds_nothing_until_time_has_passed(store: Store) -> None:
    deployment = add_deployment(store, HOURLY)
    assert scheduling.plan(store, NOON) == 3
    assert scheduling.plan(store, NOON) == 0
    assert scheduling.plan(store, NOON + timedelta(minutes=59)) == 0
    assert scheduling.plan(store, NOON + HOUR) == 1
    assert due(store, deployment) == [NOON + n * HOUR for n in range(1, 5)]


@pytest.mark.row("SCH-09")
def test_a_planned_run_is_keyed_by_its_schedule_and_instant_and_tagged(store: Store) -> None:
    deployment = add_deployment(store, HOURLY, tags='["etl"]', parameters='{"day": 1}')
    scheduling.plan(store, NOON)
    run = runs(store, deployment)[0]
    assert run.key == f"scheduled {run.schedule_id} {to_micros(NOON + HOUR)}"
    assert json.loads(run.tags) == ["auto-scheduled", "etl"]
    assert json.loads(run.parameters) == {"day": 1}
    full = store.read_now(stored_runs.get, run.id)
    assert full is not None and full.state is not None
    assert (full.state.type, full.state.name, full.state.message) == (
        "SCHEDULED",
        "Scheduled",
        "Flow run scheduled",
    )
    assert full.state.state_details.scheduled_time == full.next_scheduled_start_time == NOON + HOUR
    assert full.auto_scheduled and full.work_queue_name == "default"


def test_a_schedule_lays_its_parameters_over_those_of_the_deployment(store: Store) -> None:
    deployment = add_deployment(store, parameters='{"a": 1, "b": 2}')
    add_schedule(store, deployment, HOURLY, parameters='{"b": 3}')
    scheduling.plan(store, NOON)
    assert json.loads(runs(store, deployment)[0].parameters) == {"a": 1, "b": 3}


def test_two_schedules_due_at_one_instant_make_two_runs(store: Store) -> None:
    deployment = add_deployment(store, HOURLY, CronSchedule(cron="0 * * * *"))
    scheduling.plan(store, NOON)
    assert due(store, deployment) == [NOON + n * HOUR for n in (1, 1, 2, 2, 3, 3)]


@pytest.mark.row("SCH-09")
def test_a_doubled_hour_makes_two_runs_of_an_hourly_rule(store: Store) -> None:
    autumn = NOON.replace(month=10, day=24, hour=23, minute=30)
    deployment = add_deployment(store, CronSchedule(cron="30 * * * *", timezone="Europe/Berlin"))
    scheduling.plan(store, autumn)
    assert due(store, deployment) == [autumn + n * HOUR for n in (1, 2, 3)]  # 02:30, 02:30 again, 03:30


@pytest.mark.row("DEP-10")
def test_nothing_is_planned_while_a_deployment_or_a_schedule_rests(store: Store) -> None:
    add_deployment(store, HOURLY, paused=True)
    add_schedule(store, add_deployment(store), HOURLY, active=False)
    add_deployment(store, EVER_ENDED)
    assert scheduling.plan(store, NOON) == 0
    assert runs(store) == []


@pytest.mark.row("SCH-10")
def test_one_bad_schedule_does_not_stop_the_others(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    bad = add_deployment(store, '{"cron": "not a rule"}')
    mixed = add_deployment(store, '{"rrule": "FREQ=NEVER"}', HOURLY)
    good = add_deployment(store, HOURLY)
    with caplog.at_level(logging.ERROR):
        assert scheduling.plan(store, NOON) == 6
    assert due(store, bad) == []
    assert len(due(store, mixed)) == len(due(store, good)) == 3
    assert bad in caplog.text and "not a rule" in caplog.text


@pytest.mark.row("SCH-10")
def test_a_deployment_that_cannot_be_planned_is_told_and_left_out(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    first, bad, last = (add_deployment(store, HOURLY) for _ in range(3))
    change(store, "UPDATE deployment SET labels = '[1]' WHERE id = :id", id=bad)
    with caplog.at_level(logging.ERROR):
        assert scheduling.plan(store, NOON) == 6
    assert [len(due(store, id)) for id in (first, bad, last)] == [3, 0, 3]
    assert [record.getMessage() for record in caplog.records] == [f"Deployment {bad} could not be planned."]


@pytest.mark.row("SCH-10")
def test_many_that_cannot_be_planned_do_not_end_a_pass(store: Store) -> None:
    """Only a database that is held does."""
    bad = [add_deployment(store, HOURLY) for _ in range(3)]
    for id in bad:
        change(store, "UPDATE deployment SET labels = '[1]' WHERE id = :id", id=id)
    last = add_deployment(store, HOURLY)
    assert scheduling.plan(store, NOON) == 3 == len(due(store, last))


def test_a_database_that_is_held_ends_a_pass_after_two_tries(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(5):
        add_deployment(store, HOURLY)
    tried: list[int] = []

    def held(conn: Conn, deployment_ids: list[str], *args: Any) -> scheduling.Step:
        tried.append(len(deployment_ids))
        raise Busy("held")

    monkeypatch.setattr(scheduling, "plan_next", held)
    with pytest.raises(Busy):
        scheduling.plan(store, NOON)
    assert tried == [5, 1, 1]


@pytest.mark.row("DEP-08")
def test_a_changed_deployment_is_planned_anew(store: Store) -> None:
    deployment = add_deployment(store, HOURLY)
    scheduling.plan(store, NOON)
    change(
        store,
        "UPDATE deployment_schedule SET schedule = :s, scheduled_until = NULL",
        s='{"cron": "30 * * * *"}',
    )
    store.write_now(scheduling.replan, deployment, NOON)
    assert due(store, deployment) == [NOON + timedelta(minutes=30) + n * HOUR for n in range(3)]


@pytest.mark.row("DEP-08")
def test_replanning_leaves_runs_that_have_started_or_were_asked_for(store: Store) -> None:
    deployment = add_deployment(store, HOURLY)
    scheduling.plan(store, NOON)
    first, second, _ = runs(store, deployment)
    change(store, "UPDATE flow_run SET state_type = 'PENDING' WHERE id = :id", id=first.id)
    change(
        store, "UPDATE flow_run SET run_count = 1, state_name = 'AwaitingRetry' WHERE id = :id", id=second.id
    )
    change(store, "UPDATE deployment SET paused = TRUE WHERE id = :id", id=deployment)
    store.write_now(scheduling.replan, deployment, NOON)
    assert [run.id for run in runs(store, deployment)] == [first.id, second.id]


@pytest.mark.row("DEP-08")
def test_runs_of_times_that_a_new_schedule_shares_with_the_old_one_stay(store: Store) -> None:
    deployment = add_deployment(store, HOURLY)
    scheduling.plan(store, NOON)
    before = {run.due: run.id for run in runs(store, deployment)}
    half_hourly = json.dumps({"interval": 1800, "anchor_date": NOON.isoformat()})
    change(store, "UPDATE deployment_schedule SET schedule = :s", s=half_hourly)
    store.write_now(scheduling.replan, deployment, NOON)
    after = {run.due: run.id for run in runs(store, deployment)}
    assert list(after) == [NOON + n * timedelta(minutes=30) for n in (1, 2, 3)]
    assert set(before.values()) & set(after.values()) == {before[NOON + HOUR]}


@pytest.mark.row("DEP-08")
def test_a_planned_run_that_was_put_off_is_planned_anew_after_a_change(store: Store) -> None:
    deployment = add_deployment(store, HOURLY)
    scheduling.plan(store, NOON)
    first, *others = runs(store, deployment)
    change(
        store,
        "UPDATE flow_run SET expected_start_time = :at, next_scheduled_start_time = :at WHERE id = :id",
        at=NOON + 2 * HOUR,
        id=first.id,
    )
    store.write_now(scheduling.replan, deployment, NOON)
    assert due(store, deployment) == [NOON + n * HOUR for n in (1, 2, 3)]
    assert [run.id for run in runs(store, deployment)][1:] == [run.id for run in others]


def test_an_edit_changes_planned_runs_by_a_few_statements_however_many_they_are(store: Store) -> None:
    ids = [
        add_deployment(store, schedule, tags='["etl"]')
        for schedule in (DAILY, EVERY_TEN_SECONDS, EVERY_TEN_SECONDS)
    ]
    costs = []
    for id in ids:
        scheduling.plan(store, NOON)
        change(store, "UPDATE deployment SET tags = '[\"other\"]' WHERE id = :id", id=id)
        costs.append(statements(store, scheduling.replan, id, NOON))
    assert len(set(costs)) == 1 and costs[0] <= 18
    assert [len(due(store, id)) for id in ids] == [3, 100, 100]
    assert all(json.loads(run.tags) == ["auto-scheduled", "other"] for id in ids for run in runs(store, id))


def test_planned_and_dropped_runs_are_counted(store: Store) -> None:
    deployment = add_deployment(store, HOURLY)
    scheduling.plan(store, NOON)
    assert store.read_now(stored_runs.count, None) == len(runs(store)) == 3
    change(store, "UPDATE deployment SET paused = TRUE WHERE id = :id", id=deployment)
    store.write_now(scheduling.replan, deployment, NOON)
    assert store.read_now(stored_runs.count, None) == len(runs(store)) == 0


@pytest.mark.row("DEP-10")
def test_what_was_due_during_a_pause_is_not_caught_up_with(store: Store) -> None:
    deployment = add_deployment(store, HOURLY)
    scheduling.plan(store, NOON)
    change(store, "UPDATE deployment SET paused = TRUE WHERE id = :id", id=deployment)
    store.write_now(scheduling.replan, deployment, NOON)
    assert due(store, deployment) == []
    change(store, "UPDATE deployment SET paused = FALSE WHERE id = :id", id=deployment)
    store.write_now(scheduling.replan, deployment, NOON + DAY)
    assert due(store, deployment) == [NOON + DAY + n * HOUR for n in (1, 2, 3)]


@pytest.mark.row("DEP-10")
def test_what_was_due_while_a_schedule_was_off_is_not_caught_up_with(store: Store) -> None:
    deployment = add_deployment(store, HOURLY)
    scheduling.plan(store, NOON)
    change(store, "UPDATE deployment_schedule SET active = FALSE")
    store.write_now(scheduling.replan, deployment, NOON)
    assert due(store, deployment) == []
    change(store, "UPDATE deployment_schedule SET active = TRUE")
    store.write_now(scheduling.replan, deployment, NOON + DAY)
    assert due(store, deployment) == [NOON + DAY + n * HOUR for n in (1, 2, 3)]
    assert store.read_now(db.skips, deployment) == []


def plan_range(
    store: Store, deployment: str, start: datetime, end: datetime, *, min_runs: int = 0, max_runs: int = 100
) -> int:
    """The number of runs added."""
    pieces = store.read_now(ranges.pieces, deployment, start, end, min_runs=min_runs, max_runs=max_runs)
    return sum(store.write_now(ranges.plan_piece, piece, NOON) for piece in pieces)


@pytest.mark.row("DEP-11")
def test_a_range_can_be_planned_also_in_the_past(store: Store) -> None:
    deployment = add_deployment(store, HOURLY)
    scheduling.plan(store, NOON)
    start = NOON - DAY
    added = plan_range(store, deployment, start, start + 2 * HOUR)
    again = plan_range(store, deployment, start, start + 2 * HOUR)
    assert (added, again) == (3, 0)
    assert due(store, deployment)[:3] == [start + n * HOUR for n in range(3)]
    assert scheduling.plan(store, NOON) == 0


@pytest.mark.row("DEP-11")
def test_a_schedule_that_changes_while_a_range_is_planned_by_it_ends_that(store: Store) -> None:
    deployment = add_deployment(store, HOURLY)
    pieces = store.read_now(ranges.pieces, deployment, NOON, NOON + 9 * DAY, min_runs=0, max_runs=200)
    assert sum(len(piece.due) for piece in pieces) == 200
    assert store.write_now(ranges.plan_piece, pieces[0], NOON) == len(pieces[0].due)
    change(store, "UPDATE deployment_schedule SET schedule = :s", s='{"cron": "30 * * * *"}')
    with pytest.raises(Conflict, match="was changed while"):
        store.write_now(ranges.plan_piece, pieces[1], NOON)


@pytest.mark.row("DEP-11")
def test_a_range_may_be_cut_short_or_drawn_out_by_numbers_of_runs(store: Store) -> None:
    deployment = add_deployment(store, HOURLY)
    most = plan_range(store, deployment, NOON, NOON + DAY, max_runs=2)
    least = plan_range(store, deployment, NOON + DAY, NOON + DAY, min_runs=4)
    assert (most, least) == (2, 4)


@pytest.mark.row("SCH-09")
def test_two_planners_at_once_make_one_run_for_each_due_time(store: Store) -> None:
    deployments = [add_deployment(store, HOURLY, RRuleSchedule(rrule="FREQ=DAILY")) for _ in range(5)]
    with ThreadPoolExecutor(4) as pool:
        added = sum(pool.map(lambda _: scheduling.plan(store, NOON), range(4)))
    assert added == 30
    assert all(len(due(store, deployment)) == 6 for deployment in deployments)
    assert len({run.key for run in runs(store)}) == 30


def test_the_horizon_ends_where_enough_is_planned() -> None:
    horizon = Horizon(min_runs=2, least=HOUR, max_runs=4, most=10 * DAY)
    every = lambda step: (NOON + n * step for n in range(1, 1000))  # noqa: E731
    assert len(list(horizon.upcoming(every(DAY), NOON))) == 2
    assert len(list(horizon.upcoming(every(timedelta(minutes=25)), NOON))) == 2
    assert len(list(horizon.upcoming(every(timedelta(minutes=20)), NOON))) == 3
    assert len(list(horizon.upcoming(every(MINUTE), NOON))) == 4
    assert len(list(horizon.upcoming(every(6 * DAY), NOON))) == 1


def test_a_deployment_is_planned_by_a_few_statements_however_many_its_runs(store: Store) -> None:
    sparse = add_deployment(store, DAILY, tags='["etl", "nightly"]')
    dense = [add_deployment(store, EVERY_TEN_SECONDS, tags='["etl", "nightly"]') for _ in range(3)]
    costs = [statements(store, scheduling.plan_deployment, id, NOON) for id in (sparse, *dense)]
    assert (
        len(set(costs)) == 1 and costs[0] <= 8
    )  # the eighth counts them, which PostgreSQL does by a trigger
    assert [len(due(store, id)) for id in (sparse, *dense)] == [3, 100, 100, 100]


def test_runs_that_are_planned_together_have_ids_and_names_of_their_own(sqlite_store: Store) -> None:
    add_deployment(sqlite_store, EVERY_TEN_SECONDS)
    scheduling.plan(sqlite_store, NOON)
    planned = sqlite_store.read_now(lambda conn: conn.all("SELECT id, name FROM flow_run"))
    assert len(planned) == 100 and all(is_id(id) for id, _ in planned)
    adjectives, animals = zip(*(name.split("-") for _, name in planned), strict=True)
    assert len({id for id, _ in planned}) == 100
    assert len({name for _, name in planned}) > 90  # there may be two writes
    assert len(set(names_together(2_000))) == 2_000, "no two of one write are alike"
    assert len(set(adjectives)) > 10 and len(set(animals)) > 30


def test_a_pass_plans_a_few_runs_of_each_deployment_at_a_time_the_nearest_first(
    sqlite_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = add_deployment(sqlite_store, EVERY_TEN_SECONDS, EVERY_TEN_SECONDS, DAILY)
    second = add_deployment(sqlite_store, EVERY_TEN_SECONDS)
    steps: list[tuple[list[str], int]] = []

    def noted(conn: Conn, deployment_ids: list[str], *args: Any) -> scheduling.Step:
        step = plan_next(conn, deployment_ids, *args)
        steps.append((deployment_ids, step.added))
        return step

    plan_next = scheduling.plan_next
    monkeypatch.setattr(scheduling, "plan_next", noted)
    assert scheduling.plan(sqlite_store, NOON) == 303
    assert steps[:20] == [([first, second], 10)] * 20
    assert steps[20:] == [([first], 20)] * 5 + [([first], 3)]
    assert len(due(sqlite_store, first)) == 203 and len(due(sqlite_store, second)) == 100


def test_many_deployments_are_planned_by_the_statements_of_one(store: Store) -> None:
    ids = [add_deployment(store, MINUTELY, HOURLY, tags=f'["t{number}"]') for number in range(6)]
    wanted = Wanted(NOON)
    few = statements(store, scheduling.plan_next, ids[:1], wanted, 10)
    assert statements(store, scheduling.plan_next, ids[1:], wanted, 10) == few
    counted = "SELECT tag, count(*) FROM flow_run_tag GROUP BY tag"
    tagged = dict(store.read_now(lambda conn: conn.all(counted)))
    assert tagged == {"auto-scheduled": 60, **{f"t{number}": 10 for number in range(6)}}
    assert {json.loads(run.tags)[1] for run in runs(store, ids[4])} == {"t4"}


def test_the_times_of_a_rule_are_worked_out_once_a_pass(
    sqlite_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployments = [add_deployment(sqlite_store, MINUTELY) for _ in range(3)]
    asked: list[Any] = []
    upcoming = Horizon.upcoming
    monkeypatch.setattr(Horizon, "upcoming", lambda *args: asked.append(args) or upcoming(*args))
    assert scheduling.plan(sqlite_store, NOON) == 180
    assert len(asked) == 1
    assert all(len(due(sqlite_store, id)) == 60 for id in deployments)


def test_times_that_have_runs_already_do_not_end_a_pass(sqlite_store: Store) -> None:
    deployment = add_deployment(sqlite_store, EVERY_TEN_SECONDS)
    plan_range(sqlite_store, deployment, NOON, NOON + 5 * MINUTE)
    assert scheduling.plan(sqlite_store, NOON) == 70
    assert scheduling.plan(sqlite_store, NOON) == 0
