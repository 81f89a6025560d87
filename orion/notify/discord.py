"""Discord: a webhook of a channel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from orion.notify.message import Message, Request, cut, json_post, need, titled, without_nothing

LONGEST = 2000


def compose(config: Mapping[str, Any], message: Message) -> list[Request]:
    """One message, cut to what Discord takes. Nobody is mentioned by what a run's name holds."""
    place = "/".join(quote(need(config, name), safe="") for name in ("webhook_id", "webhook_token"))
    body: dict[str, Any] = {
        "content": cut(titled(message, "**{}**"), LONGEST),
        "username": config.get("botname"),
        "avatar_url": config.get("avatar_url"),
        "tts": bool(config.get("tts")) or None,
        "allowed_mentions": {"parse": []},
    }
    return [json_post(message, f"https://discord.com/api/webhooks/{place}", without_nothing(body))]
