"""Flows: what runs and deployments hang on."""

from __future__ import annotations

from orion.errors import NotFound
from orion.model.filters import Filters
from orion.model.flows import Flow
from orion.store import flows
from orion.web import paging, removal
from orion.web.call import Call, Reply


async def create(call: Call) -> Reply:
    """Create a flow, or find the one of that name; a flow that is there is not changed."""
    flow, created = await call.store.write(flows.create, call.body, call.now)
    return Reply(flow, status=201 if created else 200)


async def read(call: Call) -> Reply:
    """Read a flow."""
    return Reply(_found(await call.store.glance(flows.get, call.path["id"])))


async def read_by_name(call: Call) -> Reply:
    """Read a flow by its name."""
    return Reply(_found(await call.store.glance(flows.by_name, call.path["name"])))


async def update(call: Call) -> Reply:
    """Change a flow's tags."""
    await call.store.write(flows.update, call.path["id"], call.body, call.now)
    return Reply(status=204)


async def delete(call: Call) -> Reply:
    """Delete a flow with its runs and deployments."""
    await removal.bit_by_bit(call.store, flows, call.path["id"], call.now)
    return Reply(status=204, location="flows")


async def filter(call: Call) -> Reply:
    """List flows."""
    return await paging.rows(call, flows)


async def count(call: Call) -> Reply:
    """Count flows."""
    return Reply(await call.store.read(flows.count, call.body))


async def paginate(call: Call) -> Reply:
    """List flows by page, with the number of all."""
    return await paging.page(call, flows)


async def bulk_delete(call: Call) -> Reply:
    """Delete the flows that a filter selects, with their runs and deployments."""
    return await removal.of_all(call, flows, Filters(flows=call.body.flows), removal.bit_by_bit)


def _found(flow: Flow | None) -> Flow:
    if flow is None:
        raise NotFound("Flow not found")
    return flow
