"""Administration: settings, storage, the database, and the duties of the clock."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from orion.errors import BadRequest, NotFound
from orion.services import health as duties_health
from orion.services.duties import DUTIES, Duty
from orion.services.runner import run_duty
from orion.store import Conn, admin
from orion.web.call import Call, Reply


async def settings(call: Call) -> Reply:
    """List the settings in force, secrets masked."""
    return Reply(call.settings.masked())


async def storage(call: Call) -> Reply:
    """Name the block where results go by default: none."""
    return Reply({"default_result_storage_block_id": None})


async def clear_database(call: Call) -> Reply:
    """Delete every row that people and runs have made; needs `confirm`."""
    return await _confirmed(call, admin.clear)


async def drop_database(call: Call) -> Reply:
    """Delete every row, settings too; the tables stay, for the server lives on them; needs `confirm`."""
    return await _confirmed(call, admin.drop)


async def create_database(call: Call) -> Reply:
    """Look that the schema is there; needs `confirm`."""
    return await _confirmed(call, admin.create)


async def _confirmed(call: Call, work: Callable[[Conn], None]) -> Reply:
    if not call.body.confirm:
        raise BadRequest('Nothing was done: send {"confirm": true}.')
    await call.store.write(work)
    return Reply(status=204)


async def health(call: Call) -> Reply:
    """Say how each duty of the clock fares."""
    return Reply({"duties": await asyncio.to_thread(duties_health.report, call.store, call.now)})


async def run_clock(call: Call) -> Reply:
    """Run the duties that are switched on once, or the one that `duty` names, for a server without a clock.

    Answers how many rows each touched; null where another process is at it.
    """
    wanted = call.query.get("duty")
    chosen = [duty for duty in DUTIES if wanted == duty.name or (wanted is None and duty.enabled)]
    if not chosen:
        raise NotFound(f"There is no duty {wanted!r}; known are {', '.join(duty.name for duty in DUTIES)}.")
    return Reply({duty.name: await _pass(call, duty) for duty in chosen})


async def _pass(call: Call, duty: Duty) -> int | None:
    return await asyncio.to_thread(run_duty, call.store, duty, call.app.state.clock, alone=True)
