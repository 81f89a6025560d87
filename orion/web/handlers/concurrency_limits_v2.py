"""Named limits: slots that code takes and gives back, plainly or on a lease; with a decay they are a rate."""

from __future__ import annotations

from orion.errors import NotFound
from orion.orchestration import give, give_lease, renew_lease, take, take_lease
from orion.store import concurrency_limits_v2 as limits
from orion.web.call import Call, Reply
from orion.web.paging import window
from orion.web.slots import taken


async def create(call: Call) -> Reply:
    """Create a named limit."""
    return Reply(await call.store.write(limits.create, call.body, call.now), status=201)


async def read(call: Call) -> Reply:
    """Read a limit by its id or name."""
    limit = await call.store.glance(limits.get, call.path["id_or_name"], call.now)
    if limit is None:
        raise NotFound("Concurrency limit not found")
    return Reply(limit)


async def filter(call: Call) -> Reply:
    """List named limits by name."""
    limit, offset = window(call)
    return Reply(await call.store.read(limits.filter, limit, offset, call.now))


async def update(call: Call) -> Reply:
    """Change the fields of a limit that are sent."""
    await call.store.write(limits.update, call.path["id_or_name"], call.body, call.now)
    return Reply(status=204)


async def delete(call: Call) -> Reply:
    """Delete a named limit."""
    await call.store.write(limits.delete, call.path["id_or_name"])
    return Reply(status=204)


async def increment(call: Call) -> Reply:
    """Take slots of all the named limits, or of none: 423 says when to ask again. Unknown names are left out.

    With `wait_seconds` it waits for room; of several who wait the first is served first.
    """
    return Reply(await taken(call, take))


async def decrement(call: Call) -> Reply:
    """Give slots back."""
    return Reply(await call.store.write(give, call.body, call.now))


async def increment_with_lease(call: Call) -> Reply:
    """Take slots for a time; they are free again when the lease is not renewed. `wait_seconds` waits for room."""
    return Reply(await taken(call, take_lease))


async def decrement_with_lease(call: Call) -> Reply:
    """Give the slots of a lease back."""
    await call.store.write(give_lease, call.body.lease_id, call.now)
    return Reply(status=204)


async def renew(call: Call) -> Reply:
    """Hold the slots of a lease for longer; 410 when the lease is gone."""
    await call.store.write(renew_lease, call.path["lease_id"], call.body.lease_duration, call.now)
    return Reply(status=204)
