"""Channels: how a message reaches people. One file a channel, each a pure function (config, message) → requests.

requests = compose("slack-webhook", {"url": …}, message)
said = await send(requests[0], private=False)          # orion.notify.send
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from orion.notify.message import Message, Request, Unsendable

__all__ = ["CHANNELS", "Message", "Request", "Unsendable", "compose"]

CHANNELS = {
    "slack-webhook": "slack",
    "ms-teams-webhook": "teams",
    "custom-webhook": "custom_webhook",
    "webhook": "webhook",
    "discord-webhook": "discord",
    "mattermost-webhook": "mattermost",
    "pager-duty-webhook": "pager_duty",
    "opsgenie-webhook": "opsgenie",
    "twilio-sms": "twilio",
    "sendgrid-email": "sendgrid",
    "email-server": "email_server",
    "apprise": "by_apprise",
}
"""Slug of the block type → the file of its channel."""


def compose(slug: str | None, config: Mapping[str, Any], message: Message) -> list[Request]:
    """The requests that carry a message through a block; raises `Unsendable` for what can never be sent."""
    if slug not in CHANNELS:
        raise Unsendable(f"Blocks of type {slug!r} cannot send messages; these can: {', '.join(CHANNELS)}.")
    channel = import_module(f"orion.notify.{CHANNELS[slug]}")
    requests: list[Request] = channel.compose(config, message)
    return requests
