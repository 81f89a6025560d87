"""Waiting for slots: of those who wait for the same limits the first is served first, as soon as there is room."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

from orion.errors import Locked
from orion.store.bus import Subscription
from orion.web.call import Call

LOOK_SECONDS = 5.0  # leases end and rates decay without a word


async def taken(call: Call, take: Callable[..., Any]) -> Any:
    """What `take` gives for the call's body; `Locked` once the caller has waited as long as it wants to."""
    return await in_line(call, call.body.names, call.body.wait_seconds, lambda: _noted(call, take))


async def in_line(call: Call, names: Iterable[str], seconds: float, take: Callable[[], Any]) -> Any:
    """What `take` gives, tried again when there may be room; the last `Locked` after so many seconds."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    line = "limits " + " ".join(sorted(names))
    with call.app.state.line.join(line) as ticket, call.store.bus.subscribe({"slots"}) as changes:
        since, seen = None, changes.since
        while True:
            try:
                async with ticket.turn(since):
                    return await take()
            except Locked as full:
                left = deadline - loop.time()
                if left <= 0 or not await _news(
                    call, changes, min(left, full.retry_after or 1.0, LOOK_SECONDS)
                ):
                    raise
                since, seen = changes.since if changes.since > seen else None, changes.since


async def _noted(call: Call, take: Callable[..., Any]) -> Any:
    try:
        lease = await call.store.write(take, call.body, call.app.state.clock())
    except Locked:
        _note(call, waits=True)
        raise
    _note(call, waits=False)
    return lease


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
