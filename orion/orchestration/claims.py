"""Claims: an asker of a work queue gets due runs that nobody else gets meanwhile (I2)."""

from __future__ import annotations

from datetime import datetime, timedelta

from orion.errors import NotFound
from orion.model.flow_runs import FlowRun
from orion.model.work_queues import WorkQueue
from orion.orchestration import overlaps
from orion.orchestration.attempts import terms
from orion.store import claims, deployment_limits, flow_runs
from orion.store.base import Conn
from orion.store.crash_points import crash_point

MOST = 200


def claim_runs(
    conn: Conn,
    queue: WorkQueue,
    now: datetime,
    limit: int | None = None,
    scheduled_before: datetime | None = None,
    holder: str | None = None,
    asker: str | None = None,
) -> list[FlowRun]:
    """Due runs of the queue, earliest first, kept for `holder` for 30 s; `asker` is its name, if it has one.

    They stay SCHEDULED; who proposes PENDING in that time has them. A run on hand takes room in the queue's limit.
    Where a deployment is full and its newer runs go first, its older ones are asked to end.
    """
    polled = claims.poll(conn, queue.id, asker or holder, now)
    if polled is None:
        raise NotFound("Work queue not found")
    is_paused, queue_limit = polled
    room = MOST if limit is None else min(limit, MOST)
    if queue_limit is not None:
        room = min(room, queue_limit - claims.used(conn, queue, now))
    if is_paused or room <= 0:
        return []
    rooms = deployment_limits.rooms(conn, now)
    for deployment_id in deployment_limits.making_way(rooms):
        overlaps.settle(conn, deployment_id, now)
    ids = claims.due(conn, queue, scheduled_before or now, now, room, rooms)
    kept = claims.hand_out(conn, ids, holder, now + timedelta(seconds=terms().claim), now) if ids else set()
    crash_point("claim-handed-out")
    return flow_runs.some(conn, [run_id for run_id in ids if run_id in kept], now)


def give_back_runs(conn: Conn, run_ids: list[str], claimed: datetime) -> int:
    """Nobody heard of what was claimed at a time: it is there for the next one who asks."""
    names = claims.give_back(conn, run_ids, claimed + timedelta(seconds=terms().claim))
    for topic in {f"queue:{name}" for name in names if name} | ({"queues"} if names else set()):
        conn.publish(topic)
    return len(names)
