"""Waiting for slots: of those who wait for the same limits the first is served first, as soon as there is room."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

from orion.errors import Locked
from orion.model.ids import new_id
from orion.model.limits import Increment
from orion.orchestration.turns import Asker
from orion.store import slot_waiters
from orion.store.base import Conn
from orion.store.bus import Subscription
from orion.web.call import Call

LOOK_SECONDS = 5.0  # leases end and rates decay without a word


async def taken(call: Call, take: Callable[..., Any]) -> Any:
    """What `take` gives for the call's body; `Locked` once the caller has waited as long as it wants to."""
    wanted: Increment = call.body
    asker, comes_again = _asker(wanted)
    try:
        return await in_line(call, asker, wanted.names, wanted.wait_seconds, lambda: _take(call, take, asker))
    except Locked:
        if asker.stays and not comes_again:
            await call.store.write(_leave, asker.id)
        raise


def _asker(wanted: Increment) -> tuple[Asker, bool]:
    """Who asks, and whether it can be known when it comes again."""
    holder = getattr(wanted, "holder", None)
    run_id = holder.id if holder else None
    known = wanted.waiter or run_id
    stays = wanted.wait_seconds > 0
    return Asker(known or (new_id() if stays else ""), stays, run_id), known is not None


async def _take(call: Call, take: Callable[..., Any], asker: Asker) -> Any:
    answer = await call.store.write(_told, take, call.body, call.app.state.clock(), asker)
    if isinstance(answer, Locked):
        raise answer
    return answer


def _told(conn: Conn, take: Callable[..., Any], *args: Any) -> Any:
    """A refusal as a value: what was written down with it is to be kept."""
    try:
        return take(conn, *args)
    except Locked as refusal:
        return refusal


def _leave(conn: Conn, waiter_id: str) -> None:
    if slot_waiters.leave(conn, waiter_id):
        conn.publish("slots")


async def in_line(
    call: Call, asker: Asker, names: Iterable[str], seconds: float, take: Callable[[], Any]
) -> Any:
    """What `take` gives, tried again when there may be room; the last `Locked` after so many seconds."""
    try:
        return await take()
    except Locked:
        if seconds <= 0:
            raise
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    line, topics = "limits " + " ".join(sorted(names)), {"slots", slot_waiters.WAITING + asker.id}
    with call.app.state.line.join(line, asker.id) as ticket, call.store.bus.subscribe(topics) as changes:
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
