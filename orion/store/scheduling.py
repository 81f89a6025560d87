"""Planning in the database: deployments and their schedules, planned runs, the cursor and what it skipped."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache
from typing import Any

from msgspec import Raw, Struct

from orion.model.ids import Id, new_id, new_ids
from orion.model.names import names_together
from orion.model.times import iso, to_micros
from orion.store import tags, transitions
from orion.store.base import Conn, Row
from orion.store.rows import Rows, json_text
from orion.store.sql import load

Q = load("scheduling")
Outlook = tuple[Row, tuple[Row, ...]]


class Deployment(Struct, kw_only=True):
    """What a planned run takes from its deployment."""

    id: Id
    flow_id: Id
    paused: bool
    version: str | None
    work_queue_name: str | None
    work_queue_id: Id | None
    infrastructure_document_id: Id | None
    tags: list[str]
    labels: Raw
    parameters: Raw
    job_variables: Raw


class Schedule(Struct, kw_only=True):
    """One schedule with its cursor."""

    id: Id
    deployment_id: Id
    schedule: Raw
    active: bool
    max_scheduled_runs: int | None
    catchup: bool | None
    parameters: Raw
    scheduled_until: datetime | None


class Plan(Struct, kw_only=True):
    """What the runs planned from one schedule have in common."""

    flow_id: Id
    deployment_id: Id
    deployment_version: str | None
    schedule_id: Id
    work_queue_name: str | None
    work_queue_id: Id | None
    infrastructure_document_id: Id | None
    created_by: dict[str, str]
    tags: list[str]
    labels: Raw
    parameters: Raw
    job_variables: Raw


class NewRun(Struct, array_like=True):
    """What a run has for itself when it is planned; `due` is in microseconds since 1970."""

    id: Id
    state_id: Id
    name: str
    due: int
    due_text: str
    plan: int


class Planned(Struct, kw_only=True):
    """A planned run that nobody has started."""

    id: Id
    idempotency_key: str | None
    expected_start_time: datetime
    tags: list[str]


class Skip(Struct, kw_only=True):
    """Due times of a schedule that have no run: how many, between when, and why."""

    id: Id
    created: datetime
    deployment_id: Id
    schedule_id: Id | None
    from_time: datetime
    to_time: datetime
    count: int
    reason: str


class Overdue(Struct, kw_only=True):
    """A run past its time, and the state in which it was seen."""

    id: Id
    state_id: Id
    next_scheduled_start_time: datetime


DEPLOYMENT = Rows(Deployment, "deployment")
SCHEDULE = Rows(Schedule, "deployment_schedule")
PLAN = Rows(Plan, "flow_run")
PLANNED = Rows(Planned, "flow_run")
SKIP = Rows(Skip, "schedule_skip")
OVERDUE = Rows(Overdue, "flow_run")


def lock(conn: Conn, deployment_id: str) -> Deployment | None:
    """The deployment, held until the transaction ends."""
    row = conn.one(Q.lock, {"deployment_id": deployment_id})
    return DEPLOYMENT.read(conn, row) if row else None


def find(conn: Conn, deployment_id: str) -> Deployment | None:
    """The deployment as it is now."""
    row = conn.one(Q.find, {"deployment_id": deployment_id})
    return DEPLOYMENT.read(conn, row) if row else None


def outlook(conn: Conn, deployment_id: str) -> Outlook | None:
    """All that the runs planned of a deployment depend on, but for the cursors; locked until the transaction ends."""
    row = conn.one(Q.lock, {"deployment_id": deployment_id})
    if row is None:
        return None
    return row, tuple(tuple(rule[:-1]) for rule in conn.all(Q.schedules, {"deployment_id": deployment_id}))


def schedules(conn: Conn, deployment_id: str) -> list[Schedule]:
    """The schedules of a deployment, resting ones included."""
    return SCHEDULE.read_all(conn, conn.all(Q.schedules, {"deployment_id": deployment_id}))


def active(conn: Conn) -> list[Schedule]:
    """Every active schedule of a deployment that is not paused."""
    return SCHEDULE.read_all(conn, conn.all(Q.active))


def lock_all(conn: Conn, deployment_ids: Iterable[str]) -> list[tuple[Deployment, list[Schedule]]]:
    """Some deployments, held until the transaction ends, each with its schedules."""
    ids = {"ids": json_text(list(deployment_ids))}
    deployments = DEPLOYMENT.read_all(conn, conn.all(Q.lock_all, ids))
    found: dict[str, list[Schedule]] = {deployment.id: [] for deployment in deployments}
    for schedule in SCHEDULE.read_all(conn, conn.all(Q.schedules_of, ids)):
        found.get(schedule.deployment_id, []).append(schedule)
    return [(deployment, found[deployment.id]) for deployment in deployments]


def add_runs(conn: Conn, wanted: list[tuple[Plan, list[datetime]]], now: datetime) -> int:
    """Add a run with its first state for each due time of each plan, unless it is known; the number added.

    A few statements, however many the runs, which go in by their time: runs that are due together lie together.
    """
    runs = _new_runs(wanted)
    if not runs:
        return 0
    plans = [plan for plan, _ in wanted]
    common = [[number, *PLAN.values(conn, plan).values()] for number, plan in enumerate(plans)]
    values = {"now": conn.time(now), "plans": json_text(common), "runs": json_text(runs)}
    new = {id for (id,) in conn.all(Q.add_runs, values)}
    added = [run for run in runs if run.id in new]
    if not added:
        return 0
    conn.run(Q.add_states, {"now": conn.time(now), "runs": json_text(added)})
    conn.run(Q.add_tags, {"ids": json_text([run.id for run in added])})
    if conn.dialect == "sqlite":  # its triggers are called for each row, so they leave planned runs out
        conn.run(Q.count_runs, {"added": len(added)})
    told = [(plans[run.plan], run.id, run.state_id) for run in added]
    transitions.add_planned_notifications(conn, told, now)
    _tell(conn, plans)
    return len(added)


def _new_runs(wanted: list[tuple[Plan, list[datetime]]]) -> list[NewRun]:
    due = sorted(
        (to_micros(moment), number, moment) for number, (_, times) in enumerate(wanted) for moment in times
    )
    many = len(due)
    made = zip(new_ids(many), new_ids(many), names_together(many), due, strict=True)
    return [
        NewRun(id, state_id, name, micros, _told(moment), plan)
        for id, state_id, name, (micros, plan, moment) in made
    ]


_told = lru_cache(maxsize=1024)(iso)  # many are due together


def _tell(conn: Conn, plans: Iterable[Plan]) -> None:
    for topic in ("runs", "queues", *{f"queue:{plan.work_queue_name}" for plan in plans}):
        conn.publish(topic)


def known(conn: Conn, flow_id: str, keys: list[str]) -> set[str]:
    """Those of the keys under which a flow has a run already."""
    return {key for (key,) in conn.all(Q.known, {"flow_id": flow_id, "keys": json_text(keys)})}


def key(schedule_id: str, due: datetime) -> str:
    """The key of a planned run, which makes planning twice harmless; `add_runs` writes the same in SQL."""
    return f"scheduled {schedule_id} {to_micros(due)}"


def move_cursors(conn: Conn, until: dict[str, datetime]) -> None:
    """Note for some schedules up to when every due time is planned or skipped."""
    conn.many(Q.move_cursor, [{"id": id, "until": conn.time(moment)} for id, moment in until.items()])


def begin_anew(conn: Conn, deployment_id: str, now: datetime) -> None:
    """Move the cursors of a changed deployment back to now; planned runs that are overdue are noted as skipped."""
    at = {"deployment_id": deployment_id, "now": conn.time(now)}
    overdue = [row for row in conn.all(Q.overdue_planned, at) if row[0]]
    add_skips(conn, [_dropped(conn, deployment_id, now, *row) for row in overdue])
    for statement in (Q.bump, Q.rewind, Q.forget):
        conn.run(statement, at)


def planned(conn: Conn, deployment_id: str, now: datetime) -> list[Planned]:
    """The planned runs of a deployment that nobody has started, overdue ones too."""
    return PLANNED.read_all(
        conn, conn.all(Q.planned, {"deployment_id": deployment_id, "now": conn.time(now)})
    )


def change_planned(conn: Conn, plan: Plan, runs: list[Planned], now: datetime) -> None:
    """Give planned runs what their deployment and schedule say now."""
    if not runs:
        return
    values = {**PLAN.values(conn, plan), "now": conn.time(now)}
    conn.run(Q.change_planned, {**values, "runs": json_text([run.id for run in runs])})
    retagged = [run for run in runs if run.tags != plan.tags]
    if retagged:
        conn.run(Q.untag, {"runs": json_text([run.id for run in retagged])})
        tags.add(conn, "flow_run", [run.id for run in retagged], plan.tags)
    _tell(conn, [plan])


def drop_planned(conn: Conn, ids: list[str]) -> None:
    """Delete planned runs."""
    if ids:
        conn.run(Q.drop_planned, {"runs": json_text(ids)})
        conn.publish("runs")
        conn.publish("queues")


def _dropped(conn: Conn, deployment: str, now: datetime, schedule: str, count: int, *span: Any) -> Skip:
    first, last = (conn.when(moment) or now for moment in span)
    why = "The deployment was changed before anybody started them."
    return Skip(id=new_id(), created=now, deployment_id=deployment, schedule_id=schedule,
                from_time=first, to_time=last, count=count, reason=why)  # fmt: skip


def add_skips(conn: Conn, skips: Iterable[Skip]) -> None:
    """Record due times that will have no run."""
    conn.many(Q.add_skip, [SKIP.values(conn, skip) for skip in skips])


def skips(conn: Conn, deployment_id: str, limit: int = 20) -> list[Skip]:
    """What a deployment has skipped, newest first."""
    return SKIP.read_all(conn, conn.all(Q.skips, {"deployment_id": deployment_id, "limit": limit}))


def overdue_of_schedule(conn: Conn, schedule: Schedule, now: datetime, limit: int = 200) -> list[str]:
    """The ids of a schedule's overdue runs that no agent holds, newest first."""
    of = {"deployment_id": schedule.deployment_id, "schedule_id": schedule.id, "now": conn.time(now)}
    return [run_id for run_id, _ in conn.all(Q.overdue_of_schedule, {**of, "limit": limit})]


def schedules_that_chose(conn: Conn, runs: list[str]) -> list[tuple[str, str]]:
    """Deployments and schedules of planned runs, where the deployment has chosen its catch-up."""
    rows = conn.all(Q.schedules_that_chose, {"runs": json_text(runs)})
    return [(deployment_id, schedule_id) for deployment_id, schedule_id in rows]


def overdue(conn: Conn, before: datetime, limit: int) -> list[Overdue]:
    """Runs named Scheduled that were due before `before`, oldest first."""
    return OVERDUE.read_all(conn, conn.all(Q.overdue, {"before": conn.time(before), "limit": limit}))


def next_due(conn: Conn, after: datetime) -> datetime | None:
    """When the next run is due that is not late yet."""
    row = conn.one(Q.next_due, {"after": conn.time(after)})
    return conn.when(row[0]) if row else None
