"""Events for PagerDuty."""

from __future__ import annotations

from typing import Literal

from orion.blocks.channels import Channel
from orion.blocks.fields import field
from orion.blocks.secrets import SecretStr


class PagerDutyWebHook(Channel):
    """Opens incidents in PagerDuty by its Events API.

    Example:
        from orion.blocks import PagerDutyWebHook

        PagerDutyWebHook.load("oncall").notify("The report is late.", subject="Report")
    """

    _block_type_name = "Pager Duty Webhook"
    _block_type_slug = "pager-duty-webhook"

    integration_key: SecretStr = field(description="The key of the service's integration.")
    api_key: SecretStr | None = field(None, description="A key of the API, if the account asks for one.")
    notify_type: Literal["info", "success", "warning", "failure"] = field(
        "failure", description="How grave it is."
    )
    source: str = field("orion", description="Where it comes from.")
    component: str | None = field(None, description="What it is about.")
    group: str | None = field(None, description="What that belongs to.")
    class_id: str | None = field(None, description="The kind of event.")
    region_name: Literal["us", "eu"] = field("us", description="Where the account lies.")
    clickable_url: str | None = field(None, description="Where the event leads; the run's page without it.")
    custom_details: dict[str, str] = field(default_factory=dict, description="What else to tell.")
