"""Sending a message through a channel of `orion.notify`, from sync and from async code."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from orion.blocks.api import in_a_loop
from orion.model.ids import new_id
from orion.model.times import utcnow


def deliver(slug: str, config: Mapping[str, Any], body: str, subject: str | None, private: bool) -> Any:
    """Send it at once; where an event loop runs, a coroutine that does."""
    sending = _deliver(slug, config, body, subject, private)
    return sending if in_a_loop() else asyncio.run(sending)


async def _deliver(
    slug: str, config: Mapping[str, Any], body: str, subject: str | None, private: bool
) -> None:
    from orion.notify import compose
    from orion.notify.message import Message
    from orion.notify.send import send

    given = {name: value for name, value in config.items() if value is not None}
    message = Message(subject=subject or "", body=body, key=new_id(), time=utcnow())
    for request in compose(slug, given, message):
        await send(request, private=private)
