"""Waiting for slots of named limits: of those who wait the first is served first, as soon as there is room."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from orion.errors import Locked
from orion.store.bus import Subscription
from orion.web.call import Call

LOOK_SECONDS = 5.0  # leases end and rates decay without a word


async def taken(call: Call, take: Callable[..., Any]) -> Any:
    """What `take` gives for the call's body; `Locked` once the caller has waited as long as it wants to."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + call.body.wait_seconds
    line = "limits " + " ".join(sorted(call.body.names))
    with call.app.state.line.join(line) as ticket, call.store.bus.subscribe({"slots"}) as changes:
        while True:
            try:
                async with ticket.turn():
                    lease = await call.store.write(take, call.body, call.app.state.clock())
                _note(call, waits=False)
                return lease
            except Locked as full:
                _note(call, waits=True)
                left = deadline - loop.time()
                if left <= 0 or not await _news(
                    call, changes, min(left, full.retry_after or 1.0, LOOK_SECONDS)
                ):
                    raise


def _note(call: Call, *, waits: bool) -> None:
    """Remember that the run behind a request waits, or that it has what it wanted: its page tells why it waits."""
    holder = getattr(call.body, "holder", None)
    if holder is None:
        return
    if waits:
        call.app.state.waiters.note(holder.id, call.body.names, call.body.slots, call.app.state.clock())
    else:
        call.app.state.waiters.forget(holder.id)


async def _news(call: Call, changes: Subscription, seconds: float) -> bool:
    """Wait for a slot that is given back, or for some seconds; False when nobody waits for the answer any more."""
    over = [
        asyncio.ensure_future(call.receive()),
        asyncio.ensure_future(call.app.state.closing.wait()),
    ]
    change = asyncio.ensure_future(changes.wait(seconds))
    try:
        await asyncio.wait({change, *over}, return_when=asyncio.FIRST_COMPLETED)
        return not any(future.done() for future in over)
    finally:
        for future in (change, *over):
            future.cancel()
