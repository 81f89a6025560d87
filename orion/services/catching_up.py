"""Catch-up: what becomes of due times that passed while no clock was running.

By default the newest of them gets a run and the others are recorded as skipped; a deployment may want all, or none.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import takewhile

from orion.model import wire
from orion.model.ids import new_id
from orion.model.schedule_times import MOST_AT_ONCE, due_times
from orion.model.schedules import from_dict
from orion.model.states import CANCELLED, StateCreate
from orion.orchestration import propose_flow_run
from orion.settings import current
from orion.store import Conn
from orion.store import scheduling as db

CATCHUP_LABEL = "orion.catchup"


def due_of(schedule: db.Schedule, after: datetime) -> Iterator[datetime]:
    """When a stored schedule is due after a moment; `Invalid` when it cannot be read."""
    return due_times(from_dict(wire.unraw(schedule.schedule)), after)


def catch_up(conn: Conn, deployment: db.Deployment, schedule: db.Schedule, now: datetime) -> list[datetime]:
    """The due times missed since the cursor that still get a run; the others are recorded as skipped."""
    policy, chosen = catchup_of(deployment, schedule)
    if chosen:
        _skip_overdue(conn, schedule, now, keep=1 if policy == "latest" else 0 if policy == "none" else None)
    if schedule.scheduled_until is None or schedule.scheduled_until >= now:
        return []
    missed = list(takewhile(lambda moment: moment <= now, due_of(schedule, schedule.scheduled_until)))
    if not missed or policy == "all":
        return missed
    kept = [_newest(schedule, missed, now)] if policy == "latest" else []
    skipped = [moment for moment in missed if moment not in kept]
    if skipped:
        _record(conn, schedule, skipped, kept, now)
    return kept


def may_catch_up(deployment: db.Deployment, schedule: db.Schedule, now: datetime) -> bool:
    """Whether there may be something to catch up with: a due time was missed, or overdue runs are not wanted."""
    policy, chosen = catchup_of(deployment, schedule)
    return (chosen and policy != "all") or (schedule.scheduled_until or now) < now


def _newest(schedule: db.Schedule, missed: list[datetime], now: datetime) -> datetime:
    """The last due time before now; `missed` is cut short where a dense schedule has a long gap."""
    if len(missed) < MOST_AT_ONCE:
        return missed[-1]
    for span in (timedelta(minutes=1), timedelta(hours=1), timedelta(days=1), timedelta(days=40)):
        recent = list(takewhile(lambda moment: moment <= now, due_of(schedule, now - span)))
        if recent:
            return max(recent[-1], missed[-1])
    return missed[-1]


def _record(
    conn: Conn, schedule: db.Schedule, skipped: list[datetime], kept: list[datetime], now: datetime
) -> None:
    last = kept[-1] if kept and len(skipped) >= MOST_AT_ONCE - 1 else skipped[-1]
    why = "No clock was running; " + ("the newest time has a run." if kept else "catch-up is off.")
    skip = db.Skip(
        id=new_id(), created=now, deployment_id=schedule.deployment_id, schedule_id=schedule.id,
        from_time=skipped[0], to_time=last, count=len(skipped), reason=why,
    )  # fmt: skip
    db.add_skips(conn, [skip])


def _skip_overdue(conn: Conn, schedule: db.Schedule, now: datetime, keep: int | None) -> None:
    """Where a deployment has chosen its catch-up: cancel the overdue runs that it does not want any more."""
    if keep is None:
        return
    grace = timedelta(seconds=current().late_after_seconds)
    for run_id in db.overdue_of_schedule(conn, schedule, now - grace)[keep:]:
        state = StateCreate(type=CANCELLED, name="Skipped", message="A newer run of the schedule is due.")
        propose_flow_run(conn, run_id, state, now)


def skip_older(conn: Conn, late: list[str], now: datetime) -> None:
    """Runs are late: where a deployment wants the newest at most, the older ones of their schedules are skipped."""
    for deployment_id, schedule_id in db.schedules_that_chose(conn, late):
        deployment = db.find(conn, deployment_id)
        if deployment is None:
            continue
        for schedule in db.schedules(conn, deployment_id):
            if schedule.id == schedule_id and catchup_of(deployment, schedule)[0] != "all":
                _skip_overdue(conn, schedule, now, keep=1)


def catchup_of(deployment: db.Deployment, schedule: db.Schedule) -> tuple[str, bool]:
    """all, latest or none; and whether the deployment has chosen, by its label or the schedule's flag."""
    label = (wire.unraw(deployment.labels) or {}).get(CATCHUP_LABEL)
    if label in ("all", "latest", "none"):
        return label, True
    return ("all", True) if schedule.catchup else ("latest", False)
