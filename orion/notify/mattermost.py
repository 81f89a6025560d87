"""Mattermost: an incoming webhook of the team's own server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from orion.notify.message import Message, Request, json_post, need, texts, titled, without_nothing

PORT = 8065


def compose(config: Mapping[str, Any], message: Message) -> list[Request]:
    """One post for each channel, or one for the channel that the webhook was made for."""
    scheme = "https" if config.get("secure") else "http"
    path = str(config.get("path") or "").strip("/")
    hook = "/".join(filter(None, (path, "hooks", quote(need(config, "token"), safe=""))))
    url = f"{scheme}://{need(config, 'hostname')}:{config.get('port') or PORT}/{hook}"
    text = titled(message, "#### {}")
    said = {"text": text, "username": config.get("botname")}
    channels: list[str | None] = [name.removeprefix("#") for name in texts(config.get("channels"))]
    return [
        json_post(message, url, without_nothing({**said, "channel": name})) for name in channels or [None]
    ]
