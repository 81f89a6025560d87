"""Schedules of deployments. A schedule that is sent again unchanged keeps its row, and with it what was planned."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from msgspec import UNSET, Raw

from orion.errors import NotFound
from orion.model.deployments import DeploymentSchedule, DeploymentScheduleCreate, DeploymentScheduleUpdate
from orion.model.ids import new_id
from orion.model.schedule_times import settled
from orion.model.schedules import from_dict
from orion.model.wire import EMPTY_OBJECT, raw, unraw
from orion.store import changes, sql
from orion.store.base import Conn
from orion.store.rows import Rows, json_text

Q = sql.load("deployment_schedules")
SCHEDULE = Rows(DeploymentSchedule, "deployment_schedule")
OF_ALL = Q.of_all.replace("{columns}", SCHEDULE.columns)
OPTIONS = ("active", "max_active_runs", "max_scheduled_runs", "catchup", "parameters", "slug")


def of_all(conn: Conn, deployment_ids: list[str]) -> dict[str, list[DeploymentSchedule]]:
    """The schedules of some deployments, in the order they were added."""
    found: dict[str, list[DeploymentSchedule]] = {}
    for schedule in SCHEDULE.read_all(conn, conn.all(OF_ALL, {"ids": json_text(deployment_ids)})):
        found.setdefault(schedule.deployment_id, []).append(schedule)
    return found


def of_deployment(conn: Conn, deployment_id: str) -> list[DeploymentSchedule]:
    """The schedules of one deployment."""
    _must_exist(conn, deployment_id)
    return of_all(conn, [deployment_id]).get(deployment_id, [])


def add(
    conn: Conn, deployment_id: str, wanted: list[DeploymentScheduleCreate], now: datetime
) -> list[DeploymentSchedule]:
    """Add schedules to those that are there."""
    _must_exist(conn, deployment_id)
    added = [_new(deployment_id, one, now) for one in wanted]
    for schedule in added:
        conn.run(SCHEDULE.insert, SCHEDULE.values(conn, schedule))
    touch(conn, deployment_id)
    return added


def update(conn: Conn, deployment_id: str, id: str, wanted: DeploymentScheduleUpdate, now: datetime) -> None:
    """Change what is given; a new rule, or switching it on or off, starts planning anew from now."""
    columns = changes.given(wanted, {"active": True, "parameters": EMPTY_OBJECT})
    columns.pop("replaces", None)
    if "schedule" in columns:
        columns["schedule"] = _settled(columns["schedule"], now)
    if "schedule" in columns or "active" in columns:
        columns["scheduled_until"] = None
    known = conn.one(Q.one, {"id": id, "deployment_id": deployment_id})
    if known is None or not changes.apply(conn, "deployment_schedule", id, columns, now):
        raise NotFound("Schedule not found")
    touch(conn, deployment_id)


def delete(conn: Conn, deployment_id: str, id: str) -> None:
    """Take one schedule away."""
    if not conn.run(Q.delete, {"id": id, "deployment_id": deployment_id}):
        raise NotFound("Schedule not found")
    touch(conn, deployment_id)


def wished(sent: dict[str, Any]) -> list[DeploymentScheduleCreate] | None:
    """The schedules that a body asks for, in the newer or the older spelling; None when it does not speak of them."""
    schedules, schedule = sent.get("schedules", UNSET), sent.get("schedule", UNSET)
    if schedules is not UNSET and (schedules or not schedule):
        return list(schedules or ())
    if schedule is not UNSET:
        return [] if schedule is None else [DeploymentScheduleCreate(schedule=schedule)]
    return None


def replace(conn: Conn, deployment_id: str, wanted: list[DeploymentScheduleCreate], now: datetime) -> None:
    """Give a deployment exactly these schedules."""
    left = of_all(conn, [deployment_id]).get(deployment_id, [])
    for one in wanted:
        fresh = _new(deployment_id, one, now)
        same = next((old for old in left if _same(old, fresh, one.schedule)), None)
        if same is None:
            conn.run(SCHEDULE.insert, SCHEDULE.values(conn, fresh))
            continue
        left.remove(same)
        options = {name: getattr(fresh, name) for name in OPTIONS}
        if same.active != fresh.active:
            options["scheduled_until"] = None
        changes.apply(conn, "deployment_schedule", same.id, options, now)
    for old in left:
        conn.run(Q.delete, {"id": old.id, "deployment_id": deployment_id})


def touch(conn: Conn, deployment_id: str) -> None:
    """A new version of what planned runs depend on; planners that looked before see it."""
    conn.run(Q.touch, {"id": deployment_id})
    conn.publish("deployments")


def _new(deployment_id: str, wanted: DeploymentScheduleCreate, now: datetime) -> DeploymentSchedule:
    return DeploymentSchedule(
        id=new_id(),
        created=now,
        updated=now,
        deployment_id=deployment_id,
        schedule=_settled(wanted.schedule, now),
        active=wanted.active,
        max_active_runs=wanted.max_active_runs,
        max_scheduled_runs=wanted.max_scheduled_runs,
        catchup=wanted.catchup,
        parameters=wanted.parameters or EMPTY_OBJECT,
        slug=wanted.slug,
    )


def _settled(schedule: dict[str, Any], now: datetime) -> Raw:
    """A schedule as it is kept: checked, with its anchor or start written out."""
    return raw(settled(from_dict(schedule), now))


def _same(old: DeploymentSchedule, fresh: DeploymentSchedule, sent: dict[str, Any]) -> bool:
    """Whether a schedule is the one that is there; without an anchor of its own it may have any."""
    was, now = unraw(old.schedule), unraw(fresh.schedule)
    if sent.get("anchor_date") is None:
        was, now = ({**one, "anchor_date": None} for one in (was, now))
    return bool(was == now) and old.slug == fresh.slug


def _must_exist(conn: Conn, deployment_id: str) -> None:
    if conn.one("SELECT 1 FROM deployment WHERE id = :id", {"id": deployment_id}) is None:
        raise NotFound("Deployment not found")
