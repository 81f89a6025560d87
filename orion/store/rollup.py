"""Roll-ups: finished flow runs counted by the minute of their expected start, and by its hour for each tag and queue.

`orchestration` counts a run in when it enters a final state, and out when it leaves one; it is counted anew when its
tags change, and out when it is deleted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from orion.model.wire import unraw
from orion.store import sql
from orion.store.base import Conn
from orion.store.rows import json_text

Q = sql.load("rollup")


def minute(moment: datetime) -> datetime:
    """The minute that a moment lies in."""
    return moment.replace(second=0, microsecond=0)


def facets_of(queue: str | None, tags: Iterable[str]) -> list[str]:
    """What a run is counted by beside its flow and deployment, always in the same order, in which rows are locked."""
    return sorted({*(f"tag:{tag}" for tag in tags), *([f"queue:{queue}"] if queue is not None else ())})


def count(
    conn: Conn,
    at: datetime,
    group: tuple[str, str, str, str],
    facets: Sequence[str],
    n: int,
    run_time: float,
    late: float,
) -> None:
    """Add `n` ended flow runs to the time of `at`; `group` is flow, deployment, state type and state name."""
    flow_id, deployment_id, state_type, name = group
    values = {"type": state_type, "name": name, "n": n, "run_time": n * run_time, "lateness": n * late}
    flow = {"flow_id": flow_id, "deployment_id": deployment_id, "minute": conn.time(minute(at))}
    conn.run(Q.count_minute, {**values, **flow})
    if facets:
        hour = conn.time(minute(at).replace(minute=0))
        conn.run(Q.count_facets, {**values, "hour": hour, "facets": json_text(facets)})


def count_run(conn: Conn, id: str, n: int) -> None:
    """Count a run as it stands, if it is finished: in by 1, out by -1."""
    row = conn.one(Q.finished, {"id": id})
    if row is None:
        return
    flow_id, deployment_id, state_type, state_name, run_time, expected_start, start, queue, tags = row
    expected, began = conn.when(expected_start), conn.when(start)
    assert expected is not None
    late = 0.0 if began is None else max(0.0, (began - expected).total_seconds())
    facets = facets_of(queue, unraw(tags.encode()))
    count(conn, expected, (flow_id, deployment_id or "", state_type, state_name), facets, n, run_time, late)
    if n < 0 and facets:
        values = {"type": state_type, "name": state_name, "facets": json_text(facets)}
        conn.run(Q.drop_facets, {**values, "hour": conn.time(minute(expected).replace(minute=0))})


def forget_flow(conn: Conn, flow_id: str) -> None:
    """Drop all that is counted of a flow, before it is deleted."""
    row = conn.one(Q.span, {"flow_id": flow_id})
    first, last = (conn.when(value) for value in row or (None, None))
    if first is not None and last is not None:
        span = {"flow_id": flow_id, "first": conn.time(minute(first)), "last": conn.time(last)}
        conn.run(Q.delete_flow, span)
        conn.run(Q.count_out_flow, {"flow_id": flow_id})
