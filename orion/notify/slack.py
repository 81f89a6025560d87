"""Slack, and what takes messages as Slack does: an incoming webhook."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orion.notify.message import Message, Request, json_post, need


def compose(config: Mapping[str, Any], message: Message) -> list[Request]:
    """One post with the text."""
    return [json_post(message, need(config, "url"), {"text": message.body})]
