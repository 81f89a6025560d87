"""Messages to Slack."""

from __future__ import annotations

from orion.blocks.channels import Channel
from orion.blocks.fields import field
from orion.blocks.secrets import SecretStr


class SlackWebhook(Channel):
    """Sends messages to a channel of Slack by an incoming webhook.

    Example:
        from orion.blocks import SlackWebhook

        SlackWebhook.load("team").notify("The report is ready.")
    """

    _block_type_name = "Slack Webhook"
    _block_type_slug = "slack-webhook"

    url: SecretStr = field(description="The address of the incoming webhook: https://hooks.slack.com/...")
