"""Planning: turns schedules into flow runs, ahead of time and once for each due time.

The cursor of a schedule (`scheduled_until`) says up to when its due times are planned or skipped; it moves in
the transaction that plans. A run's key holds its schedule and its instant, so that planning twice, late,
or from two clocks adds nothing. Whatever changes a deployment calls `replan` in its own transaction.
"""

from __future__ import annotations

import logging
from bisect import bisect_right
from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from orion.errors import Busy, Invalid
from orion.model import wire
from orion.services.catching_up import catch_up, due_of, may_catch_up
from orion.services.horizon import Horizon, Wanted
from orion.store import Conn, Lane, Store, deleted
from orion.store import scheduling as db

log = logging.getLogger("orion.services.scheduling")

AUTO_SCHEDULED = "auto-scheduled"
STEP = {"sqlite": 5, "postgres": 20}  # runs of each of some deployments that are planned together
APART = 20  # runs of one that is planned alone
TOGETHER = 40  # deployments in a transaction: all other writes wait for one of SQLite's
PART = 1_000  # deployments that take turns


class Step(NamedTuple):
    """How many runs one transaction planned, and the deployments that have more to plan, or want one for themselves."""

    added: int
    more: list[str]
    apart: list[str]


class Due(NamedTuple):
    """The next due times of a schedule that get a run, up to when its cursor goes then, and whether there are more."""

    schedule: db.Schedule
    times: list[datetime]
    until: datetime
    more: bool


def plan(store: Store, now: datetime) -> int:
    """Plan every deployment that lacks runs; the number of runs added.

    A few runs of each at a time, the nearest first: no state has to wait long for the writer, and runs that are due
    at the same time are written together, which touches the fewest pages.
    """
    lacking = store.read_now(_lacking, now)
    parts = (lacking[start : start + PART] for start in range(0, len(lacking), PART))
    return sum(_plan_part(store, part, Wanted(now)) for part in parts)


def _plan_part(store: Store, part: list[str], wanted: Wanted) -> int:
    added = 0
    while part:
        steps = [_plan_together(store, part[start : start + TOGETHER], wanted)
                 for start in range(0, len(part), TOGETHER)]  # fmt: skip
        steps += [_plan_apart(store, step.apart, wanted) for step in steps]
        added += sum(step.added for step in steps)
        part = [id for step in steps for id in step.more]
    return added


def _plan_together(store: Store, some: list[str], wanted: Wanted) -> Step:
    """The next runs of some deployments; where one is bad, those of the others."""
    if len(some) == 1:
        return _plan_apart(store, some, wanted)
    try:
        return _write(store, some, wanted, STEP[store.dialect])
    except Exception:
        return _plan_apart(store, some, wanted)


def _plan_apart(store: Store, some: list[str], wanted: Wanted) -> Step:
    steps, busy = [], 0
    for deployment_id in some:
        try:
            steps.append(_write(store, [deployment_id], wanted, APART))
        except Exception as error:
            log.exception("Deployment %s could not be planned.", deployment_id)
            busy += isinstance(error, Busy)
            if busy > 1:  # it is the database then, and no deployment
                raise
    return Step(sum(step.added for step in steps), [id for step in steps for id in step.more], [])


def _write(store: Store, some: list[str], wanted: Wanted, room: int) -> Step:
    return store.write_now(plan_next, some, wanted, room, lane=Lane.LOW, durable=False)


def plan_deployment(conn: Conn, deployment_id: str, now: datetime) -> int:
    """Plan one deployment inside the caller's transaction; the number of runs added."""
    return plan_next(conn, [deployment_id], Wanted(now), None).added


def plan_next(conn: Conn, deployment_ids: list[str], wanted: Wanted, room: int | None) -> Step:
    """Plan the next runs of some deployments, of each at most as many as there is room for.

    Among others nobody catches up, which may cancel many runs.
    """
    found: list[tuple[db.Plan, list[datetime]]] = []
    until: dict[str, datetime] = {}
    step = Step(0, [], [])
    for deployment, schedules in db.lock_all(conn, deployment_ids):
        if len(deployment_ids) > 1 and any(may_catch_up(deployment, each, wanted.now) for each in schedules):
            step.apart.append(deployment.id)
            continue
        for due in _next_due(conn, deployment, schedules, wanted, room):
            if due.times:
                found.append((plan_of(deployment, due.schedule), due.times))
            until[due.schedule.id] = due.until
            step.more.extend([deployment.id] * due.more)
    added = db.add_runs(conn, found, wanted.now)
    db.move_cursors(conn, until)
    return step._replace(added=added)


def _next_due(
    conn: Conn, deployment: db.Deployment, schedules: list[db.Schedule], wanted: Wanted, room: int | None
) -> Iterator[Due]:
    """What is due next of a deployment, schedule by schedule; the last one says whether there is more."""
    active = [] if deployment.paused else [schedule for schedule in schedules if schedule.active]
    for number, schedule in enumerate(active, 1):
        due = _due_of(conn, deployment, schedule, wanted, room)
        if due is None:
            continue
        room = None if room is None else room - len(due.times)
        is_full = due.more or (room == 0 and number < len(active))
        yield due._replace(more=is_full)
        if is_full:
            return


def replan(conn: Conn, deployment_id: str, now: datetime, was: db.Outlook | None = None) -> int:
    """Plan anew after a change of the deployment; the number of runs added.

    Where planned runs would be the same as before (`was`, from `db.outlook`), nothing is done to those that are there.
    """
    if was is None or db.outlook(conn, deployment_id) != was:
        _change_planned(conn, deployment_id, now)
    return plan_deployment(conn, deployment_id, now)


def _change_planned(conn: Conn, deployment_id: str, now: datetime) -> None:
    """Planned runs whose due time is still one of the schedule's take what has changed; the others go."""
    deployment, wanted = db.lock(conn, deployment_id), Wanted(now)
    db.begin_anew(conn, deployment_id, now)
    there = db.planned(conn, deployment_id, now)
    by_key = {run.idempotency_key: run for run in there}
    stay: set[str] = set()
    for schedule in db.schedules(conn, deployment_id):
        if deployment and schedule.active and not deployment.paused:
            times = _readable(wanted, schedule)
            known = ((by_key.get(db.key(schedule.id, due)), due) for due in times)
            runs = [run for run, due in known if run and run.expected_start_time == due]
            db.change_planned(conn, plan_of(deployment, schedule), runs, now)
            stay.update(run.id for run in runs)
            if len(runs) == len(times) and schedule.scheduled_until == now:
                db.move_cursors(conn, {schedule.id: max([now, *times])})
    gone = sorted((run for run in there if run.id not in stay), key=lambda run: run.expected_start_time)
    deleted.note_planned(conn, [run.id for run in gone], now)
    db.drop_planned(conn, [run.id for run in gone])


def _readable(wanted: Wanted, schedule: db.Schedule) -> list[datetime]:
    try:
        return wanted.of(schedule)
    except Invalid:  # `plan_deployment` tells of it
        return []


def _lacking(conn: Conn, now: datetime) -> list[str]:
    """The deployments for which planning would write something."""
    horizon = Horizon.from_settings()
    lacking: dict[str, None] = {}
    for schedule in db.active(conn):
        try:
            if schedule.deployment_id not in lacking and _lacks(schedule, Wanted(now, horizon)):
                lacking[schedule.deployment_id] = None
        except Invalid as error:
            log.error(
                "Schedule %s of deployment %s is left out: %s", schedule.id, schedule.deployment_id, error
            )
    return list(lacking)


def _lacks(schedule: db.Schedule, wanted: Wanted) -> bool:
    cursor, now = schedule.scheduled_until, wanted.now
    first = next(due_of(schedule, min(cursor or now, now)), None)
    if first is None or cursor is None or first <= now:
        return first is not None
    ahead = wanted.of(schedule)
    return bool(ahead) and ahead[-1] > cursor


def _due_of(
    conn: Conn, deployment: db.Deployment, schedule: db.Schedule, wanted: Wanted, room: int | None
) -> Due | None:
    """The next due times of a schedule; its cursor goes as far as they do. None when it cannot be read."""
    now, cursor = wanted.now, schedule.scheduled_until or wanted.now
    try:
        missed = catch_up(conn, deployment, schedule, now)
        ahead = wanted.of(schedule)
    except Invalid as error:
        log.error("Schedule %s of deployment %s is left out: %s", schedule.id, deployment.id, error)
        return None
    new = missed + ahead[bisect_right(ahead, cursor) :]
    times = new[:room]
    more = len(times) < len(new)
    return Due(schedule, times, times[-1] if more else max([now, *ahead]), more)


def plan_of(deployment: db.Deployment, schedule: db.Schedule) -> db.Plan:
    """What the runs of a schedule have in common."""
    extra = wire.unraw(schedule.parameters)
    own = wire.unraw(deployment.parameters) if extra else None
    return db.Plan(
        flow_id=deployment.flow_id,
        deployment_id=deployment.id,
        deployment_version=deployment.version,
        schedule_id=schedule.id,
        work_queue_name=deployment.work_queue_name,
        work_queue_id=deployment.work_queue_id,
        infrastructure_document_id=deployment.infrastructure_document_id,
        created_by={"id": schedule.id, "type": "SCHEDULE", "display_value": "schedule"},
        tags=list(dict.fromkeys([AUTO_SCHEDULED, *deployment.tags])),
        labels=deployment.labels,
        parameters=wire.raw({**(own or {}), **extra}) if extra else deployment.parameters,
        job_variables=deployment.job_variables,
    )
