"""What a state transition reads and writes. Rows and plain values; the second floor knows what they mean."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, Protocol

from orion.model import wire
from orion.model.ids import new_id
from orion.model.states import State
from orion.store import sql
from orion.store.base import Conn, Row
from orion.store.rows import raw_text

Q = sql.load("transitions")
Kind = Literal["flow_run", "task_run"]
PLANNED, LATE = "Scheduled", "Late"

_LOCK = {"flow_run": Q.lock_flow_run, "task_run": Q.lock_task_run}
_LOAD = {"flow_run": Q.flow_run, "task_run": Q.task_run}
_ANSWER = {"flow_run": Q.flow_run_answer, "task_run": Q.task_run_answer}
_ADD_STATE = {"flow_run": Q.add_flow_run_state, "task_run": Q.add_task_run_state}


class Planned(Protocol):
    """What planned runs have in common, as far as a policy looks at it."""

    @property
    def flow_id(self) -> str: ...
    @property
    def deployment_id(self) -> str | None: ...
    @property
    def tags(self) -> list[str]: ...


def load(conn: Conn, kind: Kind, run_id: str) -> Row | None:
    """The row of a run, locked until the transaction ends.

    PostgreSQL locks first and reads then: a read that waited for the lock would join the state of before.
    """
    if conn.dialect == "postgres" and conn.one(_LOCK[kind], {"id": run_id}) is None:
        return None
    return conn.one(_LOAD[kind], {"id": run_id})


def flow_of(conn: Conn, flow_run_id: str) -> Row | None:
    """State type, run count, flow, deployment, token and pause of a flow run, for a task run of it."""
    return conn.one(Q.flow_of, {"id": flow_run_id})


def reopened(conn: Conn, task_run_id: str) -> bool:
    """Whether the flow run of a subflow's task run has started again since."""
    row = conn.one(Q.reopened, {"id": task_run_id})
    return row is not None and bool(row[0])


def answer(conn: Conn, kind: Kind, run_id: str, transition_id: str) -> Row | None:
    """The state stored by a transition, with its answer and reason."""
    return conn.one(_ANSWER[kind], {"run_id": run_id, "transition_id": transition_id})


def add_state(
    conn: Conn,
    kind: Kind,
    run_id: str,
    state: State,
    transition_id: str | None,
    said: str | None,
    reason: str | None,
) -> None:
    """A row of history, with the answer that its proposer got."""
    conn.run(_ADD_STATE[kind], _state(conn, run_id, state, transition_id, said, reason))


def add_reported_state(conn: Conn, task_run_id: str, state: State) -> bool:
    """A state that a client tells afterwards; False when it is there already."""
    return conn.run(Q.add_task_run_state_once, _state(conn, task_run_id, state, None, None, None)) > 0


def change(
    conn: Conn, kind: Kind, run_id: str, was: str | None, columns: Mapping[str, Any], now: datetime
) -> bool:
    """Set some columns of a run, if its state is still `was` (I11)."""
    values = {
        name: conn.time(value) if isinstance(value, datetime) else value for name, value in columns.items()
    }
    sets = ", ".join(f"{name} = :{name}" for name in values)
    text = f"UPDATE {kind} SET updated = :updated, {sets} WHERE id = :id AND COALESCE(state_id, '') = :was"
    return conn.run(text, {**values, "updated": conn.time(now), "id": run_id, "was": was or ""}) > 0


def cached_state(conn: Conn, cache_key: str, now: datetime) -> Row | None:
    """The state to take over for a cache key, if there is one."""
    return conn.one(Q.cached_state, {"cache_key": cache_key, "now": conn.time(now)})


def add_cache_entry(conn: Conn, state: State, now: datetime) -> None:
    """Remember a completed state under its cache key."""
    details = state.state_details
    values = {"cache_key": details.cache_key, "now": conn.time(now), "state_id": state.id}
    conn.run(Q.add_cache_entry, {**values, "cache_expiration": conn.time(details.cache_expiration)})


def add_notifications(
    conn: Conn,
    run_id: str,
    state: State,
    tags: Iterable[str],
    now: datetime,
    *,
    flow_id: str | None = None,
    deployment_id: str | None = None,
) -> None:
    """An outbox row for each active policy that matches the state, the run's tags, its flow and its deployment."""
    for policy in conn.all(Q.active_policies):
        if _matches(policy, state.name, tags, flow_id, deployment_id):
            conn.run(Q.add_notification, _message(conn, policy, run_id, state.id, now))
            conn.publish("notifications")


def add_planned_notifications(conn: Conn, runs: Sequence[tuple[Planned, str, str]], now: datetime) -> None:
    """The same for runs that are planned ahead, each with its plan, its id and that of its state.

    A policy counts only where it names their state; "all states" means later ones.
    """
    _add_notifications(conn, conn.all(Q.policies_on_planned), PLANNED, runs, now)


def add_late_notifications(conn: Conn, runs: Sequence[tuple[Planned, str, str]], now: datetime) -> None:
    """The same for runs that have become late."""
    _add_notifications(conn, conn.all(Q.active_policies), LATE, runs, now)


def _add_notifications(
    conn: Conn, policies: Iterable[Row], name: str, runs: Sequence[tuple[Planned, str, str]], now: datetime
) -> None:
    rows = [
        _message(conn, policy, run_id, state_id, now)
        for policy in policies
        for run, run_id, state_id in runs
        if _matches(policy, name, run.tags, run.flow_id, run.deployment_id)
    ]
    if rows:
        conn.many(Q.add_notification, rows)
        conn.publish("notifications")


def _matches(
    policy: Row, name: str, tags: Iterable[str], flow_id: str | None, deployment_id: str | None
) -> bool:
    names, wanted, flows, deployments = (wire.unraw(text.encode()) for text in policy[1:])
    if (names and name not in names) or (wanted and set(wanted).isdisjoint(tags)):
        return False
    return not (flows and flow_id not in flows) and not (deployments and deployment_id not in deployments)


def _message(conn: Conn, policy: Row, run_id: str, state_id: str, now: datetime) -> dict[str, Any]:
    return {
        "id": new_id(),
        "now": conn.time(now),
        "policy_id": policy[0],
        "state_id": state_id,
        "run_id": run_id,
    }


def task_runs_in(conn: Conn, flow_run_id: str, types: Iterable[str]) -> list[str]:
    """Ids of the flow run's task runs in one of the state types."""
    listed = wire.encode(list(types)).decode()
    return [row[0] for row in conn.all(Q.task_runs_in, {"flow_run_id": flow_run_id, "types": listed})]


def live_below(conn: Conn, flow_run_id: str, limit: int) -> list[Row]:
    """Task runs that have not ended, each with the id of the subflow run of the same process, if it stands for one."""
    return conn.all(Q.live_below, {"flow_run_id": flow_run_id, "limit": limit})


def _state(
    conn: Conn, run_id: str, state: State, transition_id: str | None, said: str | None, reason: str | None
) -> dict[str, Any]:
    return {
        "id": state.id,
        "run_id": run_id,
        "type": state.type,
        "name": state.name,
        "timestamp": conn.time(state.timestamp),
        "transition_id": transition_id,
        "answer": said,
        "reason": reason,
        "message": state.message,
        "details": wire.encode(state.state_details).decode(),
        "data": None if state.data == wire.NULL else raw_text(state.data),
    }
