"""PagerDuty: an event for its Events API, version 2."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orion.notify.message import Message, Request, cut, json_post, need, without_nothing

HOSTS = {"us": "events.pagerduty.com", "eu": "events.eu.pagerduty.com"}
SEVERITIES = {"info": "info", "success": "info", "warning": "warning", "failure": "critical"}
LONGEST = 1024


def compose(config: Mapping[str, Any], message: Message) -> list[Request]:
    """One event; a repeat joins the incident that the first one opened, by its key."""
    details = config.get("custom_details")
    payload = {
        "summary": cut(message.subject, LONGEST),
        "severity": SEVERITIES.get(str(config.get("notify_type")), "info"),
        "source": config.get("source") or "orion",
        "component": config.get("component"),
        "group": config.get("group"),
        "class": config.get("class_id"),
        "timestamp": message.time.isoformat(),
        "custom_details": {**(details if isinstance(details, dict) else {}), "message": message.body},
    }
    event = {
        "routing_key": need(config, "integration_key"),
        "event_action": "trigger",
        "dedup_key": message.key,
        "client": "orion",
        "client_url": config.get("clickable_url") or message.facts.get("flow_run_url"),
        "payload": without_nothing(payload),
    }
    key = config.get("api_key")
    headers = {"Authorization": f"Token token={key}"} if key else {}
    host = HOSTS.get(str(config.get("region_name")), HOSTS["us"])
    return [json_post(message, f"https://{host}/v2/enqueue", without_nothing(event), headers)]
