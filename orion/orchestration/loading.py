"""Loading: rows of the store as facts for the rules, and facts back as the columns that changed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, TypeVar

from msgspec import Raw

from orion.model import wire
from orion.model.flow_runs import FlowRunPolicy
from orion.model.states import State, StateDetails
from orion.model.task_runs import TaskRunPolicy
from orion.orchestration import turns
from orion.orchestration.facts import Crowd, FlowFacts, FlowOf, Limit, Run, TaskFacts
from orion.orchestration.limits import free
from orion.store import deployment_limits, slots, transitions
from orion.store.base import Conn, Row

R = TypeVar("R", bound=Run)

_details = wire.decoder(StateDetails).decode
_flow_policy = wire.decoder(FlowRunPolicy).decode
_task_policy = wire.decoder(TaskRunPolicy).decode
_tags = wire.decoder(list[str]).decode


def flow_run(conn: Conn, run_id: str) -> FlowFacts | None:
    """A flow run, locked until the transaction ends."""
    row = transitions.load(conn, "flow_run", run_id)
    if row is None:
        return None
    when = conn.when
    return FlowFacts(
        id=row[0],
        flow_id=row[1],
        deployment_id=row[2],
        work_queue_name=row[3],
        parent_task_run_id=row[4],
        infrastructure_pid=row[5],
        policy=_flow_policy(row[6]),
        tags=_tags(row[7]),
        run_count=row[8],
        expected_start_time=when(row[9]),
        next_scheduled_start_time=when(row[10]),
        start_time=when(row[11]),
        end_time=when(row[12]),
        total_run_time=row[13],
        attempt_token=row[14],
        claimed_by=row[15],
        claim_until=when(row[16]),
        lease_until=when(row[17]),
        heartbeat=when(row[18]),
        submit_count=row[19],
        state=state(conn, row[20:]),
    )


def task_run(conn: Conn, run_id: str) -> TaskFacts | None:
    """A task run, locked until the transaction ends, with what it must know of its flow run."""
    row = transitions.load(conn, "task_run", run_id)
    if row is None:
        return None
    when = conn.when
    return TaskFacts(
        id=row[0],
        flow_run_id=row[1],
        flow_run_run_count=row[2],
        policy=_task_policy(row[3]),
        tags=_tags(row[4]),
        run_count=row[5],
        expected_start_time=when(row[6]),
        next_scheduled_start_time=when(row[7]),
        start_time=when(row[8]),
        end_time=when(row[9]),
        total_run_time=row[10],
        state=state(conn, row[11:18]),
        flow=_flow(row[18:]) if row[1] is not None else None,
    )


def flow_of(conn: Conn, flow_run_id: str | None) -> FlowOf | None:
    """The flow run of a task run that is about to be made."""
    row = transitions.flow_of(conn, flow_run_id) if flow_run_id else None
    return None if row is None else _flow(row)


def state(conn: Conn, row: Row) -> State | None:
    """The state of a row that begins with id, type, name, timestamp, message, data and details."""
    if row[0] is None:
        return None
    timestamp = conn.when(row[3])
    assert timestamp is not None
    return State(
        id=row[0],
        type=row[1],
        name=row[2],
        timestamp=timestamp,
        message=row[4],
        data=wire.NULL if row[5] is None else Raw(row[5].encode()),
        state_details=_details(row[6]),
    )


def cached(conn: Conn, wanted: State, now: datetime) -> State | None:
    """The state that may stand in for a task run that asks for RUNNING."""
    details = wanted.state_details
    if not details.cache_key or details.refresh_cache:
        return None
    row = transitions.cached_state(conn, details.cache_key, now)
    return None if row is None else state(conn, row)


def limits(conn: Conn, run_id: str, tags: Iterable[str], now: datetime) -> tuple[Limit, ...]:
    """The limits on a task run's tags, locked, how many slots others hold, and how many are kept for who came first."""
    rows = slots.lock_limits(conn, [f"tag:{tag}" for tag in tags])
    if not rows:
        return ()
    held, awaited = slots.taken(conn, [row[0] for row in rows], now, run_id)
    room = {row[0]: float(row[2] - held[row[0]]) for row in rows}
    left = room
    if awaited and min(room.values()) >= 1:
        left = turns.left(conn, room, 1, run_id, now, lambda ids: free(conn, ids, now))
    return tuple(
        Limit(
            id=row[0],
            tag=row[1].removeprefix("tag:"),
            slots=row[2],
            taken=held[row[0]],
            kept=int(room[row[0]] - left[row[0]]),
            awaited=row[0] in awaited,
        )
        for row in rows
    )


def crowd(conn: Conn, run: FlowFacts) -> Crowd | None:
    """The limit of a run's deployment, locked, and how many other runs use it."""
    taken = deployment_limits.taken(conn, run.deployment_id, run.id) if run.deployment_id else None
    return None if taken is None else Crowd(*taken)


def changed(before: Run, after: Run) -> dict[str, Any]:
    """The columns that a transition changes, so that no index is touched without need."""
    columns: dict[str, Any] = {}
    for name in after.__struct_fields__:
        value = getattr(after, name)
        if value is not getattr(before, name) and value != getattr(before, name):
            columns |= _columns(name, value)
    return columns


def _columns(name: str, value: Any) -> dict[str, Any]:
    match name:
        case "state":
            return {
                "state_id": value.id,
                "state_type": value.type,
                "state_name": value.name,
                "state_timestamp": value.timestamp,
            }
        case "policy":
            return {"empirical_policy": wire.encode(value).decode()}
        case _:
            return {name: value}


def _flow(row: Row) -> FlowOf:
    paused = StateDetails() if row[5] is None else _details(row[5])
    return FlowOf(
        state_type=row[0],
        run_count=row[1] or 0,
        flow_id=row[2],
        deployment_id=row[3],
        attempt_token=row[4],
        pause_timeout=paused.pause_timeout,
        pause_reschedule=bool(paused.pause_reschedule),
    )
