"""Work pools, as far as agents know them: one pool, to which every work queue belongs."""

from __future__ import annotations

from orion.errors import NotFound
from orion.model.agent_pool import AGENT_POOL
from orion.model.times import as_utc
from orion.model.work_pools import PoolRuns
from orion.model.work_queues import WorkQueue
from orion.store import work_pools, work_queues
from orion.web.call import Call, Reply
from orion.web.handlers import work_queues as queues
from orion.web.paging import window


async def filter(call: Call) -> Reply:
    """List work pools: there is one."""
    limit, offset = window(call)
    return Reply(await call.store.read(work_pools.filter, call.body.work_pools, limit, offset))


async def read(call: Call) -> Reply:
    """Read a work pool by its name."""
    _check(call, "name")
    return Reply(await call.store.glance(work_pools.get))


async def due_runs(call: Call) -> Reply:
    """List the runs that are due in queues of a pool, by priority and time; nothing is handed out."""
    _check(call, "name")
    body: PoolRuns = call.body
    most: int = call.settings.api_default_limit
    limit = most if body.limit is None else min(body.limit, most)
    body.scheduled_before = as_utc(body.scheduled_before) if body.scheduled_before else None
    body.scheduled_after = as_utc(body.scheduled_after) if body.scheduled_after else None
    await call.store.write(work_pools.touch, body, call.now)
    return Reply(await call.store.read(work_pools.due, body, limit, call.now))


async def create_queue(call: Call) -> Reply:
    """Create a work queue in a pool."""
    _check(call)
    return await queues.create(call)


async def filter_queues(call: Call) -> Reply:
    """List the work queues of a pool."""
    _check(call)
    return await queues.filter(call)


async def read_queue(call: Call) -> Reply:
    """Read a work queue of a pool by its name."""
    _check(call)
    return await queues.read_by_name(call)


async def update_queue(call: Call) -> Reply:
    """Change the fields of a work queue of a pool that are sent."""
    queue = await _queue(call)
    await call.store.write(work_queues.update, queue.id, call.body, call.now)
    return Reply(status=204)


async def delete_queue(call: Call) -> Reply:
    """Delete a work queue of a pool; its runs stay."""
    queue = await _queue(call)
    await call.store.write(work_queues.delete, queue.id)
    return Reply(status=204)


async def _queue(call: Call) -> WorkQueue:
    _check(call)
    found: WorkQueue | None = await call.store.glance(work_queues.by_name, call.path["name"])
    if found is None:
        raise NotFound("Work queue not found")
    return found


def _check(call: Call, name: str = "work_pool_name") -> None:
    if call.path[name] != AGENT_POOL:
        raise NotFound(f"Work pool {call.path[name]!r} not found.")
