"""Deletes of what much hangs on: in many small writes, so that nobody else waits for long."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime
from typing import Any, Protocol

from orion.errors import NotFound
from orion.model.filters import Filters
from orion.store import Lane, Store, flow_runs
from orion.store import deleted as gone
from orion.web.call import Call, Reply

BIT = 50


class Removable(Protocol):
    """A store module of objects with many runs: `shrink` takes some of them away, `delete` the rest."""

    @property
    def shrink(self) -> Any: ...
    @property
    def delete(self) -> Any: ...


async def bit_by_bit(store: Store, module: Removable, row_id: str, now: datetime) -> None:
    """Delete an object with its runs. What was cut off half-way is only smaller, and can be deleted again."""
    while await store.write(module.shrink, row_id, BIT, now, lane=Lane.LOW):
        pass
    await store.write(module.delete, row_id)
    await store.write(gone.forget, now, lane=Lane.LOW)


async def of_run(store: Store, module: Any, row_id: str, now: datetime) -> None:
    """Delete a flow run; of a big one first what hangs on it, bit by bit."""
    await shrunk(store, row_id)
    await store.write(module.delete, row_id)


async def shrunk(store: Store, row_id: str) -> None:
    """Make a big flow run, which is to be deleted, small enough for one write."""
    while await store.glance(flow_runs.weight, row_id) > 1:
        await store.write(flow_runs.shrink, row_id, lane=Lane.LOW)


async def of_all(
    call: Call, module: Any, filters: Filters, remove: Callable[[Store, Any, str, datetime], Awaitable[None]]
) -> Reply:
    """Delete what `filters` select, one after the other, at most as many as the body allows (50); their ids."""
    rows = await call.store.read(module.filter, filters, None, call.body.limit or 50, 0)
    deleted = []
    for row in rows:
        with suppress(NotFound):
            await call.store.write(gone.note, module.LISTING.table, row.id, call.now)
            await remove(call.store, module, row.id, call.now)
            deleted.append(row.id)
    return Reply({"deleted": deleted})
