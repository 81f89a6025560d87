"""The websocket `/api/events/in`: clients that orchestrate their tasks themselves report each state as an event.

Frames are collected and recorded together, so that a burst costs one commit; events are idempotent by id, so that a
client may send its last ones again after a break.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
from typing import Any

from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from orion.errors import Invalid, OrionError
from orion.model.times import utcnow
from orion.orchestration import record_event
from orion.web import parse
from orion.web.security import Guard

log = logging.getLogger("orion.web")

SUBPROTOCOL = "prefect"
POLICY_VIOLATION = 1008
FRAME_LIMIT = 1_000_000
AT_ONCE = 200


async def events_in(scope: Scope, receive: Receive, send: Send, guard: Guard) -> None:
    """Take events until the client goes; what has come by then is recorded."""
    socket = WebSocket(scope, receive, send)
    offered = scope.get("subprotocols") or []
    speaks = SUBPROTOCOL in offered
    await socket.accept(SUBPROTOCOL if speaks else None)
    frames: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue(maxsize=10 * AT_ONCE)
    recorder = asyncio.create_task(_record(frames, scope["app"].state.store))
    try:
        if speaks and not await _handshake(socket, guard):
            await socket.close(POLICY_VIOLATION)
            return
        while True:
            event = _decode(await socket.receive_text())
            if event is not None:
                await frames.put(event)
    except (WebSocketDisconnect, KeyError):
        return
    finally:
        await frames.put(None)
        await recorder


async def _handshake(socket: WebSocket, guard: Guard) -> bool:
    """The first frame says who comes: `{"type": "auth", "token": …}`."""
    try:
        frame = json.loads(await socket.receive_text())
    except (ValueError, RecursionError):
        return False
    if not isinstance(frame, dict) or frame.get("type") != "auth":
        return False
    if guard.key is not None and not hmac.compare_digest(_plain_key(frame.get("token")), guard.key.encode()):
        return False
    await socket.send_text('{"type": "auth_success"}')
    return True


def _plain_key(token: Any) -> bytes:
    """The token of the frame; an auth string `user:key` counts as its key."""
    return str(token or "").rpartition(":")[2].encode()


def _decode(text: str) -> dict[str, Any] | None:
    """The event of a frame; what is no event is left out, for the protocol has no answer that could say so."""
    if len(text) > FRAME_LIMIT:
        return None
    try:
        event: Any = parse.json_body(text.encode(), dict[str, Any])
    except (Invalid, UnicodeEncodeError):
        return None
    return event if event.get("id") and event.get("event") else None


async def _record(frames: asyncio.Queue[dict[str, Any] | None], store: Any) -> None:
    going = True
    while going:
        batch = [await frames.get()]
        while not frames.empty() and len(batch) < AT_ONCE:
            batch.append(frames.get_nowait())
        going = None not in batch
        await _write([event for event in batch if event is not None], store)


async def _write(events: list[dict[str, Any]], store: Any) -> None:
    """Record a batch in one transaction; if one of them spoils it, each by itself."""
    if not events:
        return
    try:
        await store.write(_record_all, events)
    except Exception as error:
        if len(events) > 1:
            for event in events:
                await _write([event], store)
        elif isinstance(error, OrionError):
            log.warning("event %s is left out: %s", events[0].get("id"), error)
        else:
            log.exception("event %s is left out", events[0].get("id"))


def _record_all(conn: Any, events: list[dict[str, Any]]) -> None:
    now = utcnow()
    for event in events:
        record_event(conn, event, now)
