"""A small world for the services: flows, deployments and schedules put straight into a database."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from msgspec import Struct

from orion.model.ids import new_id
from orion.model.schedules import CronSchedule, IntervalSchedule, RRuleSchedule, Schedule
from orion.store import Conn, Store
from orion.store.rows import json_text

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOURLY = IntervalSchedule(interval=3600, anchor_date=datetime(2026, 1, 1, tzinfo=UTC))
MINUTELY = IntervalSchedule(interval=60, anchor_date=datetime(2026, 1, 1, tzinfo=UTC))
DAILY = CronSchedule(cron="0 6 * * *", timezone="UTC")
EVER_ENDED = RRuleSchedule(rrule="FREQ=DAILY;UNTIL=20210101T000000Z")


class Run(Struct):
    """What a test looks at of a run."""

    id: str
    deployment_id: str
    schedule_id: str
    due: datetime
    state_type: str
    state_name: str
    tags: str
    parameters: str
    key: str


def add_deployment(
    store: Store,
    *schedules: Schedule | str,
    paused: bool = False,
    labels: dict[str, str] | None = None,
    **columns: Any,
) -> str:
    """A deployment of a new flow with active schedules (as text: stored unchecked); its id."""
    flow_id, deployment_id = new_id(), new_id()
    row = {
        "parameters": "{}",
        "tags": "[]",
        "work_queue_name": "default",
        "labels": json_text(labels or {}),
        **columns,
        "id": deployment_id,
        "flow_id": flow_id,
        "name": "hourly",
        "paused": paused,
    }

    def insert(conn: Conn) -> None:
        stamp = {"now": conn.time(NOON)}
        conn.run(
            "INSERT INTO flow (id, created, updated, name) VALUES (:id, :now, :now, :id)",
            {"id": flow_id, **stamp},
        )
        names = ", ".join(row)
        places = ", ".join(f":{name}" for name in row)
        conn.run(
            f"INSERT INTO deployment (created, updated, {names}) VALUES (:now, :now, {places})",
            {**row, **stamp},
        )

    store.write_now(insert)
    for schedule in schedules:
        add_schedule(store, deployment_id, schedule)
    return deployment_id


def add_schedule(store: Store, deployment_id: str, schedule: Schedule | str, **columns: Any) -> str:
    """An active schedule of a deployment; its id."""
    schedule_id = new_id()
    text = schedule if isinstance(schedule, str) else json_text(schedule)
    row = {"id": schedule_id, "deployment_id": deployment_id, "schedule": text, "active": True, **columns}

    def insert(conn: Conn) -> None:
        names = ", ".join(row)
        places = ", ".join(f":{name}" for name in row)
        sql = f"INSERT INTO deployment_schedule (created, updated, {names}) VALUES (:now, :now, {places})"
        conn.run(sql, {**row, "now": conn.time(NOON)})

    store.write_now(insert)
    return schedule_id


def runs(store: Store, deployment_id: str | None = None) -> list[Run]:
    """The runs of a deployment (or all), by due time."""

    def read(conn: Conn) -> list[Run]:
        where = "WHERE deployment_id = :id" if deployment_id else ""
        rows = conn.all(
            "SELECT id, deployment_id, schedule_id, expected_start_time, state_type, state_name, tags, parameters, "
            f"idempotency_key FROM flow_run {where} ORDER BY expected_start_time, id",
            {"id": deployment_id} if deployment_id else {},
        )
        return [Run(*row[:3], conn.when(row[3]) or NOON, *row[4:]) for row in rows]

    return store.read_now(read)


def due(store: Store, deployment_id: str | None = None) -> list[datetime]:
    """When the runs of a deployment are due."""
    return [run.due for run in runs(store, deployment_id)]


def change(store: Store, sql: str, **params: Any) -> None:
    """One statement, in a transaction of its own."""

    def run(conn: Conn) -> None:
        bound = {k: conn.time(v) if isinstance(v, datetime) else v for k, v in params.items()}
        conn.run(sql, bound)

    store.write_now(run)
