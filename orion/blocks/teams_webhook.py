"""Messages to Microsoft Teams."""

from __future__ import annotations

from orion.blocks.channels import Channel
from orion.blocks.fields import field
from orion.blocks.secrets import SecretStr


class TeamsWebhook(Channel):
    """Sends messages to a channel of Microsoft Teams by an incoming webhook.

    Example:
        from orion.blocks import TeamsWebhook

        TeamsWebhook.load("team").notify("The report is ready.")
    """

    _block_type_name = "Microsoft Teams Webhook"
    _block_type_slug = "ms-teams-webhook"

    url: SecretStr = field(description="The address of the incoming webhook.")
