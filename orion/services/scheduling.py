"""Planning: turns schedules into flow runs, ahead of time and once for each due time.

The cursor of a schedule (`scheduled_until`) says up to when its due times are planned or skipped; it moves in
the transaction that plans. A run's key holds its schedule and its instant, so that planning twice, late,
or from two clocks adds nothing. Whatever changes a deployment calls `replan` in its own transaction.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice
from typing import NamedTuple

from orion.errors import Invalid, NotFound
from orion.model import wire
from orion.model.deployments import DueTime
from orion.services.catching_up import catch_up, due_of
from orion.settings import current
from orion.store import Conn, Lane, Store
from orion.store import scheduling as db

log = logging.getLogger("orion.services.scheduling")

AUTO_SCHEDULED = "auto-scheduled"
STEP = 100
MICROSECOND = timedelta(microseconds=1)


class Horizon(NamedTuple):
    """How far ahead runs are planned: at least `min_runs` and `least`, at most `max_runs` and `most`."""

    min_runs: int = 3
    least: timedelta = timedelta(hours=1)
    max_runs: int = 100
    most: timedelta = timedelta(days=100)

    @classmethod
    def from_settings(cls) -> Horizon:
        """The horizon that the settings give."""
        values = current()
        return cls(
            values.scheduler_min_runs,
            timedelta(seconds=values.scheduler_min_seconds),
            values.scheduler_max_runs,
            timedelta(seconds=values.scheduler_max_seconds),
        )

    def upcoming(self, due: Iterator[datetime], now: datetime) -> Iterator[datetime]:
        """Those of the times `due` after now that should be planned by now."""
        for number, moment in enumerate(due):
            enough = number >= self.min_runs and moment > now + self.least
            if enough or number >= self.max_runs or moment > now + self.most:
                return
            yield moment


def plan(store: Store, now: datetime) -> int:
    """Plan every deployment that lacks runs, each in short transactions of its own; the number of runs added."""
    added = 0
    for deployment_id in store.read_now(_lacking, now):
        try:
            added += sum(_in_steps(store, deployment_id, now))
        except Exception:
            log.exception("Deployment %s could not be planned.", deployment_id)
    return added


def _in_steps(store: Store, deployment_id: str, now: datetime) -> Iterator[int]:
    """So many runs a transaction, so that no state has to wait long for the writer."""
    step = STEP
    while step >= STEP:
        step = store.write_now(plan_deployment, deployment_id, now, most=STEP, lane=Lane.LOW)
        yield step


def plan_deployment(conn: Conn, deployment_id: str, now: datetime, *, most: int | None = None) -> int:
    """Plan one deployment inside the caller's transaction, at most `most` runs; the number added."""
    deployment = db.lock(conn, deployment_id)
    if deployment is None or deployment.paused:
        return 0
    added = 0
    for schedule in db.schedules(conn, deployment_id):
        if schedule.active and (most is None or added < most):
            added += _plan_schedule(conn, deployment, schedule, now, most and most - added)
    return added


def replan(conn: Conn, deployment_id: str, now: datetime) -> int:
    """Drop what was planned and not started, and plan anew, after a change of the deployment."""
    db.lock(conn, deployment_id)
    db.drop_planned(conn, deployment_id, now)
    return plan_deployment(conn, deployment_id, now)


def plan_between(
    conn: Conn,
    deployment_id: str,
    start: datetime,
    end: datetime,
    now: datetime,
    *,
    min_runs: int = 0,
    max_runs: int = 100,
) -> int:
    """Plan the due times from `start` to `end`, past ones too, `min_runs` even beyond; the cursor stays."""
    db.lock(conn, deployment_id)
    deployment, found = _between(conn, deployment_id, start, end, min_runs, max_runs)
    return sum(db.add_runs(conn, _plan(deployment, schedule, now), due) for schedule, due in found)


def preview_between(
    conn: Conn,
    deployment_id: str,
    start: datetime,
    end: datetime,
    now: datetime,
    *,
    min_runs: int = 0,
    max_runs: int = 100,
) -> list[DueTime]:
    """What `plan_between` would plan, and what of it has a run already; nothing is changed."""
    deployment, found = _between(conn, deployment_id, start, end, min_runs, max_runs)
    times = sorted((moment, schedule.id) for schedule, due in found for moment in due)
    known = db.known(conn, deployment, [db.key(schedule_id, moment) for moment, schedule_id in times])
    return [
        DueTime(schedule_id=id, scheduled_time=moment, planned=db.key(id, moment) in known)
        for moment, id in times
    ]


def _between(
    conn: Conn, deployment_id: str, start: datetime, end: datetime, least: int, most: int
) -> tuple[db.Deployment, list[tuple[db.Schedule, list[datetime]]]]:
    deployment = db.find(conn, deployment_id)
    if deployment is None:
        raise NotFound("Deployment not found")
    found = []
    for schedule in db.schedules(conn, deployment_id):
        due = islice(due_of(schedule, start - MICROSECOND), most)
        found.append(
            (schedule, [moment for number, moment in enumerate(due) if moment <= end or number < least])
        )
    return deployment, found


def _lacking(conn: Conn, now: datetime) -> list[str]:
    """The deployments for which planning would write something."""
    horizon = Horizon.from_settings()
    lacking: dict[str, None] = {}
    for schedule in db.active(conn):
        try:
            if schedule.deployment_id not in lacking and _lacks(schedule, now, horizon):
                lacking[schedule.deployment_id] = None
        except Invalid as error:
            log.error(
                "Schedule %s of deployment %s is left out: %s", schedule.id, schedule.deployment_id, error
            )
    return list(lacking)


def _lacks(schedule: db.Schedule, now: datetime, horizon: Horizon) -> bool:
    cursor = schedule.scheduled_until
    first = next(due_of(schedule, min(cursor or now, now)), None)
    if first is None or cursor is None or first <= now:
        return first is not None
    wanted = _wanted(schedule, now, horizon)
    return bool(wanted) and wanted[-1] > cursor


def _wanted(schedule: db.Schedule, now: datetime, horizon: Horizon) -> list[datetime]:
    """The due times from now on that should have a run by now."""
    wanted = list(horizon.upcoming(due_of(schedule, now), now))
    return wanted[: schedule.max_scheduled_runs] if schedule.max_scheduled_runs else wanted


def _plan_schedule(
    conn: Conn, deployment: db.Deployment, schedule: db.Schedule, now: datetime, most: int | None
) -> int:
    cursor = schedule.scheduled_until or now
    try:
        missed = catch_up(conn, deployment, schedule, now)
        ahead = _wanted(schedule, now, Horizon.from_settings())
    except Invalid as error:
        log.error("Schedule %s of deployment %s is left out: %s", schedule.id, deployment.id, error)
        return 0
    new = missed + [moment for moment in ahead if moment > cursor]
    step = new[:most]
    added = db.add_runs(conn, _plan(deployment, schedule, now), step)
    db.move_cursor(conn, schedule.id, step[-1] if len(step) < len(new) else max([now, *ahead]))
    return added


def _plan(deployment: db.Deployment, schedule: db.Schedule, now: datetime) -> db.Plan:
    extra = wire.unraw(schedule.parameters)
    own = wire.unraw(deployment.parameters) if extra else None
    return db.Plan(
        now=now,
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
