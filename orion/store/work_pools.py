"""The implicit work pool: what of it is read from its queues."""

from __future__ import annotations

from datetime import datetime

from orion.model.agent_pool import POOL_ID
from orion.model.filters import PrefixCriterion, WorkPoolFilter, WorkQueueFilter
from orion.model.work_pools import PoolRun, PoolRuns, WorkPool
from orion.store import paging, work_queues
from orion.store.base import Conn
from orion.store.filters import where_pool

MOST_QUEUES = 10_000


def filter(conn: Conn, criteria: WorkPoolFilter | None, limit: int, offset: int) -> list[WorkPool]:
    """The pool, if it meets the filter."""
    fits = where_pool(conn, criteria)
    met = paging.scalar(conn, f"SELECT count(*) WHERE {fits.text}", fits.params)
    return [get(conn)][offset : offset + limit] if met else []


def get(conn: Conn) -> WorkPool:
    """The pool. Its default queue is that of the name, once there is one."""
    default = work_queues.by_name(conn, "default")
    return WorkPool(default_queue_id=default.id) if default is not None else WorkPool()


def due(conn: Conn, wanted: PoolRuns, limit: int, now: datetime) -> list[PoolRun]:
    """The runs that are due in some queues, by the queue's priority and then by time; nothing is handed out."""
    found: list[PoolRun] = []
    for queue in _queues(conn, wanted):
        runs = work_queues.runs_for_queue(conn, queue, wanted.scheduled_before or now, limit - len(found), now)
        found += [
            PoolRun(work_pool_id=POOL_ID, work_queue_id=queue.id, flow_run=run)
            for run in runs
            if wanted.scheduled_after is None or _after(run.next_scheduled_start_time, wanted.scheduled_after)
        ]
        if len(found) >= limit:
            break
    return found


def touch(conn: Conn, wanted: PoolRuns, now: datetime) -> None:
    """Somebody has polled some queues."""
    for queue in _queues(conn, wanted):
        work_queues.touch(conn, queue.id, now)


def _queues(conn: Conn, wanted: PoolRuns) -> list[work_queues.WorkQueue]:
    named = PrefixCriterion(any_=wanted.work_queue_names) if wanted.work_queue_names else None
    queues = work_queues.filter(conn, WorkQueueFilter(name=named), MOST_QUEUES)
    return sorted(queues, key=lambda queue: (queue.priority, queue.name))


def _after(at: datetime | None, bound: datetime) -> bool:
    return at is not None and at > bound
