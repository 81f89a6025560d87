"""Limits of task runs by tag: how many may be RUNNING at once."""

from __future__ import annotations

from orion.errors import NotFound
from orion.model.limits import ConcurrencyLimit
from orion.store import concurrency_limits as limits
from orion.web.call import Call, Reply
from orion.web.paging import window


async def create(call: Call) -> Reply:
    """Create the limit of a tag, or change it."""
    limit, created = await call.store.write(limits.upsert, call.body, call.now)
    return Reply(limit, status=201 if created else 200)


async def read(call: Call) -> Reply:
    """Read a limit with the task runs that hold its slots."""
    return Reply(_found(await call.store.glance(limits.get, call.path["id"])))


async def read_by_tag(call: Call) -> Reply:
    """Read the limit of a tag."""
    return Reply(_found(await call.store.glance(limits.by_tag, call.path["tag"])))


async def filter(call: Call) -> Reply:
    """List limits by tag."""
    return Reply(await call.store.read(limits.filter, *window(call)))


async def reset(call: Call) -> Reply:
    """Free all slots of a tag, or give them to the task runs that are named."""
    await call.store.write(limits.reset, call.path["tag"], call.body.slot_override, call.now)
    return Reply(None, location="limits")


async def delete(call: Call) -> Reply:
    """Delete a limit."""
    await call.store.write(limits.delete, call.path["id"])
    return Reply(None, location="limits")


async def delete_by_tag(call: Call) -> Reply:
    """Delete the limit of a tag."""
    await call.store.write(limits.delete_by_tag, call.path["tag"])
    return Reply(None, location="limits")


def _found(limit: ConcurrencyLimit | None) -> ConcurrencyLimit:
    if limit is None:
        raise NotFound("Concurrency limit not found")
    return limit
