"""Schedules of a deployment; whatever changes one plans its runs anew in the same transaction."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from orion.services import scheduling
from orion.store import deployment_schedules
from orion.web.call import Call, Reply


async def filter(call: Call) -> Reply:
    """List the schedules of a deployment."""
    return Reply(await call.store.read(deployment_schedules.of_deployment, call.path["id"]))


async def create(call: Call) -> Reply:
    """Add schedules to a deployment."""
    return Reply(await call.store.write(_create, call.path["id"], call.body, call.now), status=201)


def _create(conn: Any, deployment_id: str, added: list[Any], now: datetime) -> Any:
    rows = deployment_schedules.add(conn, deployment_id, added, now)
    scheduling.replan(conn, deployment_id, now)
    return rows


async def update(call: Call) -> Reply:
    """Change a schedule; planned runs follow."""
    ids = call.path["id"], call.path["schedule_id"]
    await call.store.write(_update, *ids, call.body, call.now)
    return Reply(status=204, location=f"deployments/{call.path['id']}")


def _update(conn: Any, deployment_id: str, schedule_id: str, body: Any, now: datetime) -> None:
    deployment_schedules.update(conn, deployment_id, schedule_id, body, now)
    scheduling.replan(conn, deployment_id, now)


async def delete(call: Call) -> Reply:
    """Delete a schedule and its planned runs."""
    await call.store.write(_delete, call.path["id"], call.path["schedule_id"], call.now)
    return Reply(status=204, location=f"deployments/{call.path['id']}")


def _delete(conn: Any, deployment_id: str, schedule_id: str, now: datetime) -> None:
    deployment_schedules.delete(conn, deployment_id, schedule_id)
    scheduling.replan(conn, deployment_id, now)
