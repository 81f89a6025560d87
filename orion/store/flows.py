"""Flows: found or made by name; everything hangs on them."""

from __future__ import annotations

from datetime import datetime
from itertools import accumulate
from typing import Any

from orion.errors import NotFound
from orion.model.filters import Filters
from orion.model.flows import Flow, FlowCreate, FlowUpdate
from orion.model.ids import new_id
from orion.model.wire import EMPTY_OBJECT
from orion.store import artifacts, deleted, flow_runs, paging, rollup, sql, tags
from orion.store.base import Conn
from orion.store.filters import where
from orion.store.paging import Listing, Sort
from orion.store.rows import Rows, json_text

Q = sql.load("flows")
FLOW = Rows(Flow, "flow")
LISTING = Listing(
    "flow",
    FLOW.columns,
    "",
    {
        "NAME_ASC": Sort("flow.name"),
        "NAME_DESC": Sort("flow.name", descending=True),
        "CREATED_DESC": Sort("flow.created", descending=True),
        "UPDATED_DESC": Sort("flow.updated", descending=True),
    },
)


def get(conn: Conn, id: str) -> Flow | None:
    row = conn.one(f"SELECT {FLOW.columns} FROM flow WHERE id = :id", {"id": id})
    return FLOW.read(conn, row) if row else None


def by_name(conn: Conn, name: str) -> Flow | None:
    row = conn.one(f"SELECT {FLOW.columns} FROM flow WHERE name = :name", {"name": name})
    return FLOW.read(conn, row) if row else None


def create(conn: Conn, wanted: FlowCreate, now: datetime) -> tuple[Flow, bool]:
    """The flow of this name, unchanged, or a new one; and whether it is new."""
    flow = Flow(
        id=new_id(),
        created=now,
        updated=now,
        name=wanted.name,
        tags=tags.distinct(wanted.tags),
        labels=wanted.labels or EMPTY_OBJECT,
    )
    if conn.run(f"{FLOW.insert} ON CONFLICT (name) DO NOTHING", FLOW.values(conn, flow)):
        tags.add(conn, "flow", [flow.id], flow.tags)
        return flow, True
    found = by_name(conn, wanted.name)
    assert found is not None
    return found, False


def update(conn: Conn, id: str, wanted: FlowUpdate, now: datetime) -> None:
    """Change what is given."""
    given = None if wanted.tags is None else tags.distinct(wanted.tags)
    if not conn.run(Q.update, {"id": id, "updated": conn.time(now), "tags": json_text(given)}):
        raise NotFound("Flow not found")
    if given is not None:
        tags.replace(conn, "flow", id, given)


def shrink(conn: Conn, id: str, most: int, now: datetime) -> int:
    """Delete some of the runs of a flow that is to be deleted, or a part of a big one; how many it had to do with.

    `delete` alone would keep other writes waiting.
    """
    ids = [run_id for (run_id,) in conn.all(Q.some_runs, {"id": id, "most": most})]
    weights = accumulate(flow_runs.weight(conn, run_id) for run_id in ids)
    light = [run_id for run_id, weight in zip(ids, weights, strict=True) if weight <= 1]
    if ids and not light:
        flow_runs.shrink(conn, ids[0])
    deleted.note_runs(conn, light, now)
    for run_id in light:
        flow_runs.delete(conn, run_id)
    return len(light) or len(ids[:1])


def delete(conn: Conn, id: str) -> None:
    """Delete a flow with its runs, their logs and artifacts, and its deployments."""
    rollup.forget_flow(conn, id)
    artifacts.delete_of_flow(conn, id)
    for statement in (Q.delete_logs, Q.delete_task_logs, Q.free_subflows):
        conn.run(statement, {"id": id})
    if not conn.run(Q.delete, {"id": id}):
        raise NotFound("Flow not found")
    conn.publish("runs")
    conn.publish("deployments")


def filter(conn: Conn, filters: Filters | None, sort: str | None, limit: int, offset: int = 0) -> list[Flow]:
    """The flows that meet the filters, one page by offset."""
    return FLOW.read_all(conn, paging.rows(conn, LISTING, where(conn, "flow", filters), sort, limit, offset))


def page(
    conn: Conn, filters: Filters | None, sort: str | None, limit: int, after: str | None = None
) -> tuple[list[Flow], str | None]:
    """The flows after a key, and the key of the next page."""
    rows, key = paging.page(conn, LISTING, where(conn, "flow", filters), sort, limit, after)
    return FLOW.read_all(conn, rows), key


def count(conn: Conn, filters: Filters | None = None) -> int:
    return paging.count(conn, "flow", where(conn, "flow", filters))


def count_deployments(conn: Conn, ids: list[str]) -> dict[str, int]:
    """How many deployments each of the flows has; 0 for one without."""
    counted: dict[str, int] = dict(conn.all(Q.count_deployments, {"ids": json_text(ids)}))
    return {id: counted.get(id, 0) for id in ids}


def next_runs(conn: Conn, ids: list[str]) -> dict[str, dict[str, Any] | None]:
    """The next planned run of each of the flows; None for one without."""
    found: dict[str, dict[str, Any] | None] = dict.fromkeys(ids)
    for flow_id, id, name, state_type, state_name, due in conn.all(Q.next_runs, {"ids": json_text(ids)}):
        found[flow_id] = {
            "id": id,
            "flow_id": flow_id,
            "name": name,
            "state_type": state_type,
            "state_name": state_name,
            "next_scheduled_start_time": conn.when(due),
        }
    return found
