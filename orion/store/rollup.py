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


def forget_flow_run(conn: Conn, id: str) -> None:
    """Count a finished run out, before it is deleted."""
    row = conn.one(Q.finished, {"id": id})
    if row is None:
        return
    flow_id, deployment_id, state_type, state_name, run_time, expected_start, start = row
    expected, began = conn.when(expected_start), conn.when(start)
    assert expected is not None
    conn.run(
        Q.subtract,
        {
            "minute": conn.time(minute(expected)),
            "flow_id": flow_id,
            "deployment_id": deployment_id or "",
            "state_type": state_type,
            "state_name": state_name,
            "run_time": -run_time,
            "lateness": 0.0 if began is None else (expected - began).total_seconds(),
        },
    )


def forget_flow(conn: Conn, flow_id: str) -> None:
    """Drop all that is counted of a flow, before it is deleted."""
    row = conn.one(Q.span, {"flow_id": flow_id})
    first, last = (conn.when(value) for value in row or (None, None))
    if first is not None and last is not None:
        span = {"flow_id": flow_id, "first": conn.time(minute(first)), "last": conn.time(last)}
        conn.run(Q.delete_flow, span)
