"""Microsoft Teams: an incoming webhook, which takes an adaptive card."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orion.notify.message import Message, Request, json_post, need

CARD = "application/vnd.microsoft.card.adaptive"


def compose(config: Mapping[str, Any], message: Message) -> list[Request]:
    """One card: the subject in bold, the text below it."""
    wrap = config.get("wrap") is not False
    title = [{"type": "TextBlock", "text": message.subject, "weight": "Bolder", "wrap": wrap}] * bool(
        message.subject
    )
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": [*title, {"type": "TextBlock", "text": message.body, "wrap": wrap}],
    }
    body = {"type": "message", "attachments": [{"contentType": CARD, "content": card}]}
    return [json_post(message, need(config, "url"), body)]
