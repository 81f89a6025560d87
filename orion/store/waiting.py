"""Reads that tell why runs wait: who holds the slots, who has taken a run, who polls a queue, what stands before it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from orion.model.flow_runs import FlowRun
from orion.model.states import StateType
from orion.model.waiting import Holder
from orion.model.work_queues import WorkQueue
from orion.store import paging, sql, work_queues
from orion.store.base import Conn, Row
from orion.store.rows import json_text

Q = sql.load("waiting")
MOST = 10
CLOCKS = timedelta(minutes=1)  # by how much the clock of an agent may be behind


class Hold(NamedTuple):
    """Who has a run on hand: until when it is kept, and until when that one need not be heard of."""

    by: str | None
    until: datetime | None
    lease_until: datetime | None
    since: datetime | None


class Upstream(NamedTuple):
    """A task run that another one waits for."""

    id: str
    name: str
    state_type: StateType | None
    state_name: str | None
    since: datetime | None


def queue_holders(conn: Conn, queue: WorkQueue) -> list[Holder]:
    """The runs that take room in a queue."""
    condition = work_queues.serves(conn, queue)
    text = Q.queue_holders.replace("{condition}", condition.text)
    return _runs(conn, conn.all(text, {**condition.params, "n": MOST}))


def deployment_holders(conn: Conn, deployment_id: str) -> list[Holder]:
    """The runs of a deployment that are under way."""
    return _runs(conn, conn.all(Q.deployment_holders, {"id": deployment_id, "n": MOST}))


def limit_holders(conn: Conn, limit_id: str, now: datetime) -> list[Holder]:
    """The task runs and leases that hold slots of a limit."""
    rows = conn.all(Q.slot_holders, {"id": limit_id, "n": MOST})
    tasks = [Holder(type="task_run", id=row[0], name=row[1], since=conn.when(row[2])) for row in rows]
    leases = conn.all(Q.lease_holders, {"id": limit_id, "now": conn.time(now), "n": MOST})
    return tasks + [_lease(conn, row) for row in leases]


def holds(conn: Conn, run_ids: list[str]) -> dict[str, Hold]:
    """Who has each of some runs on hand."""
    rows = conn.all(Q.holds, {"ids": json_text(run_ids)})
    return {
        id: Hold(by, conn.when(until), conn.when(lease), conn.when(since))
        for id, by, until, lease, since in rows
    }


def agents(conn: Conn, queue_id: str) -> list[tuple[str, datetime]]:
    """Names of those who asked a queue, with the time of their last question, the latest first."""
    rows = conn.all(Q.agents, {"id": queue_id, "n": MOST})
    return [(name, moment) for name, seen in rows if (moment := conn.when(seen)) is not None]


def told_of(conn: Conn, since: dict[str, datetime]) -> dict[str, tuple[str, datetime]]:
    """What an agent told last of each of some runs since they are in their state, and when."""
    earliest = conn.time(min(since.values()) - CLOCKS)
    rows = conn.all(Q.told_of, {"ids": json_text(sorted(since)), "since": earliest})
    told = [(id, message, moment) for id, message, created in rows if (moment := conn.when(created))]
    return {id: (message, moment) for id, message, moment in told if moment >= since[id]}


def before(conn: Conn, queue: WorkQueue, run: FlowRun, now: datetime) -> int:
    """How many runs that are due stand before a run in its queue; 1,000 means as many or more."""
    condition = work_queues.due(conn, queue, now)
    text = Q.before.replace("{condition}", condition.text).replace("{index}", work_queues.index_of(queue))
    at = conn.time(run.next_scheduled_start_time)
    return int(paging.scalar(conn, text, {**condition.params, "at": at, "id": run.id}) or 0)


def parent(conn: Conn, task_run_id: str) -> tuple[str, str, str | None] | None:
    """Id, name and state of the flow run that called a subflow."""
    row = conn.one(Q.parent, {"id": task_run_id})
    return (row[0], row[1], row[2]) if row else None


def upstream(conn: Conn, task_run_ids: Iterable[str]) -> list[Upstream]:
    """The task runs of these ids with their states."""
    rows = conn.all(Q.upstream, {"ids": json_text(sorted(set(task_run_ids)))})
    return [Upstream(id, name, kind, state, conn.when(since)) for id, name, kind, state, since in rows]


def open_tasks(conn: Conn, flow_run_id: str, n: int = 200) -> list[Row]:
    """Id, name, state type and tags (as JSON) of the first task runs of a run that have not ended."""
    return conn.all(Q.open_tasks, {"id": flow_run_id, "n": n})


def _runs(conn: Conn, rows: Iterable[Row]) -> list[Holder]:
    return [Holder(type="flow_run", id=id, name=name, since=conn.when(since)) for id, name, since in rows]


def _lease(conn: Conn, row: Row) -> Holder:
    kind, id, name, since = row
    known = name is not None and kind in ("flow_run", "task_run")
    return Holder(
        type=kind if known else "lease",
        id=id if known else None,
        name=name or "somebody outside of any run",
        since=conn.when(since),
    )
