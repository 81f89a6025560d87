"""Opsgenie: an alert, with the responders that the block names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orion.notify.message import Message, Request, cut, json_post, need, texts, without_nothing

HOSTS = {"us": "api.opsgenie.com", "eu": "api.eu.opsgenie.com"}
RESPONDERS = {
    "target_user": ("user", "username"),
    "target_team": ("team", "name"),
    "target_schedule": ("schedule", "name"),
    "target_escalation": ("escalation", "name"),
}
LONGEST, LONGEST_TEXT = 130, 15_000


def compose(config: Mapping[str, Any], message: Message) -> list[Request]:
    """One alert; a repeat counts for the same one, by its alias."""
    responders = [
        {"type": kind, by: name}
        for field, (kind, by) in RESPONDERS.items()
        for name in texts(config.get(field))
    ]
    alert = {
        "message": cut(message.subject, LONGEST),
        "description": cut(message.body, LONGEST_TEXT),
        "alias": config.get("alias") or message.key,
        "entity": config.get("entity"),
        "priority": f"P{config.get('priority') or 3}",
        "tags": texts(config.get("tags")),
        "details": config.get("details"),
        "responders": responders,
        "source": "orion",
    }
    headers = {"Authorization": f"GenieKey {need(config, 'apikey')}"}
    host = HOSTS.get(str(config.get("region_name")), HOSTS["us"])
    return [json_post(message, f"https://{host}/v2/alerts", without_nothing(alert), headers)]
