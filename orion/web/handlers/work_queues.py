"""Work queues: what agents poll, and the long poll itself."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

from orion.errors import NotFound
from orion.model.flow_runs import FlowRun
from orion.model.times import as_utc
from orion.model.work_queues import GetRuns, WorkQueue
from orion.orchestration import claim_runs
from orion.store import work_queues
from orion.web.call import Call, Reply
from orion.web.paging import window

PREVIEW_AHEAD = timedelta(seconds=60)
MOST = 200


async def create(call: Call) -> Reply:
    """Create a work queue."""
    return Reply(await call.store.write(work_queues.create, call.body, call.now), status=201, location="queues")


async def read(call: Call) -> Reply:
    """Read a work queue."""
    return Reply(_found(await call.store.read(work_queues.get, call.path["id"], call.now)))


async def read_by_name(call: Call) -> Reply:
    """Read a work queue by its name."""
    return Reply(_found(await call.store.read(work_queues.by_name, call.path["name"], call.now)))


async def update(call: Call) -> Reply:
    """Change the fields of a work queue that are sent."""
    await call.store.write(work_queues.update, call.path["id"], call.body, call.now)
    return Reply(status=204, location=f"queues/{call.path['id']}")


async def delete(call: Call) -> Reply:
    """Delete a work queue; its runs stay."""
    await call.store.write(work_queues.delete, call.path["id"])
    return Reply(status=204, location="queues")


async def filter(call: Call) -> Reply:
    """List work queues."""
    limit, offset = window(call)
    return Reply(await call.store.read(work_queues.filter, call.body.work_queues, limit, offset, call.now))


async def status(call: Call) -> Reply:
    """Say how a queue fares: late runs, and when it was polled."""
    status = await call.store.read(work_queues.status, call.path["id"], call.now)
    if status is None:
        raise NotFound("Work queue not found")
    return Reply(status)


async def get_runs(call: Call) -> Reply:
    """Hand out the runs of a queue that are due.

    Each is kept for the caller for 30 s. With `wait_seconds` an empty answer waits for a run to come due. With
    `scheduled_before` more than a minute ahead it is a preview: nothing is handed out.
    """
    body: GetRuns = call.body
    ahead = as_utc(body.scheduled_before or call.now) - call.now
    if ahead > PREVIEW_AHEAD or not body.wait_seconds:
        return Reply(await _claim(call, call.now, ahead))
    return Reply(await _wait_for_runs(call, ahead, body.wait_seconds))


async def _claim(call: Call, now: datetime, ahead: timedelta) -> list[FlowRun]:
    if ahead > PREVIEW_AHEAD:
        runs: list[FlowRun] = await call.store.read(_preview, call.path["id"], call.body.limit, now + ahead, now)
        return runs
    runs = await call.store.write(_hand_out, call.path["id"], call.body, now, now + ahead)
    return runs


def _hand_out(conn: Any, queue_id: str, body: GetRuns, now: datetime, before: datetime) -> list[FlowRun]:
    queue = _found(work_queues.get(conn, queue_id, now))
    holder = body.agent_name or body.agent_id
    return claim_runs(conn, queue, now, limit=body.limit, scheduled_before=before, holder=holder)


def _preview(conn: Any, queue_id: str, limit: int | None, before: datetime, now: datetime) -> list[FlowRun]:
    queue = _found(work_queues.get(conn, queue_id, now))
    return work_queues.runs_for_queue(conn, queue, before, MOST if limit is None else limit, now)


async def _wait_for_runs(call: Call, ahead: timedelta, seconds: float) -> list[FlowRun]:
    """Claim again whenever the queue changes or its next run comes due, until the time is over or the agent gone."""
    queue = _found(await call.store.read(work_queues.get, call.path["id"], call.now))
    clock, loop = call.app.state.clock, asyncio.get_running_loop()
    deadline = loop.time() + seconds
    gone = asyncio.ensure_future(call.receive())
    with call.store.bus.subscribe({f"queue:{queue.name}", "queues", "slots"}) as changes:
        try:
            while not (runs := await _claim(call, clock(), ahead)):
                left = min(deadline - loop.time(), await _until_due(call, clock(), ahead))
                if deadline <= loop.time() or not await _changed(call, changes, gone, left):
                    break
            return runs
        finally:
            gone.cancel()


async def _until_due(call: Call, now: datetime, ahead: timedelta) -> float:
    due = await call.store.read(work_queues.next_due, call.path["id"], now)
    return max((due - ahead - now).total_seconds(), 0.001) if due is not None else 30.0


async def _changed(call: Call, changes: Any, gone: asyncio.Future[Any], seconds: float) -> bool:
    """Wait for a change or the time; False when nobody is there any more to answer."""
    closing = asyncio.ensure_future(call.app.state.closing.wait())
    change = asyncio.ensure_future(changes.wait(seconds))
    try:
        await asyncio.wait({change, gone, closing}, return_when=asyncio.FIRST_COMPLETED)
        return not gone.done() and not closing.done()
    finally:
        change.cancel()
        closing.cancel()


def _found(queue: WorkQueue | None) -> WorkQueue:
    if queue is None:
        raise NotFound("Work queue not found")
    return queue
