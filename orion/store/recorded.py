"""Recorded task runs: rows that follow what clients tell afterwards, the newest word last."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from orion.errors import Conflict
from orion.model.states import State
from orion.model.task_runs import TaskRun
from orion.store import sql, tags, task_runs
from orion.store.base import Conn
from orion.store.rows import bind

Q = sql.load("recorded")


def find_or_add(conn: Conn, run: TaskRun) -> str:
    """The id under which the task run is kept: its own, or that of the run with the same keys."""
    key = {
        "id": run.id,
        "flow_run_id": run.flow_run_id,
        "task_key": run.task_key,
        "dynamic_key": run.dynamic_key,
    }
    row = conn.one(Q.find, key)
    if row is None and task_runs.insert(conn, run):
        return run.id
    row = row or conn.one(Q.find, key)
    if row is None:
        raise Conflict("The task run was deleted just now.")
    return str(row[0])


def follow(conn: Conn, run_id: str, state: State, columns: dict[str, Any], now: datetime) -> bool:
    """Give the run the state and the columns, unless it knows a newer state."""
    values = {name: bind(conn, value) for name, value in columns.items()}
    values |= {"state_id": state.id, "state_type": state.type, "state_name": state.name}
    sets = ", ".join(f"{name} = :{name}" for name in (*values, "state_timestamp", "updated"))
    newer = "(state_timestamp IS NULL OR state_timestamp <= :state_timestamp)"
    values |= {"id": run_id, "state_timestamp": conn.time(state.timestamp), "updated": conn.time(now)}
    if not conn.run(f"UPDATE task_run SET {sets} WHERE id = :id AND {newer}", values):
        return False
    if "tags" in columns:
        tags.replace(conn, "task_run", run_id, tags.distinct(columns["tags"]))
    return True
