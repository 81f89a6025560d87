"""Roll-up: finished flow runs counted by the minute of their expected start, corrected when runs are deleted.

`orchestration` counts a run in when it enters a final state, and out when it leaves one.
"""

from __future__ import annotations

from datetime import datetime

from orion.store import sql
from orion.store.base import Conn

Q = sql.load("rollup")


def minute(moment: datetime) -> datetime:
    """The minute that a moment lies in."""
    return moment.replace(second=0, microsecond=0)


def count_minute(
    conn: Conn, at: datetime, group: tuple[str, str, str, str], n: int, run_time: float, late: float
) -> None:
    """Add `n` ended flow runs to the minute of `at`; `group` is flow, deployment, state type and state name."""
    flow_id, deployment_id, state_type, name = group
    values = {"flow_id": flow_id, "deployment_id": deployment_id, "type": state_type, "name": name}
    sums = {"n": n, "run_time": n * run_time, "lateness": n * late}
    conn.run(Q.count_minute, {**values, **sums, "minute": conn.time(minute(at))})


def forget_flow_run(conn: Conn, id: str) -> None:
    """Count a finished run out, before it is deleted."""
    row = conn.one(Q.finished, {"id": id})
    if row is None:
        return
    flow_id, deployment_id, state_type, state_name, run_time, expected_start, start = row
    expected, began = conn.when(expected_start), conn.when(start)
    assert expected is not None
    late = 0.0 if began is None else (began - expected).total_seconds()
    count_minute(conn, expected, (flow_id, deployment_id or "", state_type, state_name), -1, run_time, late)


def forget_flow(conn: Conn, flow_id: str) -> None:
    """Drop all that is counted of a flow, before it is deleted."""
    row = conn.one(Q.span, {"flow_id": flow_id})
    first, last = (conn.when(value) for value in row or (None, None))
    if first is not None and last is not None:
        span = {"flow_id": flow_id, "first": conn.time(minute(first)), "last": conn.time(last)}
        conn.run(Q.delete_flow, span)
