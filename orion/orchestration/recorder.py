"""Recorder: task runs of clients that orchestrate their tasks themselves arrive as events (contract 12.3).

No rule is asked. The state joins the history under the event's id; the run's own columns follow only an event that is
newer than what is stored, for frames can come late or twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from orion.errors import Invalid
from orion.model import wire
from orion.model.ids import is_id
from orion.model.states import COMPLETED, State, StateCreate
from orion.model.task_runs import TaskRun, TaskRunPolicy
from orion.model.times import as_utc
from orion.store import events, flow_runs, recorded, transitions
from orion.store.base import Conn

PREFIX = "prefect.task-run."
BEAT = "prefect.flow-run.heartbeat"  # shows that the client lives; starts and renews no lease


class Told(Struct, kw_only=True):
    """What an event tells of its task run; what it leaves out stays."""

    name: str | UnsetType = UNSET
    task_key: str | UnsetType = UNSET
    dynamic_key: str | UnsetType = UNSET
    cache_key: str | None | UnsetType = UNSET
    cache_expiration: datetime | None | UnsetType = UNSET
    task_version: str | None | UnsetType = UNSET
    empirical_policy: TaskRunPolicy | UnsetType = UNSET
    tags: list[str] | UnsetType = UNSET
    labels: Raw | UnsetType = UNSET
    task_inputs: Raw | UnsetType = UNSET
    run_count: int | UnsetType = UNSET
    flow_run_run_count: int | UnsetType = UNSET
    expected_start_time: datetime | None | UnsetType = UNSET
    next_scheduled_start_time: datetime | None | UnsetType = UNSET
    start_time: datetime | None | UnsetType = UNSET
    end_time: datetime | None | UnsetType = UNSET
    total_run_time: float | UnsetType = UNSET


class Payload(Struct, kw_only=True):
    """The part of an event that is recorded."""

    validated_state: StateCreate
    task_run: Told


def record_event(conn: Conn, event: Mapping[str, Any], now: datetime) -> None:
    """Record a task run's event and keep a flow run's beat; others, and this server's own, are left alone."""
    if event.get("event") == BEAT:
        events.keep(conn, event, now)
        return
    resource = event.get("resource") or {}
    subject = str(resource.get("prefect.resource.id", ""))
    if not subject.startswith(PREFIX) or resource.get("prefect.orchestration") != "client":
        return
    task_run_id, flow_run_id = subject.removeprefix(PREFIX), _flow_run_id(event)
    if not is_id(task_run_id) or not is_id(str(event.get("id"))):
        raise Invalid(
            f"An event of a task run needs ids that are UUIDs, not {subject!r} and {event.get('id')!r}."
        )
    if flow_run_id is not None and not flow_runs.exists(conn, flow_run_id):
        return
    payload: Payload = wire.decode(wire.encode(event.get("payload") or {}), Payload)
    state = _state(event, payload.validated_state, flow_run_id, task_run_id)
    run_id = _run(conn, task_run_id, flow_run_id, payload.task_run, now)
    is_new = transitions.add_reported_state(conn, run_id, state)
    if is_new and state.type == COMPLETED and state.state_details.cache_key:
        transitions.add_cache_entry(conn, state, now)
    recorded.follow(conn, run_id, state, _columns(payload.task_run), now)
    if flow_run_id is not None:
        conn.publish(f"run:{flow_run_id}")


def _flow_run_id(event: Mapping[str, Any]) -> str | None:
    for related in event.get("related") or ():
        if related.get("prefect.resource.role") == "flow-run":
            found = str(related.get("prefect.resource.id", "")).removeprefix("prefect.flow-run.")
            return found if is_id(found) else None
    return None


def _state(event: Mapping[str, Any], told: StateCreate, flow_run_id: str | None, task_run_id: str) -> State:
    details = msgspec.structs.replace(told.details, flow_run_id=flow_run_id, task_run_id=task_run_id)
    return State(
        id=str(event["id"]),
        type=told.type,
        name=told.label,
        timestamp=as_utc(wire.decode(wire.encode(event.get("occurred")), datetime)),
        message=told.message,
        data=told.data,
        state_details=details,
    )


def _run(conn: Conn, task_run_id: str, flow_run_id: str | None, told: Told, now: datetime) -> str:
    """The id of the task run, which is made by its first event; its natural key may know it by another id."""
    given = {
        name: value for name, value in _given(told).items() if name in ("name", "task_key", "dynamic_key")
    }
    values = {"name": task_run_id, "task_key": task_run_id, "dynamic_key": task_run_id, **given}
    run = TaskRun(id=task_run_id, created=now, updated=now, flow_run_id=flow_run_id, **values)
    return recorded.find_or_add(conn, run)


def _columns(told: Told) -> dict[str, Any]:
    return {name: value for name, value in _given(told).items() if name not in ("task_key", "dynamic_key")}


def _given(told: Told) -> dict[str, Any]:
    return {name: getattr(told, name) for name in told.__struct_fields__ if getattr(told, name) is not UNSET}
