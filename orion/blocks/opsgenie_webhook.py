"""Alerts for Opsgenie."""

from __future__ import annotations

from typing import Literal

from orion.blocks.channels import Channel
from orion.blocks.fields import field
from orion.blocks.secrets import SecretStr


class OpsgenieWebhook(Channel):
    """Raises alerts in Opsgenie.

    Example:
        from orion.blocks import OpsgenieWebhook

        OpsgenieWebhook.load("oncall").notify("The report is late.", subject="Report")
    """

    _block_type_name = "Opsgenie Webhook"
    _block_type_slug = "opsgenie-webhook"

    apikey: SecretStr = field(description="The key of the integration.")
    target_user: list[str] = field(default_factory=list, description="Users to alert.")
    target_team: list[str] = field(default_factory=list, description="Teams to alert.")
    target_schedule: list[str] = field(default_factory=list, description="Schedules to alert.")
    target_escalation: list[str] = field(default_factory=list, description="Escalations to begin.")
    region_name: Literal["us", "eu"] = field("us", description="Where the account lies.")
    priority: int = field(3, description="From 1, the gravest, to 5.")
    tags: list[str] = field(default_factory=list, description="Tags of the alert.")
    alias: str | None = field(None, description="The alert's own name; repeats join it.")
    entity: str | None = field(None, description="What it is about.")
    details: dict[str, str] = field(default_factory=dict, description="What else to tell.")
