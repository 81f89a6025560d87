"""Saved searches: named views of the run list."""

from __future__ import annotations

from orion.errors import NotFound
from orion.store import saved_searches
from orion.web.call import Call, Reply
from orion.web.paging import window


async def upsert(call: Call) -> Reply:
    """Create a saved search, or replace the one of that name."""
    search, created = await call.store.write(saved_searches.upsert, call.body, call.now)
    return Reply(search, status=201 if created else 200)


async def read(call: Call) -> Reply:
    """Read a saved search."""
    search = await call.store.glance(saved_searches.get, call.path["id"])
    if search is None:
        raise NotFound("Saved search not found")
    return Reply(search)


async def filter(call: Call) -> Reply:
    """List saved searches by name."""
    return Reply(await call.store.read(saved_searches.filter, *window(call)))


async def delete(call: Call) -> Reply:
    """Delete a saved search."""
    await call.store.write(saved_searches.delete, call.path["id"])
    return Reply(status=204)
